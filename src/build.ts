import {readCheckArgument} from '../frontend/dockerfile/check/settings.ts';
import {warningEvent} from '../frontend/dockerfile/check-warning.ts';
import {convertDockerfile, type ConvertOptions, type DockerfileResult} from '../frontend/dockerfile/convert.ts';
import {DockerfileError} from '../frontend/dockerfile/errors.ts';
import {LayerStore} from '../snapshotter/layers.ts';
import type {SnapshotId} from '../snapshotter/snapshotter.ts';
import type {Store} from '../snapshotter/store.ts';
import type {ContainerLimits} from '../solver/executor/container-spec.ts';
import {createVertexes} from '../solver/ops/create-vertex.ts';
import {ignoreRule} from '../solver/ops/ignore-rule.ts';
import {SnapshotCache} from '../solver/ops/snapshot-cache.ts';
import {solve} from '../solver/scheduler.ts';
import {SolveError} from '../solver/solve-error.ts';
import {BuildError} from './build-error.ts';
import type {VertexMetadata} from './definition/definition.ts';
import type {Entitlement} from './definition/entitlements.ts';
import type {NetworkMode} from './definition/operations.ts';
import {
	definitionVertexName,
	loadDockerfile,
	openContextDirectory,
	type BuildFile,
} from './context/build-files.ts';
import {loadIgnoreFile} from './context/ignore-file.ts';
import {checkSecrets, readSecret, type SecretSource} from './context/secrets.ts';
import type {ExportedImage} from './exporter/export-context.ts';
import {exportResult} from './exporter/export-result.ts';
import {ImageStore} from './exporter/image-store.ts';
import type {OutputOption} from './exporter/output-option.ts';
import type {FoundImage} from './image-resolver/found-image.ts';
import {
	resolveImage,
	type ImageLookup,
	type PullPolicy,
	type WantedImage,
} from './image-resolver/image-resolver.ts';
import type {HttpClient} from './http.ts';
import {resolveLayoutImage, type LayoutContext} from './image-resolver/layout-image.ts';
import {errorMessage, TsbuildError} from './kernel/errors.ts';
import {newIdentifier} from './kernel/identifier.ts';
import {internalVertexDigest, withInternalVertex} from './kernel/internal-vertex.ts';
import {formatPlatform, hostPlatform, type Platform} from './kernel/platform.ts';
import type {ProgressSink} from './kernel/progress-event.ts';
import {formatReference, parseReference} from './kernel/reference.ts';
import type {SourceLocation} from './kernel/source-location.ts';
import type {Descriptor} from './linux/descriptor.ts';
import {openLocalStore} from './local-store.ts';
import type {RegistryClient} from './registry/registry-client.ts';

/** A name that a FROM or a `--from` finds before any image of that name. */
export type NamedContext = LayoutContext & {readonly type: 'oci-layout'};

/** All that a build is asked for. */
export type BuildOptions = {
	readonly contextDirectory: string;
	/** Path of the Dockerfile; the context's own when not given. */
	readonly dockerfile?: string;
	readonly target?: string;
	readonly buildArgs: ReadonlyMap<string, string>;
	readonly labels: ReadonlyMap<string, string>;
	readonly namedContexts: readonly NamedContext[];
	/** That of this machine when not given. */
	readonly platform?: Platform;
	readonly network: NetworkMode;
	/** What steps may ask for beyond an ordinary container. */
	readonly entitlements: ReadonlySet<Entitlement>;
	/** Of each RUN. */
	readonly limits: ContainerLimits;
	/** Everything, or the stages of these names, is made anew. */
	readonly noCache: boolean | readonly string[];
	/** When registries are asked for images. */
	readonly pull: PullPolicy;
	/** Called when a registry is needed. */
	readonly openRegistry: () => Promise<RegistryClient>;
	/** Called when something of the web is needed. */
	readonly openHttp: () => Promise<HttpClient>;
	/** Variables of the user, for programs of this machine that the build needs. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** By their ids. */
	readonly secrets: ReadonlyMap<string, SecretSource>;
	/** Full references that the image is kept under in the local store. */
	readonly tags: readonly string[];
	readonly outputs: readonly OutputOption[];
	/** Directory of the local store. */
	readonly root: string;
	readonly progress: ProgressSink;
	/** Takes a line for the user that belongs to no step. */
	readonly warn: (line: string) => void;
	readonly signal: AbortSignal;
};

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
	using context = await openContextDirectory(options.contextDirectory);
	await using store = await openLocalStore(options.root);
	if (store.overlayFailure !== undefined) {
		options.warn(`each step copies the files of the one before, because overlayfs does not work in ${store.root}: ${store.overlayFailure}`);
	}

	const step = {options, store, layers: new LayerStore(store)};
	let dockerfile: BuildFile | undefined;
	try {
		readCheckArgument(options.buildArgs);
		dockerfile = await loadDockerfile(context, options.dockerfile, options.progress);
		const ignoreFile = memoize(async () => loadIgnoreFile(context, dockerfile!.name, options.progress));
		const converted = await convertContext(dockerfile, {...step, ignoreFile});
		const snapshot = await solveDefinition(converted, {...step, context, ignorePatterns: await ignoreFile()});
		return await exportSnapshot(snapshot, converted, step);
	} catch (error) {
		throw asBuildError(error, dockerfile, options.signal);
	}
}

