import {errorCode} from '../kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../kernel/image-documents.ts';
import type {ImageConfig, ImageManifest} from '../kernel/oci-types.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {ImageIdentity} from './image-store.ts';

/** What is known about an image of the store. */
export type ImageContents = {
	readonly config: ImageConfig;
	readonly manifest: ImageManifest;
	/** Bytes of the layers as they are stored: those that were built here are not compressed. */
	readonly size: number;
};

// How an image shows that is not whole.
const damageCodes: ReadonlySet<string | undefined> = new Set([
	'ERR_TSBUILD_CONTENT',
	'ERR_TSBUILD_CONTENT_NOT_FOUND',
	'ERR_TSBUILD_IMAGE',
	'ERR_TSBUILD_INVALID_DIGEST',
]);

/** Reads an image's manifest and config; `undefined` when one of them is missing or damaged. */
export async function readImageContents({manifestDigest}: Pick<ImageIdentity, 'manifestDigest'>, content: ContentStore): Promise<ImageContents | undefined> {
	try {
		const document = parseImageDocument(await content.readBytes(manifestDigest), '');
		if (document.kind === 'index') {
			return undefined;
		}

		const {manifest} = document;
		const config = parseImageConfig(await content.readBytes(manifest.config.digest));
		return {config, manifest, size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0)};
	} catch (error) {
		if (damageCodes.has(errorCode(error))) {
			return undefined;
		}

		throw error;
	}
}
