import {digestOf, type DiffId, type Digest} from '../kernel/digest.ts';
import {
	mediaTypes,
	type Descriptor,
	type ImageConfig,
	type ImageManifest,
} from '../kernel/oci-types.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId, Snapshotter} from '../../snapshotter/snapshotter.ts';
import {completeHistoryTimes} from './image-history.ts';
import {encodeImageConfig, encodeManifest} from './image-json.ts';

/** A layer as it is in the store: new ones uncompressed, those of a base image as they came. */
export type ImageLayer = {
	readonly diffId: DiffId;
	readonly descriptor: Descriptor;
};

/** An image of which everything but its manifest is decided: the manifest depends on how the layers are compressed. */
export type AssembledImage = {
	readonly config: ImageConfig;
	readonly configBytes: Uint8Array;
	readonly configDigest: Digest;
	readonly layers: readonly ImageLayer[];
};

/** A manifest with its bytes and its descriptor. */
export type EncodedManifest = {
	readonly bytes: Uint8Array;
	readonly descriptor: Descriptor;
};

export type AssemblyOptions = {
	/** The file system; `null` is the empty one. */
	readonly snapshot: SnapshotId | null;
	/** As the frontend made it: with or without times, no layers. */
	readonly image: ImageConfig;
	readonly snapshotter: Snapshotter;
	readonly layers: LayerStore;
	/** Gives what the image carries of the cache. */
	readonly inlineCache?: (() => Promise<string>) | undefined;
	readonly signal: AbortSignal;
};

/**
Completes an image config with the layers of a snapshot and the times of its history. The diff of a layer that nobody needed before is made now.

The times are those at which the snapshots were made, unless the frontend gave others, so a build that finds everything in the cache gives the same config again.
*/
export async function assembleImage({snapshot, image, snapshotter, layers, inlineCache, signal}: AssemblyOptions): Promise<AssembledImage> {
	const chain = snapshot === null ? [] : snapshotter.chain(snapshot);
	const imageLayers = await Promise.all(chain.map(async id => layers.layerOf(id, {signal})));
	const times = chain.map(id => new Date(snapshotter.info(id)!.createdAt).toISOString());
	const history = completeHistoryTimes(image.history ?? [], times);
	const config: ImageConfig = {
		...image,
		created: image.created ?? history.at(-1)?.created ?? null,
		history: history.length === 0 ? null : history,
		rootfs: {type: 'layers', diff_ids: imageLayers.length === 0 ? null : imageLayers.map(({diffId}) => diffId)},
		...(inlineCache !== undefined && {'moby.buildkit.cache.v0': await inlineCache()}),
	};
	const configBytes = encodeImageConfig(config);
	return {
		config, configBytes, configDigest: digestOf(configBytes), layers: imageLayers,
	};
}

/** Whose media types a manifest has, and what is noted in it. */
export type ManifestOptions = {
	readonly mediaTypes: 'oci' | 'docker';
	readonly annotations: Readonly<Record<string, string>>;
};

const manifestTypes = {
	oci: {manifest: mediaTypes.manifest, config: mediaTypes.config},
	docker: {manifest: mediaTypes.dockerManifest, config: mediaTypes.dockerConfig},
} as const;

// The same layer in the words of both. What is in neither stays as it is.
const layerTypes = [
	{oci: mediaTypes.layer, docker: mediaTypes.dockerLayer},
	{oci: mediaTypes.layerGzip, docker: mediaTypes.dockerLayerGzip},
	{oci: mediaTypes.layerZstd, docker: mediaTypes.dockerLayerZstd},
] as const;

/**
The manifest of an image with the given layer blobs, lowest first. All media types in it are of one kind, whatever the layers came with.

@see https://github.com/moby/buildkit/blob/v0.32.2/util/compression/compression.go (ConvertAllLayerMediaTypes)
*/
export function manifestOf(image: AssembledImage, layers: readonly Descriptor[], options: ManifestOptions): EncodedManifest {
	const types = manifestTypes[options.mediaTypes];
	const manifest: ImageManifest = {
		schemaVersion: 2,
		mediaType: types.manifest,
		config: {mediaType: types.config, digest: image.configDigest, size: image.configBytes.length},
		layers: layers.map(({mediaType, digest, size}) => ({mediaType: layerTypeOf(mediaType, options.mediaTypes), digest, size})),
		...(Object.keys(options.annotations).length > 0 && {annotations: options.annotations}),
	};
	const bytes = encodeManifest(manifest);
	const {os, architecture, variant} = image.config;
	return {
		bytes,
		descriptor: {
			mediaType: types.manifest,
			digest: digestOf(bytes),
			size: bytes.length,
			platform: {architecture, os, ...(variant !== undefined && {variant})},
		},
	};
}

/** The media type of the same layer in a manifest of another kind. */
export function layerTypeOf(mediaType: string, kind: ManifestOptions['mediaTypes']): string {
	return layerTypes.find(({oci, docker}) => oci === mediaType || docker === mediaType)?.[kind] ?? mediaType;
}
