import type {Digest} from '../kernel/digest.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../kernel/image-documents.ts';
import {
	mediaTypes,
	type Descriptor,
	type ImageConfig,
	type ImageManifest,
} from '../kernel/oci-types.ts';
import type {Platform} from '../kernel/platform.ts';
import {choosePlatform, isCompatible, noMatch} from './choose-platform.ts';

/** Where the documents of an image are read from: verified by their descriptors, and at most 4 MiB of each. */
export type DocumentSource = {
	/** A manifest or an index. */
	readonly readManifest: (document: Descriptor) => Promise<Uint8Array>;
	readonly readConfig: (document: Descriptor) => Promise<Uint8Array>;
};

/** The image of one platform. */
export type FoundManifest = {
	readonly manifestDigest: Digest;
	readonly manifest: ImageManifest;
	readonly config: ImageConfig;
};

// An index may name another index; more than a few levels are no image any more.
const maximumIndexDepth = 4;

// What an overlay can have below it. https://github.com/torvalds/linux/blob/v6.18/fs/overlayfs/params.h (OVL_MAX_STACK)
const maximumLayers = 500;

// The last is what registries of 2016 said of Docker's configs.
// https://github.com/moby/moby/blob/v28.0.0/distribution/pull_v2.go
const configTypes: ReadonlySet<string> = new Set([mediaTypes.config, mediaTypes.dockerConfig, 'application/octet-stream']);

/**
Finds the manifest and the config of an image for a platform, by way of the indexes that lead there. A manifest that no index stands before is taken whatever its platform, as BuildKit does.

The media type of `entry` may be empty when it is not known.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND` for another platform; `ERR_TSBUILD_IMAGE` for documents that are none of an image; what `source` throws
*/
export async function findManifest(entry: Descriptor, {source, platform}: {readonly source: DocumentSource; readonly platform: Platform}): Promise<FoundManifest> {
	let descriptor = entry;
	for (let depth = 0; depth < maximumIndexDepth; depth++) {
		const document = parseImageDocument(await source.readManifest(descriptor), descriptor.mediaType);
		if (document.kind === 'manifest') {
			const {manifest} = document;
			const config = await readConfig(manifest, source);
			if (depth > 0 && descriptor.platform === undefined && !isCompatible(config, platform)) {
				throw noMatch(platform, [config]);
			}

			return {manifestDigest: descriptor.digest, manifest, config};
		}

		descriptor = choosePlatform(document.index.manifests, platform);
	}

	throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${entry.digest}: its indexes are nested more than ${maximumIndexDepth} deep`);
}

// What is built on the image goes by its config, what is unpacked by its manifest: they must not tell of different layers.
async function readConfig({config: descriptor, layers}: ImageManifest, source: DocumentSource): Promise<ImageConfig> {
	const {mediaType, digest} = descriptor;
	if (!configTypes.has(mediaType)) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image config ${digest}: its media type ${JSON.stringify(mediaType.slice(0, 200))} is not one of an image`, {
			hint: 'Registries also keep what is no container image, such as charts, signatures and build caches.',
		});
	}

	if (layers.length > maximumLayers) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image config ${digest}: the image has ${layers.length} layers, more than the ${maximumLayers} that can be mounted`);
	}

	const config = parseImageConfig(await source.readConfig(descriptor));
	const count = config.rootfs.diff_ids?.length ?? 0;
	if (count !== layers.length) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image config ${digest}: it has ${count} diff ids for ${layers.length} layers`);
	}

	return config;
}
