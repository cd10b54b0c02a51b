import type {S3Bucket} from '../s3/s3-bucket.ts';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import {oneChunk} from '../kernel/one-chunk.ts';
import type {BlobTarget} from './cache-target.ts';
import type {EncodedDocument} from './encode-cache.ts';
import {
	blobKey,
	manifestKey,
	openBucket,
	type S3CacheLocation,
	type S3Context,
} from './s3-cache-location.ts';

/** How a cache is written to a bucket. */
export type S3TargetOptions = S3CacheLocation & {
	readonly touchMilliseconds: number;
};

/** A bucket that a cache is written to. */
export type S3Target = BlobTarget & {
	/** Writes the document of the cache under one of its names, at last, when all that it tells of is there. */
	writeNamed(name: string, document: EncodedDocument, options: {readonly signal: AbortSignal}): Promise<void>;
};

/**
A cache in a bucket. What is there already stays, and is made young again if it has become old.

@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`; its functions throw as `S3Bucket` does
@see https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go
*/
export async function s3Target(options: S3TargetOptions, context: S3Context): Promise<S3Target> {
	const bucket = await openBucket(options, context);
	return {
		async writeBlob({digest, size}, content, {signal}) {
			const key = blobKey(options, digest);
			if (!await isThere(key, {bucket, signal, ...options})) {
				await bucket.write(key, {size, hash: payloadHash(digest), read: () => content(0)}, {signal});
			}
		},
		async writeNamed(name, {bytes, descriptor: {digest, size}}, {signal}) {
			await bucket.write(manifestKey(options, name), {size, hash: payloadHash(digest), read: () => oneChunk(bytes)}, {signal});
		},
	};
}

type Presence = Pick<S3TargetOptions, 'touchMilliseconds'> & {readonly bucket: S3Bucket; readonly signal: AbortSignal};

async function isThere(key: string, {bucket, touchMilliseconds, signal}: Presence): Promise<boolean> {
	const found = await bucket.find(key, {signal});
	if (found === undefined) {
		return false;
	}

	if (Date.now() - found.modified.getTime() > touchMilliseconds) {
		await bucket.touch(key, {size: found.size, signal});
	}

	return true;
}

/** S3 checks what it is sent if the digest is of the kind that it knows. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function payloadHash(digest: Digest): string {
	const {algorithm, hex} = splitDigest(digest);
	return algorithm === 'sha256' ? hex : 'UNSIGNED-PAYLOAD';
}
