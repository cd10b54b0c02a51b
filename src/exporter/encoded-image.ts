import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {ReportStatus} from '../kernel/internal-vertex.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {ExportContext, ExportSource} from './export-context.ts';
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

/** Compresses the layers of an image, makes its manifest, and tells of both. */
export async function encodeImage(source: ExportSource, encoding: ImageEncoding, {context, report}: {readonly context: ExportContext; readonly report: ReportStatus}): Promise<EncodedImage> {
	const started = Date.now();
	const assembled = await source.image();
	const layers = await Promise.all(assembled.layers.map(async ({descriptor}) => encodeLayer(descriptor, encoding, context)));
	report({id: 'exporting layers', started, completed: true});
	const manifest = manifestOf(assembled, layers, {mediaTypes: encoding.mediaTypes, annotations: encoding.annotations.manifest});
	report({id: `exporting manifest ${manifest.descriptor.digest}`, completed: true});
	report({id: `exporting config ${assembled.configDigest}`, completed: true});
	return {assembled, manifest, layers};
}

const uncompressedTypes: ReadonlySet<string> = new Set([mediaTypes.layer, mediaTypes.dockerLayer]);

/** The blob of a layer in the wanted compression. What is compressed already stays so, unless it is forced. */
export async function encodeLayer(layer: Descriptor, {compression, level, forceCompression}: Pick<ImageEncoding, 'compression' | 'forceCompression' | 'level'>, {layers, signal}: {readonly layers: LayerStore; readonly signal: AbortSignal}): Promise<Descriptor> {
	return forceCompression || uncompressedTypes.has(layer.mediaType) ? layers.compress(layer, compression, {level, signal}) : layer;
}

/** All blobs of an image: its manifest, its config, its layers. */
export function blobsOf({assembled, manifest, layers}: EncodedImage, {content, signal}: {readonly content: ContentStore; readonly signal: AbortSignal}): readonly LayoutBlob[] {
	return [
		{digest: manifest.descriptor.digest, size: manifest.bytes.length, content: () => manifest.bytes},
		{digest: assembled.configDigest, size: assembled.configBytes.length, content: () => assembled.configBytes},
		...layers.map(({digest, size}) => ({digest, size, content: () => content.read(digest, {size, signal})})),
	];
}
