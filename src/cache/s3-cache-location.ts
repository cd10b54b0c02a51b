import type {HttpClient} from '../http.ts';
import type {Digest} from '../kernel/digest.ts';
import type {AwsCredentials} from '../s3/aws-credentials.ts';
import type {BucketLocation} from '../s3/bucket-address.ts';
import type {S3Bucket} from '../s3/s3-bucket.ts';

/** Which cache of a bucket is meant, and who uses it. */
export type S3CacheLocation = {
	readonly location: BucketLocation;
	readonly credentials?: AwsCredentials;
	/** Before the keys of all objects. */
	readonly prefix: string;
	readonly blobsPrefix: string;
	readonly manifestsPrefix: string;
	/** A cache is written under all of them, and read under the first. */
	readonly names: readonly [string, ...string[]];
	/** Attempts at one request. */
	readonly attempts: number;
	/** Blobs that are sent at once, and parts of large ones. */
	readonly uploadParallelism: number;
};

/** What buckets are used with. */
export type S3Context = {
	readonly openHttp: () => Promise<HttpClient>;
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
};

/**
Makes the client of the bucket of a cache.

@throws {TsbuildError} `ERR_TSBUILD_S3_ADDRESS`
*/
export async function openBucket({location, credentials, attempts, uploadParallelism}: S3CacheLocation, {openHttp, warn}: S3Context): Promise<S3Bucket> {
	const {S3Bucket: Bucket} = await import('../s3/s3-bucket.ts');
	return new Bucket({
		http: await openHttp(),
		location,
		...(credentials && {credentials}),
		attempts,
		partsAtOnce: uploadParallelism,
		onRetry({domain, reason, seconds}) {
			warn(`${domain} is asked again in ${Math.ceil(seconds)} s: ${reason}`);
		},
	});
}

/** The key of the object that is a blob. https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/s3/s3.go (blobKey) */
export function blobKey({prefix, blobsPrefix}: S3CacheLocation, digest: Digest): string {
	return `${prefix}${blobsPrefix}${digest}`;
}

/** The key of the object that is the document of a cache. */
export function manifestKey({prefix, manifestsPrefix}: S3CacheLocation, name: string): string {
	return `${prefix}${manifestsPrefix}${name}`;
}
