import {openLayout, type ContentStore} from '../snapshotter/content-store.ts';
import type {SourceImageOperation} from './definition/operations.ts';
import {compatiblePlatforms, isSamePlatform} from './kernel/compatible-platforms.ts';
import {parseDigest, type Digest} from './kernel/digest.ts';
import {TsbuildError} from './kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from './kernel/image-documents.ts';
import type {Descriptor, ImageConfig, ImageManifest} from './kernel/oci-types.ts';
import {formatPlatform, normalizePlatform, type Platform} from './kernel/platform.ts';
import {formatReference, parseReference} from './kernel/reference.ts';
import type {ImageStore} from './exporter/image-store.ts';

/** An image that a FROM names, found. */
export type FoundImage = {
	/** Full reference. */
	readonly reference: string;
	/** Of the manifest for the platform. */
	readonly manifestDigest: Digest;
	readonly location: SourceImageOperation['location'];
	readonly config: ImageConfig;
};

/** An OCI layout directory that stands for an image name. */
export type LayoutContext = {
	readonly name: string;
	readonly directory: string;
	readonly tag?: string;
	readonly digest?: string;
};

// An index may name another index; more than a few levels are no image any more.
const maximumIndexDepth = 4;

// An index of a stranger may name thousands.
const maximumNamedPlatforms = 20;

/**
Finds an image of the local store by its reference.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`
*/
export async function resolveStoreImage(reference: string, {images, content, platform}: {readonly images: ImageStore; readonly content: ContentStore; readonly platform: Platform}): Promise<FoundImage> {
	const name = formatReference(parseReference(reference));
	const image = images.find(name);
	if (image === undefined) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `${name}: not found`, {
			hint: `Build it first with -t ${reference}, or name a layout for it: --build-context ${reference}=oci-layout://DIRECTORY.`,
		});
	}

	const size = await content.size(image.manifestDigest);
	const found = await findManifest(content, {mediaType: '', digest: image.manifestDigest, size: size ?? 0}, platform);
	return {reference: name, location: {type: 'store'}, ...found};
}

/**
Finds the image of an OCI layout: by digest, by tag, or the only one there is.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_LAYOUT`
*/
export async function resolveLayoutImage(context: LayoutContext, platform: Platform): Promise<FoundImage> {
	const layout = await openLayout(context.directory);
	const {manifests} = await layout.readIndex();
	const descriptor = chooseEntry(manifests, context);
	const found = await findManifest(layout, descriptor, platform);
	const {domain, path} = parseReference(context.name);
	return {
		reference: formatReference({domain, path, tag: context.tag ?? 'latest'}),
		location: {type: 'oci-layout', directory: context.directory},
		...found,
	};
}

function chooseEntry(manifests: readonly Descriptor[], {directory, tag, digest}: LayoutContext): Descriptor {
	if (digest !== undefined) {
		const wanted = parseDigest(digest);
		return manifests.find(manifest => manifest.digest === wanted) ?? {mediaType: '', digest: wanted, size: 0};
	}

	const wanted = tag ?? 'latest';
	const named = manifests.find(({annotations}) => {
		const name = annotations?.['org.opencontainers.image.ref.name'] ?? '';
		return name === wanted || name.endsWith(`:${wanted}`);
	});
	const distinct = new Set(manifests.map(manifest => manifest.digest));
	const chosen = named ?? (tag === undefined && distinct.size === 1 ? manifests[0] : undefined);
	if (chosen === undefined) {
		const names = manifests.map(({annotations, digest: known}) => annotations?.['org.opencontainers.image.ref.name'] ?? known);
		throw new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `failed to find image ${JSON.stringify(wanted)} in OCI layout ${directory}: not found`, {
			hint: names.length === 0 ? 'The layout holds no image.' : `The layout holds ${names.join(', ')}.`,
		});
	}

	return chosen;
}

async function findManifest(content: ContentStore, entry: Descriptor, platform: Platform): Promise<{readonly manifestDigest: Digest; readonly config: ImageConfig}> {
	let descriptor = entry;
	for (let depth = 0; depth < maximumIndexDepth; depth++) {
		const document = parseImageDocument(await content.readBytes(descriptor.digest), descriptor.mediaType);
		if (document.kind === 'manifest') {
			const config = await readConfig(document.manifest, content);
			if (depth > 0 && descriptor.platform === undefined && !isCompatible(config, platform)) {
				throw noPlatform(platform, [config]);
			}

			return {manifestDigest: descriptor.digest, config};
		}

		descriptor = choosePlatform(document.index.manifests, platform);
	}

	throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${entry.digest}: its indexes are nested more than ${maximumIndexDepth} deep`);
}

function isCompatible(found: Platform, platform: Platform): boolean {
	return compatiblePlatforms(platform).some(compatible => isSamePlatform(found, compatible));
}

// What is built on the image goes by its config, what is unpacked by its manifest: they must not tell of different layers.
async function readConfig({config: {digest}, layers}: ImageManifest, content: ContentStore): Promise<ImageConfig> {
	const config = parseImageConfig(await content.readBytes(digest));
	const count = config.rootfs.diff_ids?.length ?? 0;
	if (count !== layers.length) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image config ${digest}: it has ${count} diff ids for ${layers.length} layers`);
	}

	return config;
}

// An entry without a platform says it further inside; an attestation, which is no image, has the platform unknown/unknown.
function choosePlatform(manifests: readonly Descriptor[], platform: Platform): Descriptor {
	const chosen = compatiblePlatforms(platform)
		.map(compatible => manifests.find(manifest => manifest.platform !== undefined && isSamePlatform(manifest.platform, compatible)))
		.find(manifest => manifest !== undefined)
		?? manifests.find(manifest => manifest.platform === undefined);
	if (chosen === undefined) {
		throw noPlatform(platform, manifests.flatMap(manifest => manifest.platform ?? []));
	}

	return chosen;
}

function noPlatform(wanted: Platform, platforms: readonly Platform[]): TsbuildError {
	const names = new Set(platforms.map(found => formatPlatform(found)));
	return new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `no match for platform in manifest: ${formatPlatform(normalizePlatform(wanted))} not found`, {
		hint: names.size === 0 ? 'The image is there for no platform at all.' : `The image is there for ${[...names].slice(0, maximumNamedPlatforms).join(', ')}.`,
	});
}
