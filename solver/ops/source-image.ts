import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {chainIdOf, type ChainId, type DiffId} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../../src/kernel/image-documents.ts';
import type {Descriptor} from '../../src/kernel/oci-types.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import type {SourceImageOperation} from '../../src/definition/operations.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {openLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {ExecutionContext, Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import type {Downloads} from './downloads.ts';
import {takeInLayers, type LayerIntake, type LayerSource} from './layer-intake.ts';

/** What image sources work with. */
export type SourceImageContext = {
	/** Takes the blobs of images that come from elsewhere. */
	readonly content: ContentStore;
	readonly layers: Pick<LayerStore, 'unpack' | 'takeSnapshot'>;
	readonly downloads: Downloads;
	/** Called when layers have to be downloaded. */
	readonly openRegistry: () => Promise<RegistryClient>;
};

type ImageLayer = {readonly blob: Descriptor; readonly diffId: DiffId; readonly chainId: ChainId};

/** What layers stand on. */
type Base = {
	readonly parent: SnapshotId | undefined;
	/** The layers that are not there yet, lowest first. */
	readonly missing: readonly ImageLayer[];
};

/**
The operation of FROM: the layers of an image on each other. Only layers that were not unpacked before are downloaded.

Its cache key is the chain ID of the config, so two images with the same layers are the same to the steps after them.
*/
export function createSourceImageOp(operation: SourceImageOperation, context: SourceImageContext): Op<BuildResult> {
	return {
		async cacheMap(signal, status) {
			const id = `resolve ${operation.reference}`;
			if (operation.location.type === 'registry') {
				status?.({id, current: 0, total: 0});
			}

			const layers = await readLayers(operation, context, signal);
			if (operation.location.type === 'registry') {
				status?.({
					id,
					current: 0,
					total: 0,
					completed: true,
				});
			}

			return {digest: canonicalDigest({kind: operation.kind, chainId: layers.at(-1)?.chainId ?? null}), inputs: []};
		},
		async execute(_inputs, execution) {
			const layers = await readLayers(operation, context, execution.signal);
			const base = findBase(layers, context);
			const source = base.missing.length === 0 ? undefined : await openSource(operation, context);
			await using intake = source && takeInLayers(base.missing.map(({blob}) => blob), {...context, source, execution});
			return {kind: 'snapshot', snapshot: await unpackLayers(base, context, {intake, execution})};
		},
	};
}

/** The highest layer that is a snapshot already: those below it are not needed any more. */
function findBase(layers: readonly ImageLayer[], {layers: layerStore}: SourceImageContext): Base {
	for (const [index, {chainId}] of layers.entries().toArray().toReversed()) {
		const parent = layerStore.takeSnapshot(chainId);
		if (parent !== undefined) {
			return {parent, missing: layers.slice(index + 1)};
		}
	}

	return {parent: undefined, missing: layers};
}

async function unpackLayers({parent: base, missing}: Base, {layers: layerStore}: SourceImageContext, {intake, execution}: {readonly intake: LayerIntake | undefined; readonly execution: ExecutionContext}): Promise<SnapshotId | null> {
	let parent = base;
	for (const {blob, diffId, chainId} of missing) {
		await intake?.ready(blob.digest);
		execution.signal.throwIfAborted();
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

/** Where the layers have to be taken from; nowhere when they are in the store. */
async function openSource({reference, location}: SourceImageOperation, {openRegistry}: SourceImageContext): Promise<LayerSource | undefined> {
	switch (location.type) {
		case 'store': {
			return undefined;
		}

		case 'oci-layout': {
			const layout = await openLayout(location.directory);
			return {
				place: location.directory,
				read: ({digest, size}, {signal}) => layout.read(digest, {size, signal}),
			};
		}

		case 'registry': {
			const repository = parseReference(reference);
			const client = await openRegistry();
			return {
				place: repository.domain,
				read: (layer, {signal}) => client.readBlob(repository, layer, {signal}),
			};
		}
	}
}

async function readLayers({reference, manifestDigest, location}: SourceImageOperation, {content}: SourceImageContext, signal: AbortSignal): Promise<readonly ImageLayer[]> {
	const documents = location.type === 'oci-layout' ? await openLayout(location.directory) : content;
	const document = parseImageDocument(await documents.readBytes(manifestDigest, {signal}), '');
	if (document.kind !== 'manifest') {
		throw invalidImage(reference, 'its manifest is an index');
	}

	const {manifest} = document;
	const config = parseImageConfig(await documents.readBytes(manifest.config.digest, {signal, size: manifest.config.size}));
	const diffIds = config.rootfs.diff_ids ?? [];
	if (diffIds.length !== manifest.layers.length) {
		throw invalidImage(reference, `it has ${manifest.layers.length} layers and ${diffIds.length} diff ids`);
	}

	let chainId: ChainId | undefined;
	return manifest.layers.map((blob, index) => {
		const diffId = diffIds[index]!;
		chainId = chainIdOf(chainId, diffId);
		return {blob, diffId, chainId};
	});
}

function invalidImage(reference: string, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${reference}: ${reason}`);
}
