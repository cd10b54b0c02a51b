import {readCheckArgument} from '../frontend/dockerfile/check/settings.ts';
import {warningEvent} from '../frontend/dockerfile/check-warning.ts';
import {convertDockerfile, type ConvertOptions, type DockerfileResult} from '../frontend/dockerfile/convert.ts';
import {DockerfileError} from '../frontend/dockerfile/errors.ts';
import {LayerStore} from '../snapshotter/layers.ts';
import type {SnapshotId} from '../snapshotter/snapshotter.ts';
import {ignoreRule} from '../solver/ops/ignore-rule.ts';
import {SolveError} from '../solver/solve-error.ts';
import type {BuildOptions} from './build/build-options.ts';
import {openBuildFiles, type BuildFiles} from './build/build-files.ts';
import {loadMetadata} from './build/load-metadata.ts';
import {NamedContexts} from './build/named-contexts.ts';
import type {SharedCaches} from './build/shared-caches.ts';
import {solveDefinition, type BuildStep} from './build/solve-definition.ts';
import {BuildError, isFaultOfCall} from './build-error.ts';
import {definitionVertexName, type BuildFile} from './context/build-files.ts';
import {checkSecrets} from './context/secrets.ts';
import type {VertexMetadata} from './definition/definition.ts';
import type {ExportedImage} from './exporter/export-context.ts';
import {exportResult} from './exporter/export-result.ts';
import {ImageStore} from './exporter/image-store.ts';
import type {ImageLookup} from './image-resolver/image-resolver.ts';
import {errorMessage} from './kernel/errors.ts';
import {newIdentifier} from './kernel/identifier.ts';
import {internalVertexDigest} from './kernel/internal-vertex.ts';
import {hostPlatform} from './kernel/platform.ts';
import type {SourceLocation} from './kernel/source-location.ts';
import {openLocalStore} from './local-store.ts';

/** What a build made. */
export type BuildOutcome = {
	/** Names this run of the build. */
	readonly reference: string;
	/** Absent when only files were written. */
	readonly image?: ExportedImage;
};

/**
Builds an image: from the Dockerfile to a definition, from that to a file system, from that to the outputs.

@throws {BuildError} when the build fails; other `TsbuildError`s when it cannot begin; the reason of `signal`
*/
export async function buildImage(options: BuildOptions): Promise<BuildOutcome> {
	await checkSecrets(options.secrets);
	await using store = await openLocalStore(options.root);
	if (store.overlayFailure !== undefined) {
		options.warn(`each step copies the files of the one before, because overlayfs does not work in ${store.root}: ${store.overlayFailure}`);
	}

	const step = {options, store, layers: new LayerStore(store)};
	let dockerfile: BuildFile | undefined;
	try {
		readCheckArgument(options.buildArgs);
		await using files = await openBuildFiles(step);
		dockerfile = await files.loadDockerfile();
		const lookup = imageLookup(step);
		await using contexts = new NamedContexts(step, lookup);
		const ignoreFile = memoize(async () => files.loadIgnorePatterns(dockerfile!));
		const converted = await convertContext(dockerfile, {
			options, lookup, files, contexts, ignoreFile,
		});
		const patterns = await ignoreFile();
		await using caches = await openSharedCaches(step);
		const snapshot = await solveDefinition(converted.definition, step, {
			...contexts.inputsWith(files, patterns),
			...(caches && {cache: caches.cache, fillCache: caches.fillCache}),
			proxyEnvironment: converted.proxyEnvironment,
		});
		return await exportSnapshot(snapshot, converted, {step, caches});
	} catch (error) {
		throw asBuildError(error, dockerfile, options.signal);
	}
}

/** What the images of a build are looked up with. */
export function imageLookup({options: {pull, openRegistry, warn}, store}: Pick<BuildStep, 'options' | 'store'>): ImageLookup {
	const {content, metadata} = store;
	return {
		images: new ImageStore(store), content, metadata, pull, openRegistry, warn,
	};
}

/** What a conversion takes from the build, with the patterns of `.dockerignore` when they are asked for. */
export type ConvertContext = Pick<BuildStep, 'options'> & {
	readonly lookup: ImageLookup;
	readonly files: Pick<BuildFiles, 'context' | 'time'>;
	readonly contexts: NamedContexts;
	readonly ignoreFile: () => Promise<readonly string[]>;
};

