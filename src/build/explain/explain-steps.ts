import type {BuildResult} from '../../../solver/ops/build-result.ts';
import type {JournalEntry, JournalInput} from '../../../solver/journal.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import type {Digest} from '../../kernel/digest.ts';
import type {ExecutionReason} from '../../kernel/execution-reason.ts';
import type {ExplanationEvent} from '../../kernel/progress-event.ts';
import {findNearest, type EarlierSteps} from './find-nearest.ts';
import {Listings} from './listings.ts';
import {describeStep, type PartValue} from './step-description.ts';
import {
	factsOf,
	findInput,
	identityOf,
	type InputFacts,
	type Project,
	type StepFacts,
	type StoredProject,
} from './step-facts.ts';
import type {StepJournal} from './step-journal.ts';

type Entry = JournalEntry<BuildResult>;

type Explaining = EarlierSteps & {
	/** What was executed in this build. */
	readonly executed: ReadonlySet<Digest>;
};

// What no description of an operation holds, by its kind.
const remoteParts: Readonly<Record<string, string>> = {'source-http': 'content at the address', 'source-git': 'commit'};

// More would hide what matters.
const maximumFiles = 10;

/** Says of each step that a build has executed why its result was not found, in the order of the steps. */
export async function explainSteps(journal: StepJournal, {metadata, ...project}: StoredProject): Promise<readonly ExplanationEvent[]> {
	const entries = journal.entries.filter(entry => isStep(entry, project));
	const explaining: Explaining = {
		...project,
		metadata,
		until: journal.newestEarlier,
		listings: new Listings(metadata),
		identities: new Set(project.definition.vertexes.values().map(({operation}) => identityOf(describeStep(operation)))),
		executed: new Set(journal.entries.map(({vertex}) => vertex.digest)),
	};
	const explanations = new Map<Digest, ExplanationEvent>();
	for (const entry of entries) {
		const whole = entry.vertex.partOf ?? entry.vertex.digest;
		const former = explanations.get(whole)?.reasons ?? [];
		explanations.set(whole, {
			type: 'explanation', vertex: whole, name: entry.vertex.name, reasons: withoutDoubles([...former, ...await explain(entry, explaining)]),
		});
	}

	return explanations.values().toArray();
}

/** What stands in the Dockerfile, and not what is made for it or only read. */
function isStep({vertex}: Entry, {definition}: Project): boolean {
	const {kind} = definition.vertexes.get(vertex.digest)!.operation;
	return vertex.name !== '' && !vertex.name.startsWith('[internal]') && kind !== 'source-local' && kind !== 'source-given';
}

/** A whole that was put together of its parts has no reason of its own beside theirs. */
function withoutDoubles(reasons: readonly ExecutionReason[]): readonly ExecutionReason[] {
	const unique = new Map(reasons.map(reason => [canonicalJson(reason), reason])).values().toArray();
	const telling = unique.filter(({kind}) => kind !== 'first' && kind !== 'no-difference');
	return telling.length > 0 ? telling : unique.slice(0, 1);
}

async function explain(entry: Entry, explaining: Explaining): Promise<readonly ExecutionReason[]> {
	switch (entry.cause) {
		case 'ignored': {
			return [{kind: 'cache-ignored'}];
		}

		case 'lost': {
			return [{kind: 'result-lost'}];
		}

		case 'uncacheable': {
			return [{kind: 'uncacheable'}];
		}

		case 'renewed': {
			return inputsExecuted(entry, explaining);
		}

		case 'unknown': {
			return compare(entry, explaining);
		}
	}
}

