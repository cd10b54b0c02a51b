import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {ImageStore, StoredImage} from '../exporter/image-store.ts';
import type {Platform} from '../kernel/platform.ts';
import {formatReference, type Reference} from '../kernel/reference.ts';
import {contentDocuments} from './content-documents.ts';
import {findManifest} from './find-manifest.ts';
import type {FoundImage} from './found-image.ts';

/** What an image of the store is looked up with. */
export type StoreImageOptions = {
	readonly images: ImageStore;
	readonly content: ContentStore;
	readonly platform: Platform;
};

/**
Finds an image that has a name in the local store. A reference with a digest finds it when the name has an image of that digest.

@returns `undefined` when there is none
@throws {TsbuildError} `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_CONTENT_NOT_FOUND` for an image that is damaged
*/
export async function findStoreImage(reference: Reference, {images, content, platform}: StoreImageOptions): Promise<FoundImage | undefined> {
	const image = findNamed(reference, images);
	if (image === undefined) {
		return undefined;
	}

	const size = await content.size(image.manifestDigest) ?? 0;
	const {manifestDigest, config} = await findManifest({mediaType: '', digest: image.manifestDigest, size}, {source: contentDocuments(content), platform});
	return {
		reference: formatReference(reference),
		manifestDigest,
		location: {type: 'store'},
		config,
	};
}

/** By its digest, an image has the name that it was pulled by, or a tag of the repository. */
function findNamed({domain, path, tag = 'latest', digest}: Reference, images: ImageStore): StoredImage | undefined {
	const tagged = images.find(formatReference({domain, path, tag}));
	return digest === undefined
		? tagged
		: images.find(formatReference({domain, path, digest})) ?? (tagged?.manifestDigest === digest ? tagged : undefined);
}
