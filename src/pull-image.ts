import {LayerStore} from '../snapshotter/layers.ts';
import type {Store} from '../snapshotter/store.ts';
import {Downloads} from '../solver/ops/downloads.ts';
import {findUnpacked, layersOfImage, unpackMissing} from '../solver/ops/image-layers.ts';
import {registrySource, takeInLayers} from '../solver/ops/layer-intake.ts';
import {ImageStore} from './exporter/image-store.ts';
import {findRegistryImage, type RegistryImage} from './image-resolver/registry-image.ts';
import type {Digest} from './kernel/digest.ts';
import {withInternalVertex, type ReportStatus} from './kernel/internal-vertex.ts';
import type {Platform} from './kernel/platform.ts';
import type {ProgressSink} from './kernel/progress-event.ts';
import {formatReference, type Reference} from './kernel/reference.ts';
import type {RegistryClient} from './registry/registry-client.ts';

/** What an image is pulled with. */
export type PullOptions = {
	readonly store: Store;
	readonly client: RegistryClient;
	readonly platform: Platform;
	readonly progress: ProgressSink;
	readonly signal: AbortSignal;
};

/** What was pulled. */
export type PulledImage = {
	/** What the reference names in the registry: a manifest or an index. */
	readonly digest: Digest;
	/** The local store had another image under this name, or none. */
	readonly isNew: boolean;
	/** What the image is for: another one than was wanted where the registry has no choice. */
	readonly platform: Platform;
};

/**
Gives the local store an image of a registry, under the name that it has there: all its blobs, and its layers unpacked, so that a build can begin at once. What is there already is not downloaded again.

@throws {RegistryError}, {NetworkError} see `RegistryClient`
@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_LAYER`, `ERR_TSBUILD_STORE`; the reason of `signal`
*/
export async function pullImage(reference: Reference, options: PullOptions): Promise<PulledImage> {
	const {store, progress, signal} = options;
	const name = storedName(reference);
	const image = await withInternalVertex(progress, `[internal] load metadata for ${formatReference(reference)}`, async () => findRegistryImage(reference, {...options, ...store}));
	await withInternalVertex(progress, `pulling ${formatReference({...reference, digest: image.digest})}`, async report => pullLayers(reference, image, {...options, report}));
	const images = new ImageStore(store);
	const before = images.find(name);
	const identity = {configDigest: image.manifest.config.digest, manifestDigest: image.manifestDigest};
	await images.add(identity, [name], signal);
	store.sync();
	return {digest: image.digest, isNew: before?.manifestDigest !== image.manifestDigest, platform: image.config};
}

/** As with Docker, an image that is pulled by its digest gets no tag. */
function storedName(reference: Reference): string {
	const {tag, ...untagged} = reference;
	return formatReference(reference.digest === undefined ? reference : untagged);
}

async function pullLayers(reference: Reference, {manifest, config}: RegistryImage, {store, client, report, signal}: PullOptions & {readonly report: ReportStatus}): Promise<void> {
	const layers = layersOfImage(formatReference(reference), manifest, config);
	const layerStore = new LayerStore(store);
	const execution = {signal, status: withStarts(report)};
	await using intake = takeInLayers(layers.map(({blob}) => blob), {
		source: registrySource(reference, client),
		content: store.content,
		downloads: new Downloads(),
		execution,
	});
	await unpackMissing(findUnpacked(layers, layerStore), {layers: layerStore, intake, execution});
	// Also those whose files were there: the image has to be whole.
	for (const {blob} of layers) {
		await intake.ready(blob.digest);
	}
}

/** Tells also when each part began. */
function withStarts(report: ReportStatus): ReportStatus {
	const starts = new Map<string, number>();
	return status => {
		const started = starts.get(status.id) ?? Date.now();
		starts.set(status.id, started);
		report({started, ...status});
	};
}
