import {Buffer} from 'node:buffer';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';

/** An image in an archive for `docker load`. */
export type DockerArchiveImage = {
	readonly configDigest: Digest;
	/** Lowest first. */
	readonly layers: readonly Descriptor[];
	/** Full references. */
	readonly names: readonly string[];
};

/**
The file `manifest.json` of an archive for `docker load`: the blobs of a layout under the names that Docker has for them.

@see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
*/
export function dockerManifest(images: readonly DockerArchiveImage[]): Buffer {
	return Buffer.from(JSON.stringify(images.map(({configDigest, layers, names}) => {
		const tags = names.map(name => parseReference(name)).filter(({tag}) => tag !== undefined).map(({domain, path, tag}) => familiarReference({domain, path, ...(tag !== undefined && {tag})}));
		return {
			Config: blobPath(configDigest),
			RepoTags: tags.length === 0 ? null : tags,
			Layers: layers.map(({digest}) => blobPath(digest)),
		};
	})));
}

function blobPath(digest: Digest): string {
	const {algorithm, hex} = splitDigest(digest);
	return `blobs/${algorithm}/${hex}`;
}