/** Converts a Dockerfile with the options of a build; `changes` are for those who do not build. */
export async function convertContext(dockerfile: BuildFile, {options, lookup, files, contexts, ignoreFile}: ConvertContext, changes: Partial<ConvertOptions> = {}): Promise<DockerfileResult> {
	const buildPlatform = hostPlatform();
	const dockerfileVertex = internalVertexDigest(definitionVertexName(dockerfile.name));
	return convertDockerfile({file: dockerfile.name, content: dockerfile.content}, {
		...(options.target !== undefined && {target: options.target}),
		buildArgs: withTimeOf(files, options.buildArgs),
		labels: options.labels,
		platform: options.platform ?? buildPlatform,
		buildPlatform,
		noCache: options.noCache,
		network: options.network,
		stepOptions: options.stepOptions,
		namedContexts: new Set(options.namedContexts.map(({name}) => name)),
		givenContext: files.context.type === 'given',
		async resolveImage(reference, {platform, namedContext, signal}) {
			const context = options.namedContexts.find(({name}) => name === namedContext);
			const wanted = {reference, platform, signal};
			return context === undefined ? loadMetadata(wanted, {lookup, label: 'internal', progress: options.progress}) : contexts.resolve(context, wanted);
		},
		loadIgnored: async () => ignoreRule(await ignoreFile()),
		warn(warning) {
			options.progress(warningEvent(warning, dockerfileVertex, dockerfile.content));
		},
		signal: options.signal,
		...changes,
	});
}

/** `SOURCE_DATE_EPOCH=context` means the time of the context; a directory has none. */
function withTimeOf({time}: Pick<BuildFiles, 'time'>, buildArgs: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
	return time === undefined || buildArgs.get('SOURCE_DATE_EPOCH') !== 'context' ? buildArgs : new Map([...buildArgs, ['SOURCE_DATE_EPOCH', String(time)]]);
}

/** `undefined` for a build that takes from no other cache and writes none: it does without the code. */
async function openSharedCaches(step: BuildStep): Promise<SharedCaches | undefined> {
	const {cacheFrom, cacheTo} = step.options;
	if (cacheFrom.length === 0 && cacheTo.length === 0) {
		return undefined;
	}

	const {SharedCaches} = await import('./build/shared-caches.ts');
	return SharedCaches.open(step);
}

type ExportContext = {readonly step: BuildStep; readonly caches: SharedCaches | undefined};

async function exportSnapshot(snapshot: SnapshotId | null, {image, definition}: DockerfileResult, {step, caches}: ExportContext): Promise<BuildOutcome> {
	const {options, store, layers} = step;
	const {tags, outputs, cacheTo, openRegistry, progress, warn, signal} = options;
	const hasInlineCache = cacheTo.some(({type}) => type === 'inline');
	const exported = await exportResult({
		snapshot, image, names: tags, outputs, ...(hasInlineCache && {inlineCache: async () => caches!.encodeInline(snapshot)}),
	}, {
		store, layers, images: new ImageStore(store), openRegistry, progress, warn, signal,
	});
	await caches?.export(snapshot, definition);
	store.sync();
	const reference = newIdentifier();
	return exported === undefined ? {reference} : {reference, image: exported};
}

function memoize<Value>(make: () => Promise<Value>): () => Promise<Value> {
	let made: Promise<Value> | undefined;
	return async () => {
		made ??= make();
		return made;
	};
}

/** What went wrong, with the places in the Dockerfile that show it. */
function asBuildError(error: unknown, dockerfile: BuildFile | undefined, signal: AbortSignal): unknown {
	if (signal.aborted) {
		return signal.reason;
	}

	if (isFaultOfCall(error)) {
		return error;
	}

	const text = new TextDecoder('utf-8', {ignoreBOM: true}).decode(dockerfile?.content);
	const sources = locationsOf(error).map(location => ({location, text}));
	const message = error instanceof SolveError ? error.message : `failed to solve: ${errorMessage(error)}`;
	return new BuildError(message, {cause: error, sources});
}

function locationsOf(error: unknown): readonly SourceLocation[] {
	if (error instanceof DockerfileError) {
		return error.locations;
	}

	return error instanceof SolveError ? (error.vertex as VertexMetadata).locations : [];
}
