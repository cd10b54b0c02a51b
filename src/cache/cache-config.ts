import is from '@sindresorhus/is';
import {parseDigest, type Digest} from '../kernel/digest.ts';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';

/*
The document that says what a cache holds, in the envelope that BuildKit has for it:

	{"layers": [{"blob": "sha256:...", "parent": -1}], "records": [{"layers": [{"layer": 0, "createdAt": "..."}], "digest": "sha256:..."}]}

A layer names its blob, and by its place in the list the layer below it; -1 is none, and 0 may be left out. A record says that a cache key leads to a layer with all below it; without layers it is a key alone. BuildKit has chains of digests of its own as keys (`inputs`), which mean nothing here, as ours mean nothing there: neither finds anything in the cache of the other. Ours are those of solver/cache-key.ts, with two additions that BuildKit passes over: `aliases`, other keys that lead to the same record, and `mounts`, the directories of cache mounts.

In a bucket, where no manifest tells of the layers, each layer says for itself what it is: {"blob": "sha256:...", "annotations": {"mediaType": "...", "diffID": "sha256:...", "size": 1, "createdAt": "..."}}

https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/v1/doc.go
*/

/** The media type of the document. */
export const cacheConfigType = 'application/vnd.buildkit.cacheconfig.v0';

/** A layer in the document. */
export type CacheConfigLayer = {
	readonly blob: Digest;
	/** Index of the layer below; -1 for none. */
	readonly parent: number;
	/** Where no manifest tells of it. */
	readonly annotations?: {
		readonly mediaType: string;
		/** Not checked. */
		readonly diffId: string;
		/** Bytes. */
		readonly size: number;
		/** RFC 3339, or nothing. */
		readonly createdAt: string;
	};
};

/** A record in the document. */
export type CacheConfigRecord = {
	/** The canonical key. */
	readonly digest: Digest;
	readonly aliases: readonly Digest[];
	/** The highest layer; absent for keys alone. */
	readonly top?: {
		/** Its index. */
		readonly layer: number;
		/** RFC 3339. */
		readonly createdAt: string;
	};
};

/** The directory of a cache mount in the document. */
export type CacheConfigMount = {
	/** As in `RUN --mount=type=cache,id=`. */
	readonly id: string;
	/** A compressed tar. */
	readonly blob: Digest;
	/** Bytes. */
	readonly size: number;
	readonly mediaType: string;
};

/** The document. */
export type CacheConfig = {
	readonly layers: readonly CacheConfigLayer[];
	readonly records: readonly CacheConfigRecord[];
	readonly mounts: readonly CacheConfigMount[];
};

/**
Bytes of the document at most: a record takes about 300, so there is room for 50,000. What is larger is no cache of a build.
*/
export const maximumConfigSize = 16 * 1024 * 1024;

/**
Reads the document. It is checked as far as it is used.

@throws {TsbuildError} `ERR_TSBUILD_CACHE`
*/
export function parseCacheConfig(bytes: Uint8Array): CacheConfig {
	const document = parseJson(bytes);
	if (!is.plainObject(document)) {
		throw cacheError('it is no object');
	}

	return {
		layers: listIn(document, 'layers').map(layer => readLayer(layer)),
		records: readRecords(listIn(document, 'records')),
		mounts: listIn(document, 'mounts').map(mount => readMount(mount)),
	};
}

/**
Reads a list of records alone, which is what an image carries of its cache.

@throws {TsbuildError} `ERR_TSBUILD_CACHE`
*/
export function parseCacheRecords(bytes: Uint8Array): readonly CacheConfigRecord[] {
	const document = parseJson(bytes);
	if (!is.array(document)) {
		throw cacheError('it is no list of records');
	}

	return readRecords(document);
}

/** The error of what cannot be read as a cache. */
export function cacheError(reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CACHE', `failed to read cache: ${reason}`, cause === undefined ? {} : {cause});
}

function parseJson(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(bytes));
	} catch (error) {
		throw cacheError(errorMessage(error), error);
	}
}

function listIn(document: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
	const list = document[name] ?? [];
	if (!is.array(list)) {
		throw cacheError(`${name} is no list`);
	}

	return list;
}

function readLayer(value: unknown): CacheConfigLayer {
	if (!is.plainObject(value) || !is.string(value.blob)) {
		throw cacheError('a layer has no blob');
	}

	const {blob, parent = 0} = value;
	if (!is.safeInteger(parent) || parent < -1) {
		throw cacheError('the parent of a layer is no index');
	}

	const annotations = readAnnotations(value.annotations);
	return {blob: parseDigest(blob), parent, ...(annotations && {annotations})};
}

function readAnnotations(value: unknown): CacheConfigLayer['annotations'] {
	if (!is.plainObject(value)) {
		return undefined;
	}

	const {mediaType, diffID: diffId, size, createdAt = ''} = value;
	if (!is.string(mediaType) || !is.string(diffId) || !is.safeInteger(size) || size < 0 || !is.string(createdAt)) {
		throw cacheError('the annotations of a layer are not complete');
	}

	return {
		mediaType, diffId, size, createdAt,
	};
}

function readRecords(values: readonly unknown[]): readonly CacheConfigRecord[] {
	return values.map(value => {
		if (!is.plainObject(value) || !is.string(value.digest)) {
			throw cacheError('a record has no digest');
		}

		const {digest, aliases = [], layers} = value;
		if (!is.array(aliases, is.string)) {
			throw cacheError('the aliases of a record are no keys');
		}

		const top = readTop(layers);
		return {digest: parseDigest(digest), aliases: aliases.map(alias => parseDigest(alias)), ...(top && {top})};
	});
}

function readTop(layers: unknown): CacheConfigRecord['top'] {
	const first = is.array(layers) ? layers[0] : undefined;
	if (first === undefined) {
		return undefined;
	}

	const {layer = 0, createdAt = ''} = is.plainObject(first) ? first : {layer: undefined};
	if (!is.safeInteger(layer) || !is.string(createdAt)) {
		throw cacheError('the layer of a record is no index');
	}

	return {layer, createdAt};
}

function readMount(value: unknown): CacheConfigMount {
	const {id, blob, size, mediaType} = is.plainObject(value) ? value : {};
	if (!is.string(id) || !is.string(blob) || !is.safeInteger(size) || size < 0 || !is.string(mediaType)) {
		throw cacheError('a mount is not complete');
	}

	return {
		id, blob: parseDigest(blob), size, mediaType,
	};
}
