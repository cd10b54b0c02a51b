import {diffIdFrom, type DiffId} from '../kernel/digest.ts';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {decompressed} from '../../snapshotter/decompress.ts';
import {HashedStream} from '../../snapshotter/hashed-stream.ts';
import {archiveError} from './archive-error.ts';
import type {ArchivedImage} from './archived-image.ts';

const uncompressedTypes: ReadonlySet<string> = new Set([mediaTypes.layer, mediaTypes.dockerLayer]);

/**
Checks that the layers of an image are there, and that they hold what its config says.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE`; `ERR_TSBUILD_DECOMPRESS`; the reason of `signal`
*/
export async function checkLayers({layers}: ArchivedImage, {content, signal}: {readonly content: ContentStore; readonly signal: AbortSignal}): Promise<void> {
	for (const {diffId, descriptor} of layers) {
		const {digest, size} = descriptor;
		if (await content.size(digest) !== size) {
			throw archiveError(`the layer ${digest} is not there, or has another size`);
		}

		const actual = await contentOf(descriptor, {content, signal});
		if (actual !== diffId) {
			throw archiveError(`the content of the layer ${digest} has the diff ID ${actual} instead of ${diffId}`);
		}
	}
}

/** Of an uncompressed layer, whose digest was checked on its way in, nothing is read again. */
async function contentOf({mediaType, digest, size}: Descriptor, {content, signal}: {readonly content: ContentStore; readonly signal: AbortSignal}): Promise<DiffId> {
	if (digest.startsWith('sha256:') && uncompressedTypes.has(mediaType)) {
		return diffIdFrom(digest);
	}

	await using tar = new HashedStream(decompressed(content.read(digest, {size, signal}), {signal}), signal);
	const {digest: digestOfTar} = await tar.finish();
	return diffIdFrom(digestOfTar);
}
