import {parseImageDocument} from '../kernel/image-documents.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';

/**
Removes the blobs of a layout that none of its manifests names.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_CONTENT_NOT_FOUND` when a manifest cannot be read: then nothing is removed
*/
export async function removeUnnamedBlobs(layout: ContentStore): Promise<void> {
	const named = new Set<string>();
	const {manifests} = await layout.readIndex();
	for (const {digest, size, mediaType} of manifests) {
		named.add(digest);
		const document = parseImageDocument(await layout.readBytes(digest, {size}), mediaType);
		const blobs = document.kind === 'index' ? document.index.manifests : [document.manifest.config, ...document.manifest.layers];
		for (const blob of blobs) {
			named.add(blob.digest);
		}
	}

	for await (const digest of layout.list()) {
		if (!named.has(digest)) {
			await layout.remove(digest);
		}
	}
}
