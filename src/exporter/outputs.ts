import {mediaTypes, type Descriptor} from '../kernel/oci-types.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import {withInternalVertex, type ReportStatus} from '../kernel/internal-vertex.ts';
import {createLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import {treeTar} from '../../snapshotter/diff.ts';
import type {Compression} from '../../snapshotter/decompress.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId, Snapshotter} from '../../snapshotter/snapshotter.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {manifestOf, type AssembledImage, type EncodedManifest} from './image-assembly.ts';
import type {ImageStore} from './image-store.ts';
import {writeLocalTree} from './local-tree.ts';
import {
	layoutEntries,
	layoutIndex,
	layoutTarMembers,
	type LayoutBlob,
} from './oci-layout.ts';
import {exportError, writeOutputFile} from './output-file.ts';

/** How the layers of an image are to be. */
export type ImageEncoding = {
	readonly compression: Compression;
	/** Also those that have another compression already. */
	readonly forceCompression: boolean;
};

/** An image that is to be written as an archive or as a directory. */
export type ImageOutput = ImageEncoding & {
	readonly type: 'oci' | 'oci-directory';
	readonly destination: string;
	/** Full references instead of those of the build. */
	readonly names?: readonly string[];
};

/** Where a result is to be written. `-` is standard output. */
export type OutputOption = ImageOutput | {
	readonly type: 'tar' | 'local';
	readonly destination: string;
};

/** What all exporters share. */
export type ExportContext = {
	readonly content: ContentStore;
	readonly snapshotter: Snapshotter;
	readonly layers: LayerStore;
	readonly images: ImageStore;
	readonly progress: ProgressSink;
	readonly signal: AbortSignal;
};

/** What a build has to give: a file system, and the image around it. */
export type ExportSource = {
	/** `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
	/** Assembled on first need: files alone need no layers. */
	readonly image: () => Promise<AssembledImage>;
	/** Full references. */
	readonly names: readonly string[];
};

/** Keeps the image in the local store under its names. */
export async function storeImage({image, names}: ExportSource, {images, progress, signal}: ExportContext): Promise<EncodedManifest> {
	return withInternalVertex(progress, 'exporting to image', async report => {
		const assembled = await reportLayers(image, report);
		const manifest = await images.put(assembled, names, signal);
		reportDocuments(manifest, assembled, report);
		for (const name of names) {
			report({id: `naming to ${name}`, completed: true});
		}

		return manifest;
	});
}

/**
Writes one output.

@returns the manifest that was written, for outputs that are images
@throws {TsbuildError} `ERR_TSBUILD_EXPORT`; the reason of the signal
*/
export async function writeOutput(output: OutputOption, source: ExportSource, context: ExportContext): Promise<EncodedManifest | undefined> {
	switch (output.type) {
		case 'oci':
		case 'oci-directory': {
			return withInternalVertex(context.progress, 'exporting to oci image format', async report => writeImage(output, source, {context, report}));
		}

		case 'tar': {
			await withInternalVertex(context.progress, 'exporting to client tarball', async report => writeRootTar(output.destination, source, {context, report}));
			return undefined;
		}

		case 'local': {
			await withInternalVertex(context.progress, 'exporting to client directory', async report => writeRootDirectory(output.destination, source, {context, report}));
			return undefined;
		}
	}
}

type Export = {readonly context: ExportContext; readonly report: ReportStatus};

async function writeImage({type, destination, names: ownNames, ...encoding}: ImageOutput, source: ExportSource, {context, report}: Export): Promise<EncodedManifest> {
	const started = Date.now();
	const names = ownNames ?? source.names;
	const assembled = await source.image();
	const layers = await Promise.all(assembled.layers.map(async ({descriptor}) => compressLayer(descriptor, encoding, context)));
	report({id: 'exporting layers', started, completed: true});
	const manifest = manifestOf(assembled, layers);
	reportDocuments(manifest, assembled, report);
	const blobs = imageBlobs({assembled, manifest, layers}, context);
	const created = assembled.config.created?.replace(/\.\d+Z$/v, 'Z');
	const entries = layoutEntries(manifest.descriptor, {names, created});
	if (type === 'oci-directory') {
		await writeLayoutDirectory(destination, {blobs, entries}, context.signal);
	} else {
		const archive = writeTar(layoutTarMembers(blobs, layoutIndex(entries)));
		await reportSending(report, async () => writeOutputFile(destination, archive, context.signal));
	}

	return manifest;
}

async function compressLayer(layer: Descriptor, {compression, forceCompression}: ImageEncoding, {layers, signal}: ExportContext): Promise<Descriptor> {
	const isCompressed = layer.mediaType !== mediaTypes.layer;
	return isCompressed && !forceCompression ? layer : layers.compress(layer, compression, {signal});
}

function imageBlobs({assembled, manifest, layers}: {readonly assembled: AssembledImage; readonly manifest: EncodedManifest; readonly layers: readonly Descriptor[]}, {content, signal}: ExportContext): readonly LayoutBlob[] {
	return [
		{digest: manifest.descriptor.digest, size: manifest.bytes.length, content: () => manifest.bytes},
		{digest: assembled.configDigest, size: assembled.configBytes.length, content: () => assembled.configBytes},
		...layers.map(({digest, size}) => ({digest, size, content: () => content.read(digest, {size, signal})})),
	];
}

/** Adds the image to a layout directory; blobs that are there already are not written again. */
async function writeLayoutDirectory(directory: string, {blobs, entries}: {readonly blobs: readonly LayoutBlob[]; readonly entries: readonly Descriptor[]}, signal: AbortSignal): Promise<void> {
	try {
		const layout = await createLayout(directory);
		for (const {digest, size, content} of blobs) {
			if (await layout.size(digest) !== size) {
				await layout.ingest(asChunks(content()), {expectedDigest: digest, expectedSize: size, signal});
			}
		}

		const names = new Set(entries.map(entry => entryName(entry)));
		await layout.updateIndex(index => ({...index, manifests: [...index.manifests.filter(entry => !names.has(entryName(entry))), ...entries]}), {signal});
	} catch (error) {
		throw signal.aborted ? error : exportError(directory, error);
	}
}

function entryName({digest, annotations}: Descriptor): string {
	return annotations?.['io.containerd.image.name'] ?? digest;
}

async function * asChunks(content: Uint8Array | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	yield * content instanceof Uint8Array ? [content] : content;
}

async function writeRootTar(destination: string, {snapshot}: ExportSource, {context, report}: Export): Promise<void> {
	const {signal} = context;
	await reportSending(report, async () => {
		if (snapshot === null) {
			await writeOutputFile(destination, writeTar([]), signal);
			return;
		}

		using root = await context.snapshotter.view(snapshot);
		await writeOutputFile(destination, treeTar(root, {signal}), signal);
	});
}

async function writeRootDirectory(destination: string, {snapshot}: ExportSource, {context, report}: Export): Promise<void> {
	const {signal} = context;
	if (snapshot === null) {
		return;
	}

	const started = Date.now();
	using root = await context.snapshotter.view(snapshot);
	const current = await writeLocalTree(root, destination, signal);
	report({
		id: 'copying files',
		current,
		started,
		completed: true,
	});
}

async function reportLayers(image: () => Promise<AssembledImage>, report: ReportStatus): Promise<AssembledImage> {
	const started = Date.now();
	const assembled = await image();
	report({id: 'exporting layers', started, completed: true});
	return assembled;
}

function reportDocuments(manifest: EncodedManifest, {configDigest}: AssembledImage, report: ReportStatus): void {
	report({id: `exporting manifest ${manifest.descriptor.digest}`, completed: true});
	report({id: `exporting config ${configDigest}`, completed: true});
}

async function reportSending(report: ReportStatus, send: () => Promise<void>): Promise<void> {
	const started = Date.now();
	await send();
	report({id: 'sending tarball', started, completed: true});
}
