import {chmod} from 'node:fs/promises';
import type {Descriptor, ImageIndex} from '../kernel/oci-types.ts';
import {oneChunk} from '../kernel/one-chunk.ts';
import {createLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import type {CacheTarget} from './cache-target.ts';
import {referenceName} from './local-place.ts';
import {removeUnnamedBlobs} from './remove-unnamed-blobs.ts';

/** Which cache of a directory is written. */
export type LocalTarget = {
	readonly directory: string;
	readonly tag: string;
	/** Removes the blobs that no cache of the directory needs any more. */
	readonly isReset: boolean;
};

/**
A cache in a directory, which is made where it is missing.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`; a system error of Node
*/
export async function localTarget({directory, tag, isReset}: LocalTarget): Promise<CacheTarget> {
	const layout = await createLayout(directory);
	return {
		async writeBlob(blob, content, {signal}) {
			await writeBlob(layout, blob, {content: content(0), signal});
		},
		async writeManifest({bytes, descriptor}, {signal}) {
			await writeBlob(layout, descriptor, {content: oneChunk(bytes), signal});
			await layout.updateIndex(index => withManifest(index, descriptor, tag), {signal});
			if (isReset) {
				await removeUnnamedBlobs(layout);
			}
		},
	};
}

type Writing = {readonly content: AsyncIterable<Uint8Array>; readonly signal: AbortSignal};

async function writeBlob(layout: ContentStore, {digest, size}: Pick<Descriptor, 'digest' | 'size'>, {content, signal}: Writing): Promise<void> {
	if (await layout.size(digest) === size) {
		return;
	}

	await layout.ingest(content, {expectedDigest: digest, expectedSize: size, signal});
	// As containerd leaves its blobs: nobody should change them.
	await chmod(layout.path(digest), 0o444);
}

function withManifest(index: ImageIndex, descriptor: Descriptor, tag: string): ImageIndex {
	const others = index.manifests.filter(({annotations = {}}) => annotations[referenceName] !== tag);
	return {
		schemaVersion: 2, mediaType: index.mediaType, manifests: [...others, {...descriptor, annotations: {[referenceName]: tag}}],
	};
}
