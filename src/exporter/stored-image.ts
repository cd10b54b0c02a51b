import {TsbuildError} from '../kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../kernel/image-documents.ts';
import {mediaTypes} from '../kernel/oci-types.ts';
import {describeManifest} from '../../snapshotter/image-references.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {
	encodeLayers,
	type EncodedImage,
	type EncodingContext,
	type LayerEncoding,
} from './encoded-image.ts';
import {manifestOf} from './image-assembly.ts';
import type {ImageIdentity} from './image-store.ts';

/**
Reads an image of the local store.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE` when it is not whole
*/
export async function readStoredImage({configDigest, manifestDigest}: ImageIdentity, content: ContentStore): Promise<EncodedImage> {
	const descriptor = describeManifest(manifestDigest, content);
	if (descriptor === undefined) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${configDigest}: its manifest or config is missing or damaged`, {hint: 'Build or pull it again.'});
	}

	const bytes = await content.readBytes(manifestDigest);
	const configBytes = await content.readBytes(configDigest);
	const document = parseImageDocument(bytes, '');
	const config = parseImageConfig(configBytes);
	const layers = document.kind === 'manifest' ? document.manifest.layers : [];
	const diffIds = config.rootfs.diff_ids ?? [];
	return {
		assembled: {
			config, configBytes, configDigest, layers: layers.map((layer, index) => ({diffId: diffIds[index]!, descriptor: layer})),
		},
		manifest: {bytes, descriptor},
		layers,
	};
}

/**
The image with its uncompressed layers compressed. One that has none keeps its manifest to the byte: it may be known elsewhere by its digest.
*/
export async function encodeStoredImage(image: EncodedImage, encoding: LayerEncoding, context: EncodingContext): Promise<EncodedImage> {
	const layers = await encodeLayers(image.layers, encoding, context);
	if (layers.every((layer, index) => layer.digest === image.layers[index]!.digest)) {
		return image;
	}

	const document = parseImageDocument(image.manifest.bytes, '');
	const annotations = document.kind === 'manifest' ? document.manifest.annotations ?? {} : {};
	const kind = image.manifest.descriptor.mediaType === mediaTypes.dockerManifest ? 'docker' : 'oci';
	return {...image, layers, manifest: manifestOf(image.assembled, layers, {mediaTypes: kind, annotations})};
}
