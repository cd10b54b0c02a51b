import {DefinitionBuilder, type Definition} from '../../src/definition/definition.ts';
import type {NetworkMode, StepOptions} from '../../src/definition/operations.ts';
import type {Digest} from '../../src/kernel/digest.ts';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import type {Platform} from '../../src/kernel/platform.ts';
import {BaseImages, type ResolveImage} from './base-images.ts';
import {Checker} from './check/checker.ts';
import {checkDefaultArguments, checkImagePlatform, FromChecks} from './check/from.ts';
import {readCheckSettings} from './check/settings.ts';
import {checkCasing, checkLines, checkStageNames} from './check/statements.ts';
import type {CheckWarning} from './check-warning.ts';
import type {Conversion} from './convert/conversion.ts';
import {addImage} from './convert/image.ts';
import {beginStage, convertStage, countVertexes} from './convert/stage.ts';
import type {StageState} from './convert/stage-builder.ts';
import {StageNames} from './convert/stage-names.ts';
import type {ConversionRecord} from './conversion-record.ts';
import {emptyImage, finishImage} from './image-config.ts';
import type {Dockerfile} from './instructions.ts';
import {parseDockerfile, type Statement} from './parse.ts';
import {readDockerfile} from './read-dockerfile.ts';
import {imagesOf, resolveStages, type StageWork} from './resolve-stages.ts';
import type {DockerfileSource} from './scan.ts';
import type {PlannedStage, StagePlan} from './stage-plan.ts';
import type {StageSource} from './stage-sources.ts';
import {planStages} from './stages.ts';
import {readSourceDateEpoch} from './source-date-epoch.ts';
import {checkSyntax} from './syntax.ts';
import {readGlobalVariables, readProxyEnvironment} from './variables.ts';
import {WorkBudget} from './work-budget.ts';

/** What a conversion depends on besides the file. */
export type ConvertOptions = {
	/** The name of the stage that is the result; the last one when not given. */
	readonly target?: string;
	readonly buildArgs: ReadonlyMap<string, string>;
	/** Labels that win over those of the Dockerfile. */
	readonly labels: ReadonlyMap<string, string>;
	readonly platform: Platform;
	readonly buildPlatform: Platform;
	/** Do without the cache, always or in the stages of these names. */
	readonly noCache: boolean | readonly string[];
	/** The network of a RUN that does not choose one. */
	readonly network: NetworkMode;
	/** Of each RUN. */
	readonly stepOptions?: StepOptions;
	/** Names that `resolveImage` finds something for before any image of that name. */
	readonly namedContexts: ReadonlySet<string>;
	/** The build context had to be fetched, and is given to the solver as it is. */
	readonly givenContext?: boolean;
	/** Finds an image. Called once for each that the target needs, at the same time. */
	readonly resolveImage: ResolveImage;
	/** All stages are converted, not only those that the target needs. */
	readonly allStages?: boolean;
	/** Called once when the images have been found, before the first instruction of a stage is converted. Says whether the build context leaves a path out. */
	readonly loadIgnored?: () => Promise<(path: string) => boolean>;
	/** Takes what the checks find, as they find it. */
	readonly warn?: (warning: CheckWarning) => void;
	readonly signal: AbortSignal;
};

/** What a Dockerfile says is to be built. */
export type DockerfileResult = {
	readonly definition: Definition;
	/** The config of the image; history entries of this build have no time unless the build was given one, and the layers are those of the base alone. */
	readonly image: ImageConfig;
	/** `NAME=value` of the proxies for every RUN. They are no part of what a RUN is, so they are not in the definition. */
	readonly proxyEnvironment: readonly string[];
	/** How it came about. */
	readonly record: ConversionRecord;
};

