import PQueue from 'p-queue';
import {bytesAfter} from '../exporter/pushable-image.ts';
import {together} from '../exporter/together.ts';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import {withInternalVertex, type ReportStatus} from '../kernel/internal-vertex.ts';
import {oneChunk} from '../kernel/one-chunk.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheToOption} from './cache-option.ts';
import type {BlobTarget, CacheTarget} from './cache-target.ts';
import {
	encodeAnnotatedCache,
	encodeCache,
	encodeCacheManifest,
	type EncodedCache,
} from './encode-cache.ts';
import type {S3Context} from './s3-cache-location.ts';
import type {SharedMounts} from './shared-mounts.ts';
import {compressResults, type UsedResults} from './used-results.ts';

/** A cache that is written apart from the image. */
export type CacheExport = Exclude<CacheToOption, {readonly type: 'inline'}>;

type BucketExport = Extract<CacheExport, {readonly type: 's3'}>;

type ImageLikeExport = Exclude<CacheExport, BucketExport>;

/** What caches are written with. */
export type CacheExportContext = {
	readonly used: UsedResults;
	readonly mounts: SharedMounts;
	/** Of the cache mounts of the build. */
	readonly mountIds: readonly string[];
	readonly store: Pick<Store, 'content' | 'metadata'>;
	readonly layers: LayerStore;
	readonly openRegistry: () => Promise<RegistryClient>;
	readonly openHttp: S3Context['openHttp'];
	readonly warn: S3Context['warn'];
	readonly progress: ProgressSink;
	readonly signal: AbortSignal;
};

/** What the steps are called, as with BuildKit. */
const vertexNames = {
	registry: 'exporting cache to registry',
	local: 'exporting cache to client directory',
	s3: 'exporting cache to Amazon S3',
} as const;

// As many as BuildKit sends to a registry at once.
// https://github.com/moby/buildkit/blob/v0.32.2/util/resolver/limited/group.go
const registryWritesAtOnce = 4;

/**
Writes caches, one after the other.

@throws what the target throws, unless the option says that errors do not matter; the reason of the signal
*/
export async function exportCaches(options: readonly CacheExport[], context: CacheExportContext): Promise<void> {
	for (const option of options) {
		await exportCache(option, context);
	}
}

async function exportCache(option: CacheExport, context: CacheExportContext): Promise<void> {
	const {progress, signal} = context;
	try {
		await withInternalVertex(progress, {name: vertexNames[option.type], key: JSON.stringify(option)}, async report => {
			const cache = await reportWhile(report, 'preparing build cache for export', async () => prepareCache(option, context));
			await reportWhile(report, 'sending cache export', async () => (option.type === 's3' ? sendToBucket(option, cache, {context, report}) : sendCache(option, cache, {context, report})));
		});
	} catch (error) {
		signal.throwIfAborted();
		if (!option.ignoresErrors) {
			throw error;
		}
	}
}

async function prepareCache(option: CacheExport, {used, mounts, mountIds, layers, signal}: CacheExportContext): Promise<EncodedCache> {
	const results = await compressResults(await used.list(option.mode), option, {layers, signal});
	const {mountsMaximumSize} = option;
	const packed = mountsMaximumSize === undefined ? [] : await mounts.pack(mountIds, mountsMaximumSize);
	return encodeCache({results, mounts: packed});
}

type Sending = {readonly context: CacheExportContext; readonly report: ReportStatus; readonly writesAtOnce?: number};

async function sendToBucket(option: BucketExport, cache: EncodedCache, sending: Sending): Promise<void> {
	const {s3Target} = await import('./s3-target.ts');
	const {context, report} = sending;
	const target = await s3Target(option, context);
	await writeLayers(cache, target, {...sending, writesAtOnce: option.uploadParallelism});
	const document = encodeAnnotatedCache(cache);
	for (const name of option.names) {
		await writing(report, {kind: 'manifest', id: `cache manifest ${name}`}, async () => target.writeNamed(name, document, context));
	}
}

async function sendCache(option: ImageLikeExport, cache: EncodedCache, sending: Sending): Promise<void> {
	const target = await openTarget(option, sending.context);
	const {signal} = sending.context;
	await writeLayers(cache, target, sending);
	const {descriptor, bytes} = cache.config;
	await writing(sending.report, {kind: 'config', id: `config ${descriptor.digest}`}, async () => {
		await target.writeBlob(descriptor, offset => oneChunk(bytes.subarray(offset)), {signal});
	});
	const manifest = encodeCacheManifest(cache, option);
	const name = option.isImageManifest ? 'cache image manifest' : 'cache manifest';
	await writing(sending.report, {kind: 'manifest', id: `${name} ${manifest.descriptor.digest}`}, async () => target.writeManifest(manifest, {signal}));
}

async function openTarget(option: ImageLikeExport, {openRegistry, store: {metadata}}: CacheExportContext): Promise<CacheTarget> {
	switch (option.type) {
		case 'registry': {
			const {registryTarget} = await import('./registry-target.ts');
			return registryTarget(option.reference, {client: await openRegistry(), metadata});
		}

		case 'local': {
			const {localTarget} = await import('./local-target.ts');
			return localTarget(option);
		}
	}
}

async function writeLayers({layers, mounts}: EncodedCache, target: BlobTarget, {context, report, writesAtOnce = registryWritesAtOnce}: Sending): Promise<void> {
	const {store: {content}, signal} = context;
	const queue = new PQueue({concurrency: writesAtOnce});
	const blobs = new Map([...layers, ...mounts].map(layer => [layer.digest, layer])).values();
	await together([...blobs.map(blob => async (either: AbortSignal) => queue.add(async () => {
		const {digest, size} = blob;
		await writing(report, {kind: 'layer', id: `layer ${digest}`}, async () => {
			either.throwIfAborted();
			await target.writeBlob(blob, offset => bytesAfter(content.read(digest, {size, signal: either}), offset), {signal: either});
		});
	}))], signal);
}

/** Tells of a part, and what it was if it fails, in the words of BuildKit. */
async function writing(report: ReportStatus, {kind, id}: {readonly kind: 'config' | 'layer' | 'manifest'; readonly id: string}, write: () => Promise<void>): Promise<void> {
	try {
		await reportWhile(report, `writing ${id}`, write);
	} catch (error) {
		throw error instanceof TsbuildError && error.code !== 'ERR_TSBUILD_CANCELED'
			? new TsbuildError(error.code, `error writing ${kind} blob: ${errorMessage(error)}`, {cause: error, ...(error.hint !== undefined && {hint: error.hint})})
			: error;
	}
}

/** Tells of the begin and the end of a part. That it has failed is told of the whole. */
async function reportWhile<Value>(report: ReportStatus, id: string, work: () => Promise<Value>): Promise<Value> {
	const started = Date.now();
	report({id, started});
	try {
		return await work();
	} finally {
		report({id, started, completed: true});
	}
}
