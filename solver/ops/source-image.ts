import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {
	chainIdOf,
	chainIdOfAll,
	type ChainId,
	type DiffId,
} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../../src/kernel/image-documents.ts';
import type {Descriptor} from '../../src/kernel/oci-types.ts';
import type {SourceImageOperation} from '../../src/definition/operations.ts';
import {openLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {ExecutionContext, Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {takeInLayers} from './layer-intake.ts';

/** What image sources work with. */
export type SourceImageContext = {
	/** Takes the blobs of images that come from elsewhere. */
	readonly content: ContentStore;
	readonly layers: Pick<LayerStore, 'unpack'>;
};

type ImageLayer = {readonly blob: Descriptor; readonly diffId: DiffId};

/** The files of an image, lowest layer first. */
type ImageFiles = {
	readonly source: ContentStore;
	readonly layers: readonly ImageLayer[];
};

/**
The operation of FROM: the layers of an image on each other.

Its cache key is the chain ID of the config, so two images with the same layers are the same to the steps after them.
*/
export function createSourceImageOp(operation: SourceImageOperation, context: SourceImageContext): Op<BuildResult> {
	return {
		async cacheMap(signal) {
			const {layers} = await readImage(operation, context, signal);
			const chainId = chainIdOfAll(layers.map(({diffId}) => diffId)) ?? null;
			return {digest: canonicalDigest({kind: operation.kind, chainId}), inputs: []};
		},
		async execute(_inputs, execution) {
			const image = await readImage(operation, context, execution.signal);
			return {kind: 'snapshot', snapshot: await unpackLayers(image, context, execution)};
		},
	};
}

async function unpackLayers({source, layers}: ImageFiles, {content, layers: layerStore}: SourceImageContext, execution: ExecutionContext): Promise<SnapshotId | null> {
	await using intake = takeInLayers(layers.map(({blob}) => blob), {source, content, execution});
	let parent: SnapshotId | undefined;
	let chainId: ChainId | undefined;
	for (const {blob, diffId} of layers) {
		await intake.ready(blob.digest);
		execution.signal.throwIfAborted();
		chainId = chainIdOf(chainId, diffId);
		// Without sizes, as BuildKit shows it: how much of the blob is unpacked is not known.
		const extracting = {id: `extracting ${blob.digest}`, current: 0, total: 0};
		execution.status(extracting);
		parent = await layerStore.unpack({
			parent,
			chainId,
			diffId,
			blob,
			signal: execution.signal,
		});
		execution.status({...extracting, completed: true});
	}

	return parent ?? null;
}

async function readImage({reference, manifestDigest, location}: SourceImageOperation, {content}: SourceImageContext, signal: AbortSignal): Promise<ImageFiles> {
	const source = location.type === 'store' ? content : await openLayout(location.directory);
	const document = parseImageDocument(await source.readBytes(manifestDigest, {signal}), '');
	if (document.kind !== 'manifest') {
		throw invalidImage(reference, 'its manifest is an index');
	}

	const {manifest} = document;
	const config = parseImageConfig(await source.readBytes(manifest.config.digest, {signal, size: manifest.config.size}));
	const diffIds = config.rootfs.diff_ids ?? [];
	if (diffIds.length !== manifest.layers.length) {
		throw invalidImage(reference, `it has ${manifest.layers.length} layers and ${diffIds.length} diff ids`);
	}

	return {source, layers: manifest.layers.map((blob, index) => ({blob, diffId: diffIds[index]!}))};
}

function invalidImage(reference: string, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${reference}: ${reason}`);
}
