import type {ReportStatus} from '../kernel/internal-vertex.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {createLayout, type ContentStore} from '../../snapshotter/content-store.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {dockerManifest} from './docker-archive.ts';
import {blobsOf, encodeImage, type EncodedImage} from './encoded-image.ts';
import {
	namesOf,
	type Export,
	type ExportedImage,
	type ExportSource,
} from './export-context.ts';
import {
	annotated,
	layoutEntries,
	layoutIndex,
	layoutTarMembers,
	type LayoutBlob,
} from './oci-layout.ts';
import {exportError, writeOutputFile} from './output-file.ts';
import type {ArchiveOutput, ImageEncoding} from './output-option.ts';

/**
Writes an image as an archive, or into a directory that is an image layout.

@throws {TsbuildError} `ERR_TSBUILD_EXPORT`; the reason of the signal
*/
export async function writeImage(output: ArchiveOutput, source: ExportSource, {context, report}: Export): Promise<ExportedImage> {
	const {signal, store} = context;
	const names = namesOf(source, output);
	const image = await encodeImage(source, output, {context, report});
	const manifest = describeArchived(image, output);
	if (output.type === 'oci-directory') {
		await writeLayoutDirectory(output.destination, {blobs: blobsOf(image, {content: store.content, signal}), entries: layoutEntries(manifest, names)}, signal);
	} else {
		const archive = imageArchive([{image, manifest, names}], {isForDocker: output.type === 'docker', content: store.content, signal});
		await reportSending(report, async () => writeOutputFile(output.destination, archive, signal));
	}

	return {names, configDigest: image.assembled.configDigest, manifest};
}

/** How an archive names the manifest in it: with the time of the image. */
export function describeArchived({assembled, manifest}: EncodedImage, {annotations}: Pick<ImageEncoding, 'annotations'>): Descriptor {
	const created = assembled.config.created?.replace(/\.\d+Z$/v, 'Z');
	return annotated(manifest.descriptor, {
		...annotations.descriptor,
		...(created !== undefined && {'org.opencontainers.image.created': created}),
	});
}

/** An image for an archive. */
export type ImageToArchive = {
	readonly image: EncodedImage;
	/** How the archive's index names it. */
	readonly manifest: Descriptor;
	/** Full references. */
	readonly names: readonly string[];
};

export type ArchiveOptions = {
	readonly isForDocker: boolean;
	readonly content: ContentStore;
	readonly signal: AbortSignal;
};

/** The archive of images: an image layout, with what Docker reads instead of it if it is for that. */
export function imageArchive(images: readonly ImageToArchive[], {isForDocker, content, signal}: ArchiveOptions): AsyncGenerator<Uint8Array> {
	const blobs = images.flatMap(({image}) => blobsOf(image, {content, signal}));
	const index = layoutIndex(images.flatMap(({manifest, names}) => layoutEntries(manifest, names)));
	const forDocker = images.map(({image, names}) => ({configDigest: image.assembled.configDigest, layers: image.layers, names}));
	return writeTar(layoutTarMembers(blobs, {index, dockerManifest: isForDocker ? dockerManifest(forDocker) : undefined}));
}

/** Tells how long an archive is on its way. */
export async function reportSending(report: ReportStatus, send: () => Promise<void>): Promise<void> {
	const started = Date.now();
	await send();
	report({id: 'sending tarball', started, completed: true});
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