type Step = {readonly options: BuildOptions; readonly store: Store; readonly layers: LayerStore};

/** What a conversion takes from the build, with the patterns of `.dockerignore` when they are asked for. */
export type ConvertContext = Pick<Step, 'options' | 'store'> & {readonly ignoreFile: () => Promise<readonly string[]>};

/** Converts a Dockerfile with the options of a build; `changes` are for those who do not build. */
export async function convertContext(dockerfile: BuildFile, {options, store, ignoreFile}: ConvertContext, changes: Partial<ConvertOptions> = {}): Promise<DockerfileResult> {
	const {content, metadata} = store;
	const lookup: ImageLookup = {
		images: new ImageStore(store),
		content,
		metadata,
		pull: options.pull,
		openRegistry: options.openRegistry,
		warn: options.warn,
	};
	const buildPlatform = hostPlatform();
	const dockerfileVertex = internalVertexDigest(definitionVertexName(dockerfile.name));
	return convertDockerfile({file: dockerfile.name, content: dockerfile.content}, {
		...(options.target !== undefined && {target: options.target}),
		buildArgs: options.buildArgs,
		labels: options.labels,
		platform: options.platform ?? buildPlatform,
		buildPlatform,
		noCache: options.noCache,
		network: options.network,
		namedContexts: new Set(options.namedContexts.map(({name}) => name)),
		resolveImage: async (reference, {platform, namedContext, signal}) => loadMetadata({reference, platform, signal}, {
			...lookup,
			context: options.namedContexts.find(({name}) => name === namedContext),
			progress: options.progress,
		}),
		loadIgnored: async () => ignoreRule(await ignoreFile()),
		warn(warning) {
			options.progress(warningEvent(warning, dockerfileVertex, dockerfile.content));
		},
		signal: options.signal,
		...changes,
	});
}

type MetadataContext = ImageLookup & {
	readonly context: NamedContext | undefined;
	readonly progress: ProgressSink;
};

async function loadMetadata(wanted: WantedImage, {context, progress, ...lookup}: MetadataContext): Promise<FoundImage> {
	if (context !== undefined) {
		return withInternalVertex(progress, `[context ${context.name}] load metadata for ${context.name}`, async () => resolveLayoutImage(context, wanted.platform));
	}

	const name = formatReference(parseReference(wanted.reference));
	try {
		return await withInternalVertex(progress, {name: `[internal] load metadata for ${name}`, key: formatPlatform(wanted.platform)}, async () => resolveImage(wanted, lookup));
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to resolve source metadata for ${name}: ${error.message}`, {cause: error}) : error;
	}
}

async function solveDefinition({definition, proxyEnvironment}: DockerfileResult, {options, store, layers, context, ignorePatterns}: Step & {
	readonly context: Descriptor;
	readonly ignorePatterns: readonly string[];
}): Promise<SnapshotId | null> {
	const vertex = createVertexes(definition, {
		store,
		layers,
		localDirectories: new Map([['context', context]]),
		ignorePatterns: new Map([['context', ignorePatterns]]),
		entitlements: options.entitlements,
		limits: options.limits,
		openRegistry: openPermitted(options),
		openHttp: options.openHttp,
		userEnvironment: options.environment,
		readSecret: async id => readSecret(options.secrets, id),
		proxyEnvironment,
		warn: options.warn,
	});
	if (vertex === null) {
		return null;
	}

	const result = await solve(vertex, {cache: new SnapshotCache(store), progress: options.progress, signal: options.signal});
	if (result.kind !== 'snapshot') {
		throw new TypeError('the result of a Dockerfile is a snapshot');
	}

	return result.snapshot;
}

/** The registries for the layers of images; a build that asks none fails where layers are missing. */
function openPermitted({pull, openRegistry}: BuildOptions): () => Promise<RegistryClient> {
	return async () => {
		if (pull === 'never') {
			throw new TsbuildError('ERR_TSBUILD_CONTENT_NOT_FOUND', 'failed to find layers of the image in the store', {hint: 'Build without --pull=never: then they are downloaded.'});
		}

		return openRegistry();
	};
}

async function exportSnapshot(snapshot: SnapshotId | null, {image}: DockerfileResult, {options, store, layers}: Step): Promise<BuildOutcome> {
	const {tags, outputs, openRegistry, progress, warn, signal} = options;
	const exported = await exportResult({
		snapshot, image, names: tags, outputs,
	}, {
		store, layers, images: new ImageStore(store), openRegistry, progress, warn, signal,
	});
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
