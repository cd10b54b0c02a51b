import type {VertexMetadata} from '../../../src/definition/definition.ts';
import type {Operation} from '../../../src/definition/operations.ts';
import type {Digest} from '../../../src/kernel/digest.ts';
import type {ImageConfig} from '../../../src/kernel/oci-types.ts';
import type {Platform} from '../../../src/kernel/platform.ts';
import type {SourceLocation} from '../../../src/kernel/source-location.ts';
import {StageChecks} from '../check/stage-checks.ts';
import type {Environment} from '../environment.ts';
import {DockerfileError} from '../errors.ts';
import {expandToWords, expandWord} from '../expand.ts';
import type {ImageDraft} from '../image-draft.ts';
import type {Instruction} from '../instructions.ts';
import type {Expansion, ExpandOptions} from '../word-expander.ts';
import type {Conversion} from './conversion.ts';
import type {StageNames} from './stage-names.ts';

/** What a stage is after some of its instructions. */
export type StageState = {
	/** The vertex whose file system is the stage's; `null` is the empty one. */
	readonly root: Digest | null;
	readonly image: ImageDraft;
	readonly platform: Platform;
	/** The values of ENV and ARG. */
	readonly environment: Environment;
	/** The ARGs that were declared, with the values that they had then, if any. */
	readonly buildArguments: ReadonlyMap<string, string | undefined>;
	/** The image that the lowest of the stages begins with. */
	readonly baseImage: ImageConfig;
	/** There was a WORKDIR. */
	readonly hasWorkingDirectory: boolean;
	/** What its own RUNs take from the user, in order. */
	readonly userMounts: readonly UserMount[];
};

/** A secret or an SSH socket that a RUN takes. */
export type UserMount = {
	readonly type: 'secret' | 'ssh';
	readonly name: string;
	readonly isRequired: boolean;
	readonly location: SourceLocation;
};

/** A vertex that an instruction adds to its stage. */
export type StageVertex = {
	readonly operation: Operation;
	readonly inputs: readonly Digest[];
	/** Without the number of the step. */
	readonly name: string;
	readonly instruction: Instruction;
	/** The stage's wish to do without the cache holds for this vertex. */
	readonly followsCacheWish: boolean;
};

/** What a stage works with. */
export type StageBuilderOptions = {
	readonly conversion: Conversion;
	readonly names: StageNames;
	/** The cache is not asked for the stage's vertexes. */
	readonly ignoresCache: boolean;
};

/**
Carries out the instructions of one stage, one after the other, on top of what it begins with.
*/
export class StageBuilder {
	readonly #base: StageState;
	readonly #names: StageNames;
	readonly #ignoresCache: boolean;
	readonly #buildArguments: Map<string, string | undefined>;
	#root: Digest | null;
	#hasCommand = false;
	#location: SourceLocation | undefined;
	readonly #userMounts: UserMount[] = [];
	readonly conversion: Conversion;
	readonly image: ImageDraft;
	readonly environment: Environment;
	readonly checks: StageChecks;

	constructor(base: StageState, {conversion, names, ignoresCache}: StageBuilderOptions) {
		this.#base = base;
		this.#names = names;
		this.#ignoresCache = ignoresCache;
		this.#buildArguments = new Map(base.buildArguments);
		this.#root = base.root;
		this.conversion = conversion;
		this.checks = new StageChecks({...conversion, hasWorkingDirectory: base.hasWorkingDirectory});
		conversion.budget.spend(base.image.size + base.environment.size);
		this.image = base.image.fork();
		this.environment = base.environment.fork();
		// As with BuildKit, an ARG wins over an ENV before it only in its own stage.
		for (const [name, value] of this.image.variables) {
			this.environment.set(name, value);
		}
	}