async function compare(entry: Entry, explaining: Explaining): Promise<readonly ExecutionReason[]> {
	const facts = factsOf(entry, explaining);
	const nearest = await findNearest(entry, facts, explaining);
	if (nearest === undefined) {
		return [{kind: 'first'}];
	}

	const inputs = await Promise.all(entry.inputs.map(async (input, index) => {
		const after = facts.inputs[index]!;
		return compareInput(entry, {input, before: findInput(nearest, after.role), after}, explaining);
	}));
	const reasons = [...compareParts(nearest, facts), ...compareRoots(nearest, facts), ...inputs.flat()];
	return reasons.length > 0 ? reasons : [withoutDifference(nearest, facts)];
}

/** What has all the same parts has them in another order, or has found something else at the same address. */
function withoutDifference(before: StepFacts, after: StepFacts): ExecutionReason {
	return before.operation === after.operation ? {kind: 'no-difference'} : {kind: 'part', part: remoteParts[after.kind] ?? 'order of its parts', change: 'changed'};
}

function inputsExecuted({vertex, inputs}: Entry, {executed}: Explaining): readonly ExecutionReason[] {
	return inputs
		.filter(input => executed.has(input.vertex.digest) && isTold(input, vertex))
		.map(input => ({kind: 'input-executed', step: input.vertex.name}));
}

/** A part of the same step says for itself why it was executed, and a directory of the client is read each time. */
function isTold({vertex: {digest, name, partOf}, key}: JournalInput<BuildResult>, whole: Entry['vertex']): boolean {
	return name !== '' && key !== undefined && partOf !== whole.digest && digest !== whole.digest;
}

type ComparedInput = {
	readonly input: JournalInput<BuildResult>;
	/** A step may have had fewer inputs. */
	readonly before: InputFacts | undefined;
	readonly after: InputFacts;
};

async function compareInput({vertex}: Entry, {input, before, after}: ComparedInput, explaining: Explaining): Promise<readonly ExecutionReason[]> {
	if (before === undefined || (before.key === after.key && before.content === after.content)) {
		return [];
	}

	if (after.content !== undefined) {
		return compareContents({input, before, after}, explaining);
	}

	if (!isTold(input, vertex)) {
		return [];
	}

	const isExecuted = explaining.executed.has(input.vertex.digest);
	const reason: ExecutionReason = isExecuted ? {kind: 'input-executed', step: input.vertex.name} : {kind: 'input-changed', before: before.label, after: after.label};
	return [reason];
}

/** The empty file system is no input. A linked copy has no root either, and is told by its flag. */
function compareRoots(before: StepFacts, after: StepFacts): readonly ExecutionReason[] {
	const [old, current] = [findInput(before, 'root'), findInput(after, 'root')];
	const isSame = (old === undefined) === (current === undefined);
	return isSame || before.parts['--link'] !== after.parts['--link'] ? [] : [{kind: 'input-changed', before: old?.label ?? 'scratch', after: current?.label ?? 'scratch'}];
}

async function compareContents({input, before}: ComparedInput, {listings}: Explaining): Promise<readonly ExecutionReason[]> {
	const changes = await listings.compare(before?.content, input);
	if (changes?.length === 0) {
		return [];
	}

	const {name} = input.vertex;
	return [{
		kind: 'files',
		...(input.key !== undefined && !name.startsWith('[internal]') && {step: name}),
		files: (changes ?? []).slice(0, maximumFiles),
		others: Math.max(0, (changes ?? []).length - maximumFiles),
	}];
}

function compareParts(before: StepFacts, after: StepFacts): readonly ExecutionReason[] {
	const names = [...new Set([...Object.keys(after.parts), ...Object.keys(before.parts)])];
	return names.map(name => comparePart(name, before.parts[name], after.parts[name])).filter(reason => reason !== undefined);
}

function comparePart(part: string, before: PartValue | undefined, after: PartValue | undefined): ExecutionReason | undefined {
	if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) {
		return undefined;
	}

	const change = before === undefined ? 'added' : (after === undefined ? 'removed' : 'changed');
	return {
		kind: 'part',
		part,
		change,
		...(typeof before === 'string' && {before}),
		...(typeof after === 'string' && {after}),
	};
}
