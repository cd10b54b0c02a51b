import {errorMessage} from '../../src/kernel/errors.ts';
import type {Platform} from '../../src/kernel/platform.ts';
import {suggestion} from '../../src/kernel/suggestion.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import type {FromChecks} from './check/from.ts';
import type {EscapeCharacter} from './directives.ts';
import {atLocation, DockerfileError} from './errors.ts';
import {expandWord} from './expand.ts';
import type {Dockerfile, FromInstruction, Instruction} from './instructions.ts';
import {readPlatformName} from './platform-name.ts';
import {readMountSources} from './read-mount.ts';
import {rejectCycles} from './stage-graph.ts';
import type {PlannedStage, StagePlan, StageStep} from './stage-plan.ts';
import {
	findBase,
	findNamedContext,
	findSource,
	sourceNames,
	type SourceNames,
	type StageSource,
} from './stage-sources.ts';
import type {WorkBudget} from './work-budget.ts';

export type PlanOptions = {
	readonly target: string | undefined;
	/** That of stages without `--platform`. */
	readonly platform: Platform;
	readonly namedContexts: ReadonlySet<string>;
	readonly globalVariables: ReadonlyMap<string, string>;
	readonly escape: EscapeCharacter;
	readonly budget: WorkBudget;
	readonly checks: FromChecks;
};

/**
Finds out what each stage begins with and copies from.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_STAGE` for a target or number that does not exist, a variable in `--from`, and stages that need each other; `ERR_TSBUILD_DOCKERFILE_VALUE` for a platform or image name that is none; `ERR_TSBUILD_DOCKERFILE_EXPANSION`
*/
export function planStages({stages}: Dockerfile, options: PlanOptions): StagePlan {
	const numbers = new Map<string, number>();
	const names = sourceNames({
		numbers, stageCount: stages.length, platform: options.platform, namedContexts: options.namedContexts,
	});
	const begun = stages.map(({from}, index) => {
		const stage = atLocation(from.location, () => beginStage(from, index, {names, options}));
		numbers.set(stage.name, index);
		return stage;
	});
	const target = findTarget(begun, numbers, options.target);
	const planned = begun.map((stage, index) => ({...stage, steps: stages[index]!.instructions.map(instruction => planStep(instruction, names))}));
	rejectCycles(planned);
	return {
		stages: planned, target, isAlone: planned.length === 1 && standsAlone(planned[0]!), names,
	};
}

/**
Finds what an instruction takes files from.

@throws {DockerfileError} as `planStages`; `ERR_TSBUILD_DOCKERFILE_SYNTAX` for a mount whose fields cannot be read
*/
export function planStep(instruction: Instruction, names: SourceNames): StageStep {
	return {instruction, sources: new Map(findSources(instruction, names))};
}

function findSources(instruction: Instruction, names: SourceNames): ReadonlyArray<readonly [string, StageSource]> {
	const {location} = instruction;
	if (instruction.kind === 'copy') {
		return instruction.from === undefined ? [] : [[instruction.from, findSource(instruction.from, location, names)]];
	}

	if (instruction.kind === 'run') {
		const place = {location, platform: names.platform};
		return atLocation(location, () => instruction.mounts.flatMap(mount => readMountSources(mount)).map(from => [from, findBase(from, place, names)] as const));
	}

	return [];
}

/** Whether nothing but its own instructions has a part in a stage. BuildKit counts any mount as something else. */
function standsAlone({steps}: PlannedStage): boolean {
	return steps.every(({instruction, sources}) => sources.size === 0 && (instruction.kind !== 'run' || instruction.mounts.length === 0));
}

type BeginOptions = {readonly names: SourceNames; readonly options: PlanOptions};

function beginStage(from: FromInstruction, index: number, {names, options}: BeginOptions): Omit<PlannedStage, 'steps'> {
	const {baseName, stageName, location} = from;
	const expansion = expandWord(baseName, options.globalVariables, options);
	const name = expansion.text;
	options.checks.base(from, expansion);
	if (name === '') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `base name (${baseName}) should not be blank`);
	}

	const platform = readPlatform(from, options);
	const place = {location, platform: platform ?? options.platform};
	const replacement = findNamedContext(stageName, place, names);
	return {
		index,
		name: stageName,
		label: stageName === '' ? `stage-${index}` : stageName,
		from,
		base: replacement ?? findBase(name, place, names),
		isReplaced: replacement !== undefined,
		platform,
	};
}

function readPlatform(from: FromInstruction, options: PlanOptions): Platform | undefined {
	const {platform: expression} = from;
	if (expression === undefined) {
		return undefined;
	}

	const expansion = expandWord(expression, options.globalVariables, options);
	const {text, unset} = expansion;
	options.checks.platform(from, expansion, options.platform);
	const hint = [...unset].map(name => suggestion(name, options.globalVariables.keys())).find(found => found !== '') ?? '';
	if (text === '') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `empty platform value from expression ${expression}${hint}`);
	}

	try {
		return readPlatformName(text, options.platform);
	} catch (error) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `failed to parse platform ${expression}: ${errorMessage(error)}${hint}`, {cause: error});
	}
}

function findTarget(stages: ReadonlyArray<Omit<PlannedStage, 'steps'>>, numbers: ReadonlyMap<string, number>, target: string | undefined): number {
	if (target === undefined || target === '') {
		return stages.length - 1;
	}

	const index = numbers.get(target.toLowerCase());
	if (index === undefined) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_STAGE', `target stage ${quoteGoString(target)} could not be found${suggestion(target, stages.map(({label}) => label))}`);
	}

	return index;
}
