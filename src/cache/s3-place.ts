import {createHash} from 'node:crypto';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {maximumConfigSize, parseCacheConfig, type CacheConfigLayer} from './cache-config.ts';
import {CacheContents, createdAtAnnotation, diffIdAnnotation} from './cache-contents.ts';
import type {BlobPlace} from './cache-place.ts';
import {byDigest, type ReadCache} from './read-cache.ts';
import {
	blobKey,
	manifestKey,
	openBucket,
	type S3CacheLocation,
	type S3Context,
} from './s3-cache-location.ts';

/** A cache in a bucket. */
export type S3Place = BlobPlace & {
	/** What the cache holds. One that is not there is an empty one, as with BuildKit. */
	read(options: {readonly signal: AbortSignal}): Promise<ReadCache>;
};

/**
Finds a cache in a bucket. Nothing is asked yet.

@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`; its functions throw as `S3Bucket` does, and `ERR_TSBUILD_CACHE` when what is there is no cache
@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go
*/
export async function s3Place(cache: S3CacheLocation, context: S3Context): Promise<S3Place> {
	const bucket = await openBucket(cache, context);
	return {
		name: `s3://${cache.location.bucket}/${manifestKey(cache, cache.names[0])}`,
		async read({signal}) {
			const bytes = await bucket.readWhole(manifestKey(cache, cache.names[0]), {maximumSize: maximumConfigSize, signal});
			return bytes === undefined ? {contents: [], layers: [], mounts: []} : readDocument(bytes);
		},
		async * readBlob({digest, size}, {signal}) {
			yield * verify(bucket.read(blobKey(cache, digest), {size, signal}), {digest, size});
		},
		hasBlob: async (digest, {signal}) => await bucket.find(blobKey(cache, digest), {signal}) !== undefined,
	};
}

function readDocument(bytes: Uint8Array): ReadCache {
	const config = parseCacheConfig(bytes);
	const layers = config.layers.flatMap(layer => describe(layer));
	return {contents: [new CacheContents(config, byDigest(layers))], layers, mounts: config.mounts};
}

function describe({blob, annotations}: CacheConfigLayer): readonly Descriptor[] {
	if (annotations === undefined) {
		return [];
	}

	const {mediaType, size, diffId, createdAt} = annotations;
	return [{
		mediaType, digest: blob, size, annotations: {[diffIdAnnotation]: diffId, ...(createdAt !== '' && {[createdAtAnnotation]: createdAt})},
	}];
}

/**
Passes a blob on while it is checked: the last chunk comes only when all is well.

@param chunks - as they come
@param blob - what they should be
@yields them
*/
async function * verify(chunks: AsyncIterable<Uint8Array>, blob: Pick<Descriptor, 'digest' | 'size'>): AsyncGenerator<Uint8Array, void, undefined> {
	const {digest, size} = blob;
	const {algorithm, hex} = splitDigest(digest);
	const hash = createHash(algorithm);
	let received = 0;
	let held: Uint8Array | undefined;
	for await (const chunk of chunks) {
		received += chunk.length;
		if (received > size) {
			throw contentError(digest, `the bucket has more than its ${size} bytes`);
		}

		hash.update(chunk);
		if (held !== undefined) {
			yield held;
		}

		held = chunk;
	}

	if (received !== size || hash.digest('hex') !== hex) {
		throw contentError(digest, 'the bucket has something else');
	}

	if (held !== undefined) {
		yield held;
	}
}

function contentError(digest: Digest, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTENT', `failed to verify ${digest}: ${reason}`, {hint: 'Remove the object from the bucket; the next build with --cache-to writes it again.'});
}
