import {existsSync} from 'node:fs';
import path from 'node:path';
import type {Digest} from '../kernel/digest.ts';
import {TsbuildError} from '../kernel/errors.ts';
import type {ImageIndex} from '../kernel/oci-types.ts';
import {ContentStore} from '../../snapshotter/content-store.ts';
import type {CachePlace} from './cache-place.ts';

/** The name that an image layout has for one of its manifests. https://github.com/opencontainers/image-spec/blob/main/annotations.md */
export const referenceName = 'org.opencontainers.image.ref.name';

/** Which cache of a directory is meant. */
export type LocalCache = {
	readonly directory: string;
	readonly tag: string;
	/** Counts before the tag. */
	readonly digest?: Digest;
};

/**
Finds a cache in a directory.

@returns its place, and the manifest's digest
@throws {TsbuildError} `ERR_TSBUILD_LAYOUT` when the directory is no image layout; `ERR_TSBUILD_CACHE` when it has nothing under the tag
*/
export async function findLocalPlace({directory, tag, digest}: LocalCache): Promise<CachePlace> {
	const layout = new ContentStore(directory);
	const manifest = digest ?? await findDigest(layout, tag);
	return {
		name: directory,
		async readManifest({signal}) {
			return {mediaType: '', bytes: await layout.readBytes(manifest, {signal})};
		},
		readOtherManifest: async ({digest: other, size}, {signal}) => layout.readBytes(other, {size, signal}),
		readBlob: ({digest: blob, size}, {signal}) => layout.read(blob, {size, signal}),
		hasBlob: async blob => await layout.size(blob) !== undefined,
	};
}

async function findDigest(layout: ContentStore, tag: string): Promise<Digest> {
	const {manifests} = await readIndex(layout);
	const found = manifests.find(({annotations = {}}) => annotations[referenceName] === tag);
	if (found === undefined) {
		throw new TsbuildError('ERR_TSBUILD_CACHE', `no digest found for tag ${tag}`);
	}

	return found.digest;
}

/** In the words of BuildKit where there is none. */
async function readIndex(layout: ContentStore): Promise<ImageIndex> {
	const file = path.join(layout.directory, 'index.json');
	if (!existsSync(file)) {
		throw new TsbuildError('ERR_TSBUILD_LAYOUT', `could not read ${file}: open ${file}: no such file or directory`);
	}

	return layout.readIndex();
}