	get #expandOptions(): ExpandOptions {
		const {escape, budget} = this.conversion;
		return {escape, budget};
	}

	#expandOrKeep(text: string, options: Partial<ExpandOptions>): string {
		try {
			return this.#expand(text, options).text;
		} catch (error) {
			if (error instanceof DockerfileError && error.code === 'ERR_TSBUILD_DOCKERFILE_EXPANSION') {
				return text;
			}

			throw error;
		}
	}

	#expand(text: string, options: Partial<ExpandOptions>): Expansion {
		return expandWord(text, this.environment.variables, {...this.#expandOptions, ...options});
	}

	#metadata(instruction: Instruction, {name, followsCacheWish}: Pick<StageVertex, 'name' | 'followsCacheWish'>): VertexMetadata {
		return {
			name: this.#names.next(stepText(instruction, name)),
			locations: [instruction.location],
			ignoreCache: followsCacheWish && this.#ignoresCache,
		};
	}

	get root(): Digest | null {
		return this.#root;
	}

	get platform(): Platform {
		return this.#base.platform;
	}

	/** CMD was set in this stage. */
	get hasCommand(): boolean {
		return this.#hasCommand;
	}

	get workingDirectory(): string {
		return this.image.plain.WorkingDir ?? '/';
	}

	/** `user[:group]`; empty for root. */
	get user(): string {
		return this.image.plain.User ?? '';
	}

	get buildArguments(): ReadonlyMap<string, string | undefined> {
		return this.#buildArguments;
	}

	/** The next instruction is carried out. */
	begin(instruction: Instruction): void {
		this.#location = instruction.location;
		this.checks.begin(instruction);
	}

	/** What the instructions so far have made. */
	finish(): StageState {
		return {
			root: this.#root,
			image: this.image,
			platform: this.platform,
			environment: this.environment,
			buildArguments: this.#buildArguments,
			baseImage: this.#base.baseImage,
			hasWorkingDirectory: this.checks.hasWorkingDirectory,
			userMounts: this.#userMounts,
		};
	}

	/**
	Expands the variables of a word.

	@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_EXPANSION`, `ERR_TSBUILD_DOCKERFILE_LIMIT`
	*/
	expand(word: string, options: Partial<ExpandOptions> = {}): string {
		const unset = new Set<string>();
		try {
			return this.#expand(word, {...options, unset}).text;
		} finally {
			this.checks.unsetVariables(unset, {variables: this.environment.variables, buildArguments: this.#buildArguments});
		}
	}

	/** Like `expand`; the result is split into words. */
	expandToWords(word: string): readonly string[] {
		return expandToWords(word, this.environment.variables, this.#expandOptions);
	}

	/** An instruction as the progress shows it: with variables expanded where that works. */
	describe(text: string, options: Partial<ExpandOptions> = {}): string {
		const expanded = this.#expandOrKeep(text, options);
		const [keyword = ''] = expanded.split(' ', 1);
		return keyword.toUpperCase() + expanded.slice(keyword.length);
	}

	/** Sets CMD; it then outlives a later ENTRYPOINT. */
	setCommand(words: readonly string[]): void {
		this.#hasCommand = true;
		this.image.update({Cmd: words, ArgsEscaped: true});
	}

	/** Declares an ARG. */
	addBuildArgument(name: string, value: string | undefined): void {
		this.#buildArguments.set(name, value);
	}

	/** The instruction takes something from the user. */
	addUserMount(mount: Omit<UserMount, 'location'>): void {
		this.#userMounts.push({...mount, location: this.#location!});
	}

	/** Adds a vertex without inputs that the next vertex of the instruction takes files from. It has the same name. */
	addSource(operation: Operation, {instruction, name}: Pick<StageVertex, 'instruction' | 'name'>): Digest {
		return this.conversion.definition.add(operation, [], {name: this.#names.peek(stepText(instruction, name)), locations: [], ignoreCache: false});
	}

	/** Adds a vertex; its file system becomes the stage's. */
	addVertex({operation, inputs, name, instruction, followsCacheWish}: StageVertex): void {
		this.#root = this.conversion.definition.add(operation, inputs, this.#metadata(instruction, {name, followsCacheWish}));
	}

	/** Adds a vertex that works on the empty file system, and the one that puts what it makes onto the stage's. Both are one step. */
	addLinkedVertex({operation, inputs, name, instruction, followsCacheWish}: StageVertex): void {
		const metadata = this.#metadata(instruction, {name, followsCacheWish});
		const layer = this.conversion.definition.add(operation, inputs, metadata);
		this.#root = this.conversion.definition.add({kind: 'merge', root: 0, layer: 1}, [this.#root!, layer], metadata);
	}
}

function stepText({isTrigger}: Instruction, name: string): string {
	return isTrigger ? `ONBUILD ${name}` : name;
}
