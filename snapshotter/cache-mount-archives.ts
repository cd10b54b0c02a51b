import {createHash} from 'node:crypto';
import {existsSync, readlinkSync} from 'node:fs';
import path from 'node:path';
import {mediaTypes, type Descriptor as BlobDescriptor} from '../src/kernel/oci-types.ts';
import {O_DIRECTORY, O_PATH} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {maximumUnpackedSize} from './decompression-limit.ts';
import type {Store} from './store.ts';

type WithSignal = {readonly signal: AbortSignal};

/** The directory of the first cache of an id, where its files are; `undefined` when there is none. */
export function findCacheMount(storeRoot: string, id: string): string | undefined {
	const directory = path.join(storeRoot, 'cache-mounts', createHash('sha256').update(id).digest('hex'), '0/data');
	return existsSync(directory) ? directory : undefined;
}

/**
Packs the directory of a cache mount into a blob of the content store. The same files give the same blob.

@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a file is written to meanwhile; `ERR_TSBUILD_STORE` when the blob cannot be written; the reason of the signal
*/
export async function packCacheMount(directory: string, {content, signal}: Pick<Store, 'content'> & WithSignal): Promise<BlobDescriptor> {
	const [{treeTar}, {compressed}] = await Promise.all([import('./diff.ts'), import('./compress.ts')]);
	using root = Descriptor.open(directory, O_PATH | O_DIRECTORY);
	const {digest, size} = await content.ingest(compressed(treeTar(root, {signal}), {compression: 'zstd'}), {signal});
	return {mediaType: mediaTypes.layerZstd, digest, size};
}

/**
Unpacks such a blob into a directory that nobody else uses. What is in it is hostile, as what is in any layer.

@throws as `applyLayer` and `ContentStore.read`
*/
export async function unpackCacheMount({digest, size}: Pick<BlobDescriptor, 'digest' | 'size'>, into: Descriptor, {content, signal}: Pick<Store, 'content'> & WithSignal): Promise<void> {
	const [{applyLayer}, {decompressed}] = await Promise.all([import('./apply.ts'), import('./decompress.ts')]);
	const maximumSize = maximumUnpackedSize(size);
	await applyLayer(decompressed(content.read(digest, {size, signal}), {maximumSize, signal}), {
		// What is opened has a path of its own, which no other process changes.
		into: readlinkSync(into.path), parent: undefined, maximumSize, signal,
	});
}
