import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../../src/kernel/image-documents.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import type {SourceImageOperation} from '../../src/definition/operations.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {openLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import type {Downloads} from './downloads.ts';
import {
	findUnpacked,
	layersOfImage,
	unpackMissing,
	type ImageLayer,
} from './image-layers.ts';
import {registrySource, takeInLayers, type LayerSource} from './layer-intake.ts';

/** What image sources work with. */
export type SourceImageContext = {
	/** Takes the blobs of images that come from elsewhere. */
	readonly content: ContentStore;
	readonly layers: Pick<LayerStore, 'unpack' | 'takeSnapshot'>;
	readonly downloads: Downloads;
	/** Called when layers have to be downloaded. */
	readonly openRegistry: () => Promise<RegistryClient>;
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
			const progress = findUnpacked(layers, context.layers);
			const source = progress.missing.length === 0 ? undefined : await openSource(operation, context);
			await using intake = source && takeInLayers(progress.missing.map(({blob}) => blob), {...context, source, execution});
			return {kind: 'snapshot', snapshot: await unpackMissing(progress, {...context, intake, execution})};
		},
	};
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
			return registrySource(parseReference(reference), await openRegistry());
		}
	}
}

async function readLayers({reference, manifestDigest, location}: SourceImageOperation, {content}: SourceImageContext, signal: AbortSignal): Promise<readonly ImageLayer[]> {
	const documents = location.type === 'oci-layout' ? await openLayout(location.directory) : content;
	const document = parseImageDocument(await documents.readBytes(manifestDigest, {signal}), '');
	if (document.kind !== 'manifest') {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${reference}: its manifest is an index`);
	}

	const {manifest} = document;
	const config = parseImageConfig(await documents.readBytes(manifest.config.digest, {signal, size: manifest.config.size}));
	return layersOfImage(reference, manifest, config);
}
