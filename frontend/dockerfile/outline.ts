import type {SourceLocation} from '../../src/kernel/source-location.ts';
import type {ConversionRecord} from './conversion-record.ts';
import {expandWord} from './expand.ts';
import type {ArgInstruction, FromInstruction} from './instructions.ts';
import type {StagePlan} from './stage-plan.ts';
import type {StageSource} from './stage-sources.ts';
import {WorkBudget} from './work-budget.ts';

/** A build argument that a target takes. */
export type OutlineArgument = {
	readonly name: string;
	/** What the comment above it says; empty without one. */
	readonly description: string;
	/** Empty without one. */
	readonly value: string;
	readonly location: SourceLocation;
};

/** A secret or an SSH socket that a target takes. */
export type OutlineMount = {
	readonly name: string;
	readonly isRequired: boolean;
	readonly location: SourceLocation;
};

/** What can be given to a build of one target. */
export type Outline = {
	/** The name of the stage; empty without one. */
	readonly name: string;
	readonly description: string;
	/** These and the others in the order of the file. */
	readonly arguments: readonly OutlineArgument[];
	readonly secrets: readonly OutlineMount[];
	readonly ssh: readonly OutlineMount[];
};

type Argument = OutlineArgument & {
	/** The global ARGs that its default is made of. */
	readonly uses: ReadonlySet<string>;
};

/**
What can be given to the build of the target, in the manner of BuildKit's `frontend.outline`.

@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/dockerfile2llb/outline.go
*/
export function readOutline(record: ConversionRecord): Outline {
	const {plan} = record;
	const {from} = plan.stages[plan.target]!;
	const order = visitStages(record);
	const globals = readGlobals(record);
	const mounts = order.flatMap(index => record.states.get(index)?.userMounts ?? []);
	return {
		name: from.stageName,
		description: describe(from.comments, from.stageName),
		arguments: inOrder(order.flatMap(index => readArguments(index, globals, record))).map(({uses, ...argument}) => argument),
		secrets: inOrder(mounts.filter(({type}) => type === 'secret')).map(({type, ...mount}) => mount),
		ssh: inOrder(mounts.filter(({type}) => type === 'ssh')).map(({type, ...mount}) => mount),
	};
}

/**
What the comment above a definition says about a name: the rest of the first line that begins with it.

@returns empty without such a line
*/
export function describe(comments: readonly string[], name: string): string {
	const line = name === '' ? undefined : comments.find(comment => comment.startsWith(`${name} `));
	return line?.slice(name.length + 1) ?? '';
}

/** The target, what it begins with, what it copies from, each followed by its own. */
function visitStages({plan, work}: ConversionRecord): readonly number[] {
	const triggers = new Map(work.map(({stage, triggers: steps}) => [stage.index, steps]));
	const visited = new Set<number>();
	const pending = [plan.target];
	for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
		visited.add(index);
		const {base, steps} = plan.stages[index]!;
		const sources: readonly StageSource[] = [base, ...[...(triggers.get(index) ?? []), ...steps].flatMap(step => step.sources.values().toArray())];
		const next = sources.flatMap(source => (source.type === 'stage' && !visited.has(source.index) ? [source.index] : []));
		pending.push(...next.toReversed());
	}

	return [...visited];
}

function readGlobals({dockerfile, globalVariables, buildArgs, escape}: ConversionRecord): ReadonlyMap<string, Argument> {
	const budget = new WorkBudget();
	const found = new Map<string, Argument>();
	for (const {parameters, location, comments} of dockerfile.globalArguments) {
		for (const {name, value} of parameters) {
			const isExpanded = value !== undefined && !buildArgs.has(name);
			const uses = isExpanded ? new Set(expandWord(value, globalVariables, {escape, budget}).set) : new Set<string>();
			uses.delete(name);
			found.set(name, {
				name, description: describe(comments, name), value: globalVariables.get(name) ?? '', location, uses,
			});
		}
	}

	return found;
}

/** The arguments of one stage: its own, and the global ones that it and what it begins with use. */
function readArguments(index: number, globals: ReadonlyMap<string, Argument>, record: ConversionRecord): readonly Argument[] {
	const declared = argumentsOf(index, record);
	const own = declared.flatMap(instruction => readOwn(instruction, index, record));
	const known = new Map([...globals, ...own.map(argument => [argument.name, argument] as const)]);
	const direct = [
		...fromChain(index, record.plan).flatMap(from => namesIn(from, record)),
		...declared.flatMap(({parameters}) => parameters.map(({name}) => name)),
	];
	return withUsed(direct, known);
}

/** The arguments of these names and, again and again, those that their defaults are made of. */
function withUsed(names: readonly string[], known: ReadonlyMap<string, Argument>): readonly Argument[] {
	const used = new Map<string, Argument>();
	let pending = names;
	while (pending.length > 0) {
		const fresh = pending.filter(name => !used.has(name)).map(name => known.get(name)).filter(argument => argument !== undefined);
		for (const argument of fresh) {
			used.set(argument.name, argument);
		}

		pending = fresh.flatMap(({uses}) => [...uses]);
	}

	return used.values().toArray();
}

function argumentsOf(index: number, {plan, work}: ConversionRecord): readonly ArgInstruction[] {
	const triggers = work.find(({stage}) => stage.index === index)?.triggers ?? [];
	return [...triggers, ...plan.stages[index]!.steps].map(({instruction}) => instruction).filter(instruction => instruction.kind === 'arg');
}

/** What an ARG of a stage declares; one that only takes over a global ARG declares nothing. */
function readOwn({parameters, location, comments}: ArgInstruction, index: number, {buildArgs, globalVariables, states}: ConversionRecord): readonly Argument[] {
	return parameters
		.filter(({name, value}) => value !== undefined || buildArgs.has(name) || !globalVariables.has(name))
		.map(({name}) => ({
			name, description: describe(comments, name), value: states.get(index)?.buildArguments.get(name) ?? '', location, uses: new Set(),
		}));
}

function fromChain(index: number, {stages}: StagePlan): readonly FromInstruction[] {
	const chain: FromInstruction[] = [];
	for (let stage = stages[index]; stage !== undefined; stage = stage.base.type === 'stage' ? stages[stage.base.index] : undefined) {
		chain.push(stage.from);
	}

	return chain;
}

function namesIn({baseName, platform = ''}: FromInstruction, {globalVariables, escape}: ConversionRecord): readonly string[] {
	const budget = new WorkBudget();
	return [baseName, platform].flatMap(word => [...expandWord(word, globalVariables, {escape, budget}).set]);
}

/** The first of each name, sorted by their lines. */
function inOrder<Item extends {readonly name: string; readonly location: SourceLocation}>(items: readonly Item[]): readonly Item[] {
	const first = new Map<string, Item>();
	for (const item of items) {
		first.set(item.name, first.get(item.name) ?? item);
	}

	return first.values().toArray().toSorted((left, right) => left.location.startLine - right.location.startLine);
}