/**
Turns a Dockerfile into a definition and an image config. Only the stages that the target needs are converted, and only their images looked up.

@throws {DockerfileError} any of its codes; the reason of `signal` when it is aborted
@see https://docs.docker.com/reference/dockerfile/
*/
export async function convertDockerfile(source: DockerfileSource, options: ConvertOptions): Promise<DockerfileResult> {
	checkSyntax(source, options.buildArgs);
	const created = readSourceDateEpoch(options.buildArgs);
	const checker = new Checker(readCheckSettings(source.content, options.buildArgs), warning => {
		options.warn?.(warning);
	});
	const statements = parseDockerfile(source);
	const dockerfile = readAndCheck(statements, checker);
	const budget = new WorkBudget();
	const {escape} = statements[0]!;
	const targetStage = options.target ?? dockerfile.stages.at(-1)!.from.stageName;
	const variableOptions = {
		...options, targetStage, escape, budget,
	};
	checkDefaultArguments(dockerfile, {predefined: readGlobalVariables([], variableOptions), escape}, checker);
	const globalVariables = readGlobalVariables(dockerfile.globalArguments, variableOptions);
	const plan = planStages(dockerfile, {
		...options, target: options.target, globalVariables, escape, budget, checks: new FromChecks(checker, dockerfile.globalArguments, globalVariables),
	});
	const images = new BaseImages(options.resolveImage, plan.stages.map(({label}) => label));
	const work = await resolveStages(plan, images, options);
	checkImages(work, images, checker);
	const isIgnored = await options.loadIgnored?.() ?? ignoresNothing;
	const definition = new DefinitionBuilder();
	const shared = {
		globalVariables, escape, budget, checker, isIgnored,
	};
	const results = new StageResults({
		plan,
		images,
		definition,
		shared,
	}, options);
	for (const stage of work) {
		results.add(stage);
	}

	checker.finish();
	const target = results.get(plan.target);
	return {
		definition: definition.finish(target.root),
		image: finishImage(target.image, target.baseImage, {...options, created}),
		proxyEnvironment: readProxyEnvironment(options.buildArgs),
		record: {
			dockerfile, escape, plan, work, buildArgs: options.buildArgs, globalVariables, states: results.states,
		},
	};
}

/** The instructions of a file, with the rules that need nothing else. */
function readAndCheck(statements: readonly Statement[], checker: Checker): Dockerfile {
	checkLines(statements, checker);
	const dockerfile = readDockerfile(statements, checker);
	checkStageNames(dockerfile.stages.map(({from}) => from), checker);
	checkCasing(statements, checker);
	return dockerfile;
}

function checkImages(work: readonly StageWork[], images: BaseImages, checker: Checker): void {
	for (const {stage, triggers} of work) {
		for (const source of imagesOf(stage, [...triggers, ...stage.steps])) {
			checkImagePlatform(source, images.get(source).config, checker);
		}
	}
}

function ignoresNothing(): boolean {
	return false;
}

/** What the stages of one build have in common. */
type BuildParts = {
	readonly plan: StagePlan;
	readonly images: BaseImages;
	readonly definition: DefinitionBuilder;
	readonly shared: Pick<Conversion, 'globalVariables' | 'escape' | 'budget' | 'checker' | 'isIgnored'>;
};

/** The stages that have been converted. */
class StageResults {
	readonly #parts: BuildParts;
	readonly #options: ConvertOptions;
	readonly #conversion: Conversion;
	readonly #states = new Map<number, StageState>();

	constructor(parts: BuildParts, options: ConvertOptions) {
		this.#parts = parts;
		this.#options = options;
		this.#conversion = {
			...parts.shared,
			definition: parts.definition,
			buildArgs: options.buildArgs,
			network: options.network,
			stepOptions: options.stepOptions ?? {},
			rootOf: source => this.#rootOf(source),
			buildContext: () => addBuildContext(parts.definition, options),
		};
	}

	#begin({base}: PlannedStage, names: StageNames): StageState {
		const {platform} = this.#options;
		switch (base.type) {
			case 'scratch': {
				return beginStage(null, emptyImage(platform), platform);
			}

			case 'stage': {
				return this.get(base.index);
			}

			case 'image': {
				return beginStage(this.#rootOf(base, names), this.#parts.images.get(base).config, base.platform);
			}
		}
	}

	#rootOf(source: StageSource, names?: StageNames): Digest | null {
		switch (source.type) {
			case 'scratch': {
				return null;
			}

			case 'stage': {
				return this.get(source.index).root;
			}

			case 'image': {
				return addImage(this.#parts.images.get(source), source, {definition: this.#parts.definition, names});
			}
		}
	}

	#ignoresCache({name}: PlannedStage): boolean {
		const {noCache} = this.#options;
		return typeof noCache === 'boolean' ? noCache : noCache.some(wanted => wanted.toLowerCase() === name);
	}

	/** By their places in the file. */
	get states(): ReadonlyMap<number, StageState> {
		return this.#states;
	}

	get(index: number): StageState {
		return this.#states.get(index)!;
	}

	/** Converts a stage; those that it needs have been added before. */
	add(work: StageWork): void {
		const {stage} = work;
		const names = new StageNames(this.#parts.plan.isAlone ? '' : stage.label, countVertexes(work));
		const base = this.#begin(stage, names);
		const options = {conversion: this.#conversion, names, ignoresCache: this.#ignoresCache(stage)};
		this.#states.set(stage.index, stage.isReplaced ? base : convertStage(work, base, options));
	}
}

function addBuildContext(definition: DefinitionBuilder, {givenContext = false}: ConvertOptions): Digest {
	return definition.add({kind: givenContext ? 'source-given' : 'source-local', name: 'context'}, [], {name: givenContext ? '' : '[internal] load build context', locations: [], ignoreCache: false});
}
