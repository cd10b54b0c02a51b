import {Buffer} from 'node:buffer';
import type {Digest} from '../kernel/digest.ts';
import {
	isIndexType,
	isManifestType,
	parseImageDocument,
	type ImageDocument,
} from '../kernel/image-documents.ts';
import type {ReportStatus} from '../kernel/internal-vertex.ts';
import {mediaTypes, type Descriptor, type ImageManifest} from '../kernel/oci-types.ts';
import {
	cacheConfigType,
	cacheError,
	maximumConfigSize,
	parseCacheConfig,
	type CacheConfigMount,
} from './cache-config.ts';
import {CacheContents} from './cache-contents.ts';
import type {CachePlace} from './cache-place.ts';
import {readInlineCache} from './inline-cache.ts';

/** A cache that has been read. */
export type ReadCache = {
	readonly contents: readonly CacheContents[];
	/** All layers that it tells of. */
	readonly layers: readonly Descriptor[];
	readonly mounts: readonly CacheConfigMount[];
};

/** How a cache is read. */
export type ReadCacheOptions = {
	readonly report: ReportStatus;
	readonly signal: AbortSignal;
};

// An index for each platform that there is would have some dozens of entries.
const maximumImages = 100;

const imageConfigTypes: ReadonlySet<string> = new Set([mediaTypes.config, mediaTypes.dockerConfig]);

/**
Reads what a cache holds. It may be a manifest or an index that names its document, or an image, or an index of images, that carries a cache itself. An image without a cache is an empty one.

@throws {TsbuildError} `ERR_TSBUILD_CACHE`, `ERR_TSBUILD_IMAGE` when it is none of these; what the place throws
@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/import.go
*/
export async function readCache(place: CachePlace, options: ReadCacheOptions): Promise<ReadCache> {
	const {mediaType, bytes} = await place.readManifest(options);
	const document = parseImageDocument(bytes, mediaType);
	options.report({id: `inferred cache manifest type: ${typeOf(document)}`, completed: true});
	const blobs = document.kind === 'index' ? document.index.manifests : [document.manifest.config, ...document.manifest.layers];
	const config = blobs.findLast(blob => blob.mediaType === cacheConfigType);
	if (config === undefined) {
		return readImages(place, document, options);
	}

	const parsed = parseCacheConfig(await readDocument(place, config, options));
	const layers = blobs.filter(blob => blob !== config);
	return {
		contents: [new CacheContents(parsed, byDigest(layers))], layers, mounts: parsed.mounts,
	};
}

/** A document that a manifest names, whole. */
export async function readDocument(place: Pick<CachePlace, 'readBlob'>, descriptor: Descriptor, {signal}: Pick<ReadCacheOptions, 'signal'>): Promise<Uint8Array> {
	if (descriptor.size > maximumConfigSize) {
		throw cacheError(`blob ${descriptor.digest} has ${descriptor.size} bytes, more than the ${maximumConfigSize} that are taken`);
	}

	return Buffer.concat(await Array.fromAsync(place.readBlob(descriptor, {signal})));
}

/** Layers by their digests. */
export function byDigest(layers: readonly Descriptor[]): ReadonlyMap<Digest, Descriptor> {
	return new Map(layers.map(layer => [layer.digest, layer]));
}

async function readImages(place: CachePlace, document: ImageDocument, options: ReadCacheOptions): Promise<ReadCache> {
	const manifests = document.kind === 'manifest' ? [document.manifest] : await readManifests(place, document.index.manifests, options);
	const images = await Promise.all(manifests.map(async manifest => readImage(place, manifest, options)));
	const found = images.filter(image => image !== undefined);
	return {contents: found.map(({contents}) => contents), layers: found.flatMap(({layers}) => layers), mounts: []};
}

async function readManifests(place: CachePlace, entries: readonly Descriptor[], {signal}: ReadCacheOptions): Promise<readonly ImageManifest[]> {
	const images = entries.filter(({mediaType}) => isManifestType(mediaType)).slice(0, maximumImages);
	const documents = await Promise.all(images.map(async image => parseImageDocument(await place.readOtherManifest(image, {signal}), image.mediaType)));
	return documents.flatMap(document => (document.kind === 'manifest' ? [document.manifest] : []));
}

async function readImage(place: CachePlace, manifest: ImageManifest, options: ReadCacheOptions): Promise<{readonly contents: CacheContents; readonly layers: readonly Descriptor[]} | undefined> {
	return imageConfigTypes.has(manifest.config.mediaType) && manifest.layers.length > 0 ? readInlineCache(manifest, await readDocument(place, manifest.config, options)) : undefined;
}

function typeOf(document: ImageDocument): string {
	const type = document.kind === 'index' ? document.index.mediaType : document.manifest.mediaType;
	return isIndexType(type) || isManifestType(type) ? type : '';
}
