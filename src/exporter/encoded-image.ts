import PQueue from 'p-queue';
import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {ContentStore, IngestObserver} from '../../snapshotter/content-store.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {Export, ExportSource} from './export-context.ts';
import {manifestOf, type AssembledImage, type EncodedManifest} from './image-assembly.ts';
import type {LayoutBlob} from './oci-layout.ts';
import type {ImageEncoding} from './output-option.ts';

/** An image of which all bytes are decided. Its layers are in the content store, its documents may not be. */
export type EncodedImage = {
	readonly assembled: AssembledImage;
	readonly manifest: EncodedManifest;
	/** Lowest first. */
	readonly layers: readonly Descriptor[];
};

/** How the layers are to be; the part of an encoding that says so. */
export type LayerEncoding = Pick<ImageEncoding, 'compression' | 'forceCompression' | 'level'>;

/** Makes the blob of a layer, and may look on while it comes. */
export type FollowLayer = (make: (observer?: IngestObserver) => Promise<Descriptor>) => Promise<Descriptor>;

export type EncodingContext = {
	readonly layers: LayerStore;
	readonly follow?: FollowLayer;
	readonly signal: AbortSignal;
};

// Each layer is compressed by several threads, and keeps blocks for all of them in memory. The second one works while the first waits for the disk.
const layersAtOnce = 2;

/** Compresses the layers of an image, makes its manifest, and tells of both. */
export async function encodeImage(source: ExportSource, encoding: ImageEncoding, {context, report, follow}: Export & {readonly follow?: FollowLayer}): Promise<EncodedImage> {
	const started = Date.now();
	const assembled = await source.image(encoding);
	const layers = await encodeLayers(assembled.layers.map(({descriptor}) => descriptor), encoding, {...context, ...(follow && {follow})});
	report({id: 'exporting layers', started, completed: true});
	if (source.hasInlineCache) {
		report({id: 'preparing layers for inline cache', completed: true});
	}

	if (encoding.isDated) {
		reportDate(source, {context, report});
	}

	const manifest = manifestOf(assembled, layers, {mediaTypes: encoding.mediaTypes, annotations: encoding.annotations.manifest});
	report({id: `exporting manifest ${manifest.descriptor.digest}`, completed: true});
	report({id: `exporting config ${assembled.configDigest}`, completed: true});
	return {assembled, manifest, layers};
}

/** In the words of BuildKit. */
function reportDate({mtimeNanoseconds}: ExportSource, {context, report}: Export): void {
	if (mtimeNanoseconds === undefined) {
		context.warn('rewrite-timestamp is specified, but no source-date-epoch was found');
		return;
	}

	const seconds = Number(mtimeNanoseconds / 1_000_000_000n);
	const time = new Date(seconds * 1000).toISOString().slice(0, -'.000Z'.length).replace('T', ' ');
	report({id: `rewriting layers with source-date-epoch ${seconds} (${time} +0000 UTC)`, completed: true});
}

/** The blobs of layers in the wanted compression. What is compressed already stays so, unless it is forced. */
export async function encodeLayers(layers: readonly Descriptor[], encoding: LayerEncoding, {layers: store, follow = async make => make(), signal}: EncodingContext): Promise<readonly Descriptor[]> {
	const {compression, level, forceCompression} = encoding;
	const queue = new PQueue({concurrency: layersAtOnce});
	return Promise.all(layers.map(async layer => {
		const isKept = !forceCompression && !uncompressedTypes.has(layer.mediaType);
		return isKept ? layer : queue.add(async () => follow(async observer => store.compress(layer, compression, {level, observer, signal})));
	}));
}

const uncompressedTypes: ReadonlySet<string> = new Set([mediaTypes.layer, mediaTypes.dockerLayer]);

/** All blobs of an image: its manifest, its config, its layers. */
export function blobsOf({assembled, manifest, layers}: EncodedImage, {content, signal}: {readonly content: ContentStore; readonly signal: AbortSignal}): readonly LayoutBlob[] {
	return [
		{digest: manifest.descriptor.digest, size: manifest.bytes.length, content: () => manifest.bytes},
		{digest: assembled.configDigest, size: assembled.configBytes.length, content: () => assembled.configBytes},
		...layers.map(({digest, size}) => ({digest, size, content: () => content.read(digest, {size, signal})})),
	];
}
