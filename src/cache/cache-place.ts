import type {Digest} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {ReadCachedBlob} from '../../snapshotter/cached-layers.ts';

type WithSignal = {readonly signal: AbortSignal};

/** A manifest as it was found. */
export type FoundManifest = {
	readonly mediaType: string;
	readonly bytes: Uint8Array;
};

/** Where the blobs of a cache are. */
export type BlobPlace = {
	/** Where it is, for people. */
	readonly name: string;
	readonly readBlob: ReadCachedBlob;
	hasBlob(digest: Digest, options: WithSignal): Promise<boolean>;
	/** Takes note that the blobs of layers are there. */
	noteLayers?(digests: readonly Digest[]): void;
};

/** Where a cache is read that is kept as an image is: a registry, or an image layout. */
export type CachePlace = BlobPlace & {
	/** The manifest of the cache, at most 4 MiB. */
	readManifest(options: WithSignal): Promise<FoundManifest>;
	/** Another manifest that the first one names. */
	readOtherManifest(descriptor: Descriptor, options: WithSignal): Promise<Uint8Array>;
};
