import type {Descriptor} from '../kernel/oci-types.ts';
import type {BlobSource} from '../registry/registry-client.ts';
import type {EncodedDocument} from './encode-cache.ts';

/** Where the blobs of a cache are written. */
export type BlobTarget = {
	/** Writes a blob, unless it is there. */
	writeBlob(blob: Pick<Descriptor, 'digest' | 'size'>, content: BlobSource['content'], options: {readonly signal: AbortSignal}): Promise<void>;
};

/** Where a cache is written that is kept as an image is: a registry, or an image layout. */
export type CacheTarget = BlobTarget & {
	/** Writes the manifest at last, when all that it names is there. */
	writeManifest(manifest: EncodedDocument, options: {readonly signal: AbortSignal}): Promise<void>;
};
