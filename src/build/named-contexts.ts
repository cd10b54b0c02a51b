import {emptyImage} from '../../frontend/dockerfile/image-config.ts';
import type {ResolvedImage} from '../../frontend/dockerfile/base-images.ts';
import type {BuildResult} from '../../solver/ops/build-result.ts';
import {openContextDirectory} from '../context/build-files.ts';
import {loadIgnoreFile} from '../context/ignore-file.ts';
import type {ImageLookup, WantedImage} from '../image-resolver/image-resolver.ts';
import {resolveLayoutImage} from '../image-resolver/layout-image.ts';
import {withInternalVertex} from '../kernel/internal-vertex.ts';
import type {Descriptor} from '../linux/descriptor.ts';
import type {BuildFiles} from './build-files.ts';
import {fetchFile, fetchRepository, type FetchedContext} from './fetch-context.ts';
import {loadMetadata} from './load-metadata.ts';
import type {NamedContext} from './named-context.ts';
import type {BuildStep, SolveInputs} from './solve-definition.ts';

/** The named contexts of one build. Each is opened or fetched when it is first asked for. */
export class NamedContexts implements AsyncDisposable {
	readonly #step: BuildStep;
	readonly #lookup: ImageLookup;
	readonly #directories = new Map<string, Descriptor>();
	readonly #patterns = new Map<string, readonly string[]>();
	readonly #results = new Map<string, BuildResult>();

	constructor(step: BuildStep, lookup: ImageLookup) {
		this.#step = step;
		this.#lookup = lookup;
	}

	async #openDirectory(name: string, path: string): Promise<void> {
		const directory = await openContextDirectory(path);
		this.#directories.set(name, directory);
		this.#patterns.set(name, await loadIgnoreFile(directory, {name, progress: this.#step.options.progress}));
	}

	#files({name}: NamedContext, {platform}: WantedImage): ResolvedImage {
		const kind = this.#directories.has(name) ? 'source-local' : 'source-given';
		return {type: 'files', operation: {kind, name}, config: emptyImage(platform)};
	}

	async #keep(name: string, fetched: Promise<FetchedContext>): Promise<void> {
		const {files} = await fetched;
		this.#results.set(name, files);
	}

	async #resolveImage({name, reference}: NamedContext & {readonly type: 'docker-image'}, {platform, signal}: WantedImage): Promise<ResolvedImage> {
		return loadMetadata({reference, platform, signal}, {lookup: this.#lookup, label: `context ${name}`, progress: this.#step.options.progress});
	}

	/**
	Finds what stands for a name.

	@throws {TsbuildError} as `resolveLayoutImage`, `resolveImage`; `ERR_TSBUILD_CONTEXT`; {SolveError} when it cannot be fetched; the reason of the signal
	*/
	async resolve(context: NamedContext, wanted: WantedImage): Promise<ResolvedImage> {
		const {progress} = this.#step.options;
		const {name} = context;
		switch (context.type) {
			case 'oci-layout': {
				return withInternalVertex(progress, `[context ${name}] load metadata for ${name}`, async () => resolveLayoutImage(context, wanted.platform));
			}

			case 'docker-image': {
				return this.#resolveImage(context, wanted);
			}

			case 'directory': {
				await this.#openDirectory(name, context.path);
				return this.#files(context, wanted);
			}

			case 'git': {
				await this.#keep(name, fetchRepository(context.reference, `[context ${name}] ${context.reference.remote}`, this.#step));
				return this.#files(context, wanted);
			}

			case 'http': {
				await this.#keep(name, fetchFile(context.url, `[context ${name}] ${context.url}`, this.#step));
				return this.#files(context, wanted);
			}
		}
	}

	/** What the definition of a build with these contexts takes, besides the files of the build itself. */
	inputsWith({context}: Pick<BuildFiles, 'context'>, patterns: readonly string[]): SolveInputs {
		return {
			localDirectories: new Map([...this.#directories, ...(context.type === 'directory' ? [['context', context.directory] as const] : [])]),
			ignorePatterns: new Map([...this.#patterns, ['context', patterns]]),
			givenResults: new Map([...this.#results, ...(context.type === 'given' ? [['context', context.files] as const] : [])]),
		};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const directory of this.#directories.values()) {
			directory.close();
		}
	}
}
