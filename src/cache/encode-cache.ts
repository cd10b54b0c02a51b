import {Buffer} from 'node:buffer';
import {digestOf} from '../kernel/digest.ts';
import {stringifyAsGo} from '../kernel/go-json.ts';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import {layerTypeOf} from '../exporter/image-assembly.ts';
import type {CachedLayer, CachedResult} from '../../snapshotter/cached-layers.ts';
import {cacheConfigType, type CacheConfigMount} from './cache-config.ts';
import {createdAtAnnotation, diffIdAnnotation} from './cache-contents.ts';

/** A record as it is written. */
export type EncodedRecord = {
	readonly layers?: ReadonlyArray<{readonly layer: number; readonly createdAt: string}>;
	readonly digest: string;
	readonly aliases?: readonly string[];
};

/** A document with its bytes. */
export type EncodedDocument = {
	readonly bytes: Uint8Array;
	readonly descriptor: Descriptor;
};

/** The document of a cache. */
type CacheDocument = {
	readonly layers: ReadonlyArray<{readonly blob: string; readonly parent?: number}>;
	readonly records: readonly EncodedRecord[];
	readonly mounts?: readonly CacheConfigMount[];
};

/** What is to be written of a cache. */
export type EncodedCache = {
	readonly document: CacheDocument;
	/** The document as it is written where a manifest tells of the layers. */
	readonly config: EncodedDocument;
	/** With annotations. One that stands on several others comes several times. */
	readonly layers: readonly Descriptor[];
	/** The directories of cache mounts. */
	readonly mounts: readonly Descriptor[];
};

/** The results of a build, and what goes along. */
export type CacheToEncode = {
	readonly results: readonly CachedResult[];
	readonly mounts: readonly CacheConfigMount[];
};

type ListedLayer = {readonly layer: CachedLayer; readonly below: CachedLayer | undefined};

/**
Writes results as a document. The same results give the same bytes, in whatever order they come.

@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/v1/chains.go (Marshal)
*/
export function encodeCache({results, mounts}: CacheToEncode): EncodedCache {
	const listed = listLayers(results);
	const indexes = new Map(listed.map(({layer}, index) => [layer.chainId, index]));
	const document: CacheDocument = {
		layers: listed.map(({layer, below}) => {
			const parent = below === undefined ? -1 : indexes.get(below.chainId)!;
			return {blob: layer.blob.digest, ...(parent !== 0 && {parent})};
		}),
		records: sortRecords(results.map(result => encodeRecord(result, result.layers && indexes.get(result.layers.at(-1)!.chainId)))),
		...(mounts.length > 0 && {mounts}),
	};
	return {
		document,
		config: encodeDocument(document, cacheConfigType),
		layers: listed.map(({layer}) => describe(layer)),
		mounts: mounts.map(({mediaType, blob, size}) => ({mediaType, digest: blob, size})),
	};
}

/** A record whose highest layer is at `layer`. */
export function encodeRecord({keys, layers}: CachedResult, layer: number | undefined): EncodedRecord {
	const [digest, ...aliases] = keys;
	return {
		...(layer !== undefined && {layers: [{layer, createdAt: timeOf(layers!.at(-1)!)}]}),
		digest,
		...(aliases.length > 0 && {aliases: aliases.toSorted()}),
	};
}

/** Records in the order in which they are written. */
export function sortRecords(records: readonly EncodedRecord[]): readonly EncodedRecord[] {
	return records.toSorted(({digest: left}, {digest: right}) => compare(left, right));
}

/**
Writes the document where no manifest tells of the layers.

@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go
*/
export function encodeAnnotatedCache({document, layers}: EncodedCache): EncodedDocument {
	const annotated = document.layers.map((layer, index) => {
		const {mediaType, size, annotations = {}} = layers[index]!;
		return {
			...layer,
			annotations: {
				mediaType: layerTypeOf(mediaType, 'oci'), diffID: annotations[diffIdAnnotation], size, createdAt: annotations[createdAtAnnotation],
			},
		};
	});
	return encodeDocument({...document, layers: annotated}, cacheConfigType);
}

/** How the manifest of a cache is written. */
export type CacheManifestOptions = {
	readonly mediaTypes: 'oci' | 'docker';
	readonly isImageManifest: boolean;
};

/**
Writes the manifest of a cache: that of an image with the document as its config, or an index that names the layers and, at last, the document.

@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/export.go
*/
export function encodeCacheManifest({config, layers, mounts}: EncodedCache, options: CacheManifestOptions): EncodedDocument {
	const {isImageManifest, mediaTypes: kind} = options;
	const blobs = [
		...layers.map(layer => ({...layer, mediaType: layerTypeOf(layer.mediaType, kind)})),
		...mounts,
	];
	const mediaType = isImageManifest ? mediaTypes.manifest : (kind === 'oci' ? mediaTypes.index : mediaTypes.dockerIndex);
	const manifest = isImageManifest
		? {
			schemaVersion: 2, mediaType, config: config.descriptor, layers: blobs,
		}
		: {schemaVersion: 2, mediaType, manifests: [...blobs, config.descriptor]};
	return encodeDocument(manifest, mediaType);
}

function encodeDocument(document: unknown, mediaType: string): EncodedDocument {
	const bytes = Buffer.from(stringifyAsGo(document));
	return {bytes, descriptor: {mediaType, digest: digestOf(bytes), size: bytes.length}};
}

/** Each stack of layers once, sorted by its highest blob. */
function listLayers(results: readonly CachedResult[]): readonly ListedLayer[] {
	const listed = new Map<string, ListedLayer>();
	for (const {layers = []} of results) {
		for (const [index, layer] of layers.entries()) {
			listed.set(layer.chainId, {layer, below: layers[index - 1]});
		}
	}

	const sortKey = ({layer}: ListedLayer) => `${layer.blob.digest} ${layer.chainId}`;
	return listed.values().toArray().toSorted((left, right) => compare(sortKey(left), sortKey(right)));
}

function describe({blob: {mediaType, digest, size}, diffId, createdAt}: CachedLayer): Descriptor {
	return {
		mediaType, digest, size, annotations: {[createdAtAnnotation]: new Date(createdAt).toISOString(), [diffIdAnnotation]: diffId},
	};
}

function compare(left: string, right: string): number {
	return left < right ? -1 : Number(left > right);
}

function timeOf({createdAt}: CachedLayer): string {
	return new Date(createdAt).toISOString();
}
