import type {LayerEncoding} from '../exporter/encoded-image.ts';
import type {Digest} from '../kernel/digest.ts';
import type {S3CacheLocation} from './s3-cache-location.ts';

/** Where a cache is taken from. */
export type CacheFromOption = {
	/** Also the directories of cache mounts. */
	readonly takesMounts: boolean;
} & (
	/** As it was given. */
	| {readonly type: 'registry'; readonly reference: string}
	| {readonly type: 'local'; readonly directory: string; readonly tag: string; readonly digest?: Digest}
	| ({readonly type: 's3'} & S3CacheLocation)
	/** One that cannot be taken from, and why. */
	| {readonly type: 'unusable'; readonly name: string; readonly reason: string}
);

/** What of a build goes into a cache: the layers of its result, or those of all steps. */
export type CacheMode = 'min' | 'max';

/** How a cache is written. */
export type CacheEncoding = LayerEncoding & {
	readonly mode: CacheMode;
	/** Whose media types the manifest has. */
	readonly mediaTypes: 'oci' | 'docker';
	/** The manifest is that of an image; else an index, as BuildKit wrote it before 0.21. */
	readonly isImageManifest: boolean;
	/** The build does not fail when the cache cannot be written. */
	readonly ignoresErrors: boolean;
	/** Bytes of the directories of cache mounts that go along; none without it. */
	readonly mountsMaximumSize?: number;
};

/** Where a cache is written. */
export type CacheToOption =
	| {readonly type: 'inline'}
	| (CacheEncoding & (
		| {readonly type: 'registry'; readonly reference: string}
		| {readonly type: 'local'; readonly directory: string; readonly tag: string; readonly isReset: boolean}
		| ({
			readonly type: 's3';
			/** A blob that has not been touched for so many milliseconds is touched: then rules that remove old objects leave it. */
			readonly touchMilliseconds: number;
		} & S3CacheLocation)
	));
