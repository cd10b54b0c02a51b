import {Buffer} from 'node:buffer';
import {copyFileSync, mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import {mediaTypes, type Descriptor} from '../../src/kernel/oci-types.ts';

/** The layers of an image, the lowest first. */
export type ImageLayers = {
	/** They are in the content store. */
	readonly blobs: readonly Descriptor[];
	readonly diffIds: readonly string[];
};

/** Makes an image layout with one image, `test`, that has the given layers and no configuration. */
export function writeLayerImage(content: ContentStore, directory: string, {blobs, diffIds}: ImageLayers): void {
	mkdirSync(path.join(directory, 'blobs/sha256'), {recursive: true});
	const blobFile = (digest: Digest) => path.join(directory, 'blobs', digest.replace(':', '/'));
	const add = (document: unknown) => {
		const bytes = Buffer.from(JSON.stringify(document));
		writeFileSync(blobFile(digestOf(bytes)), bytes);
		return {digest: digestOf(bytes), size: bytes.length};
	};

	for (const {digest} of blobs) {
		copyFileSync(content.path(digest), blobFile(digest));
	}

	const config = add({
		architecture: 'amd64', os: 'linux', config: {}, rootfs: {type: 'layers', diff_ids: diffIds},
	});
	const manifest = add({
		schemaVersion: 2, mediaType: mediaTypes.manifest, config: {mediaType: mediaTypes.config, ...config}, layers: blobs,
	});
	writeFileSync(path.join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
	writeFileSync(path.join(directory, 'index.json'), JSON.stringify({
		schemaVersion: 2,
		manifests: [{mediaType: mediaTypes.manifest, ...manifest, annotations: {'org.opencontainers.image.ref.name': 'test'}}],
	}));
}
