import type {Operation} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {ContainerConfig, ImageConfig} from '../../../src/kernel/oci-types.ts';
import type {Platform} from '../../../src/kernel/platform.ts';
import {Environment} from '../environment.ts';
import {expandWord} from '../expand.ts';
import {historyComment, type ImageDraft} from '../image-config.ts';
import type {Instruction} from '../instructions.ts';
import {DockerfileError} from '../errors.ts';
import type {ExpandOptions} from '../word-expander.ts';
import type {Conversion} from './conversion.ts';
import type {StageNames} from './stage-names.ts';

/** An ARG that was declared; a value that nobody gave is missing. */
export type BuildArgument = {readonly name: string; readonly value?: string};

/** What a stage leaves to those that begin with it. */
export type StageResult = {
	/** The vertex whose file system is the stage's; `null` is the empty one. */
	readonly root: Digest | null;
	readonly image: ImageDraft;
	readonly platform: Platform;
	/** ENV and ARG, in the order in which they were set last. */
	readonly environment: Environment;
	readonly buildArguments: readonly BuildArgument[];
	/** The image that the lowest of the stages begins with. */
	readonly baseImage: ImageConfig;
};

/** A vertex that an instruction adds to its stage. */
export type StageVertex = {
	readonly operation: Operation;
	readonly inputs: readonly Digest[];
	readonly name: string;
	readonly instruction: Instruction;
	/** The stage's wish to do without the cache holds for this vertex. */
	readonly followsCacheWish: boolean;
};

/**
The state of one stage while its instructions are carried out one after the other.
*/
export class StageBuilder {
	readonly #ignoresCache: boolean;
	readonly #buildArguments: BuildArgument[];
	readonly #baseImage: ImageConfig;
	#root: Digest | null;
	#image: ImageDraft;
	#hasCommand = false;
	readonly conversion: Conversion;
	readonly names: StageNames;
	readonly platform: Platform;
	readonly environment: Environment;

	constructor(base: StageResult, {conversion, names, ignoresCache}: {readonly conversion: Conversion; readonly names: StageNames; readonly ignoresCache: boolean}) {
		this.conversion = conversion;
		this.names = names;
		this.platform = base.platform;
		this.environment = new Environment(base.environment.variables);
		this.#ignoresCache = ignoresCache;
		this.#buildArguments = [...base.buildArguments];
		this.#baseImage = base.baseImage;
		this.#root = base.root;
		this.#image = base.image;
	}

	#expandOptions(): ExpandOptions {
		const {escape, budget} = this.conversion;
		return {escape, budget};
	}

	#expandOrKeep(text: string, options: Partial<ExpandOptions>): string {
		try {
			return this.expand(text, options);
		} catch (error) {
			if (error instanceof DockerfileError && error.code === 'ERR_TSBUILD_DOCKERFILE_EXPANSION') {
				return text;
			}

			throw error;
		}
	}

	get root(): Digest | null {
		return this.#root;
	}

	/** CMD was set in this stage. */
	get hasCommand(): boolean {
		return this.#hasCommand;
	}

	get config(): ContainerConfig {
		return this.#image.config;
	}

	get workingDirectory(): string {
		return this.config.WorkingDir ?? '/';
	}

	get buildArguments(): readonly BuildArgument[] {
		return this.#buildArguments;
	}

	/** What the instructions so far have made. */
	finish(): StageResult {
		return {
			root: this.#root, image: this.#image, platform: this.platform, environment: this.environment, buildArguments: this.#buildArguments, baseImage: this.#baseImage,
		};
	}

	/**
	Expands the variables of a word.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION`, `ERR_TSBUILD_DOCKERFILE_LIMIT`
	*/
	expand(word: string, options: Partial<ExpandOptions> = {}): string {
		return expandWord(word, this.environment.variables, {...this.#expandOptions(), ...options}).text;
	}

	/** Like `expand`; the result is split into words. */
	expandToWords(word: string): readonly string[] {
		return expandWord(word, this.environment.variables, this.#expandOptions()).words;
	}

	/** The instruction as the progress shows it: with variables expanded where that works. */
	describe(text: string, options: Partial<ExpandOptions> = {}): string {
		const expanded = this.#expandOrKeep(text, options);
		const [keyword = ''] = expanded.split(' ', 1);
		return keyword.toUpperCase() + expanded.slice(keyword.length);
	}

	updateConfig(changes: Partial<ContainerConfig>): void {
		this.#image = {...this.#image, config: {...this.config, ...changes}};
	}

	setCommand(words: readonly string[]): void {
		this.#hasCommand = true;
		this.updateConfig({Cmd: words, ArgsEscaped: true});
	}

	setAuthor(author: string): void {
		this.#image = {...this.#image, author};
	}

	addBuildArgument(argument: BuildArgument): void {
		this.#buildArguments.push(argument);
	}

	/** Adds a line to the history; those without a layer are marked. */
	addHistory(text: string, {hasLayer}: {readonly hasLayer: boolean}): void {
		const entry = {created_by: text, comment: historyComment, ...(!hasLayer && {empty_layer: true})};
		this.#image = {...this.#image, history: [...this.#image.history, entry]};
	}

	/** Adds a vertex; its file system becomes the stage's. */
	addVertex({operation, inputs, name, instruction, followsCacheWish}: StageVertex): void {
		this.conversion.budget.spend(name.length);
		this.#root = this.conversion.definition.add(operation, inputs, {name, locations: [instruction.location], ignoreCache: followsCacheWish && this.#ignoresCache});
	}
}
