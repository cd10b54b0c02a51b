import {
	chainIdOf,
	type ChainId,
	type DiffId,
	type Digest,
} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import type {Descriptor, ImageConfig, ImageManifest} from '../../src/kernel/oci-types.ts';
import type {ArrivingBlob, LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {ExecutionContext} from '../vertex.ts';
import type {LayerIntake} from './layer-intake.ts';

/** A layer of an image. */
export type ImageLayer = {
	readonly blob: Descriptor;
	readonly diffId: DiffId;
	/** Of the layer with all below it. */
	readonly chainId: ChainId;
};

/** What of an image is unpacked already, and what is not. */
export type LayerProgress = {
	/** The snapshot of the layers that are. */
	readonly parent: SnapshotId | undefined;
	/** The layers above it, lowest first. */
	readonly missing: readonly ImageLayer[];
};

/** What unpacks layers. */
export type UnpackContext = {
	readonly layers: Pick<LayerStore, 'unpack'>;
	/** Nothing when the blobs are in the store. */
	readonly intake: LayerIntake | undefined;
	readonly execution: Pick<ExecutionContext, 'signal' | 'status'>;
};

/**
The layers of an image, lowest first.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE` when manifest and config tell of different layers
*/
export function layersOfImage(reference: string, manifest: ImageManifest, config: ImageConfig): readonly ImageLayer[] {
	const diffIds = config.rootfs.diff_ids ?? [];
	if (diffIds.length !== manifest.layers.length) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${reference}: it has ${manifest.layers.length} layers and ${diffIds.length} diff ids`);
	}

	let chainId: ChainId | undefined;
	return manifest.layers.map((blob, index) => {
		const diffId = diffIds[index]!;
		chainId = chainIdOf(chainId, diffId);
		return {blob, diffId, chainId};
	});
}

/** Finds the highest layer that is a snapshot already, and holds that for the session: those below it are not needed any more. */
export function findUnpacked(layers: readonly ImageLayer[], layerStore: Pick<LayerStore, 'takeSnapshot'>): LayerProgress {
	for (const [index, {chainId}] of layers.entries().toArray().toReversed()) {
		const parent = layerStore.takeSnapshot(chainId);
		if (parent !== undefined) {
			return {parent, missing: layers.slice(index + 1)};
		}
	}

	return {parent: undefined, missing: layers};
}

/**
Unpacks the missing layers, each while it comes.

@returns the snapshot of all layers; `null` for an image without any
@throws {TsbuildError} see `LayerIntake.ready` and `LayerStore.unpack`: what is wrong with a blob comes before what is wrong in it
*/
export async function unpackMissing({parent: unpacked, missing}: LayerProgress, {layers, intake, execution: {signal, status}}: UnpackContext): Promise<SnapshotId | null> {
	let parent = unpacked;
	for (const {blob, diffId, chainId} of missing) {
		const arriving = intake && await follow(intake, blob.digest);
		signal.throwIfAborted();
		// Without sizes, as BuildKit shows it: how much of the blob is unpacked is not known.
		const extracting = {id: `extracting ${blob.digest}`, current: 0, total: 0};
		status(extracting);
		try {
			parent = await layers.unpack({
				parent,
				chainId,
				diffId,
				blob,
				arriving,
				signal,
			});
		} catch (error) {
			await arriving?.ready();
			throw error;
		}

		status({...extracting, completed: true});
	}

	return parent ?? null;
}

async function follow(intake: LayerIntake, layer: Digest): Promise<ArrivingBlob | undefined> {
	const bytes = await intake.follow(layer);
	return bytes && {bytes, ready: async () => intake.ready(layer)};
}
