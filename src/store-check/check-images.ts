import {errorMessage} from '../kernel/errors.ts';
import {parseImageConfig, parseImageDocument} from '../kernel/image-documents.ts';
import type {Digest} from '../kernel/digest.ts';
import type {Descriptor, ImageManifest} from '../kernel/oci-types.ts';
import {parseReference} from '../kernel/reference.ts';
import {ImageStore, type StoredImage} from '../exporter/image-store.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {checkImageLayout, readLayoutIndex} from '../../snapshotter/image-layout.ts';
import type {CheckContext} from './check-context.ts';
import type {Problem} from './problem.ts';

/** Checks that every image with a name is there with all its blobs, and that the layout's `index.json` names the same images as the table. */
export async function checkImages(context: CheckContext): Promise<readonly Problem[]> {
	const problems: Problem[] = [];
	const images = new ImageStore(context.store);
	for (const image of images.list()) {
		context.signal.throwIfAborted();
		context.counts.images++;
		const reason = await findImageFault(image, context);
		// It may have been removed or replaced meanwhile.
		if (reason !== undefined && images.find(image.name)?.manifestDigest === image.manifestDigest) {
			problems.push({subject: `image ${image.name}`, reason, remedy: {kind: 'remove-image', name: image.name, manifest: image.manifestDigest}});
		}
	}

	return [...problems, ...await checkLayout(images, context)];
}

async function findImageFault({name, configDigest, manifestDigest}: StoredImage, context: CheckContext): Promise<string | undefined> {
	try {
		parseReference(name);
		const {content} = context.store;
		const manifest = await readManifest(manifestDigest, content);
		if (manifest.config.digest !== configDigest) {
			return `its manifest names the config ${manifest.config.digest} instead of ${configDigest}`;
		}

		parseImageConfig(await content.readBytes(configDigest));
		const faults = await Promise.all(manifest.layers.map(async layer => findLayerFault(layer, context)));
		return faults.find(fault => fault !== undefined);
	} catch (error) {
		return errorMessage(error);
	}
}

/** The manifest, or the first one of an index that is there. */
async function readManifest(digest: Digest, content: ContentStore): Promise<ImageManifest> {
	let document = parseImageDocument(await content.readBytes(digest), '');
	while (document.kind === 'index') {
		const present = await findPresent(document.index.manifests, content);
		if (present === undefined) {
			throw new Error(`none of the manifests of its index ${digest} is there`);
		}

		document = parseImageDocument(await content.readBytes(present), '');
	}

	return document.manifest;
}

async function findPresent(manifests: readonly Descriptor[], content: ContentStore): Promise<Digest | undefined> {
	const sizes = await Promise.all(manifests.map(async manifest => content.size(manifest.digest)));
	return manifests.find((_, place) => sizes[place] !== undefined)?.digest;
}

async function findLayerFault({digest, size}: Descriptor, {store: {content}, damagedBlobs}: CheckContext): Promise<string | undefined> {
	const actual = await content.size(digest);
	if (actual === undefined) {
		return `its layer ${digest} is missing`;
	}

	if (actual !== size) {
		return `its layer ${digest} has ${actual} bytes instead of ${size}`;
	}

	return damagedBlobs.has(digest) ? `its layer ${digest} is damaged` : undefined;
}

async function checkLayout(images: ImageStore, {store: {content}, isShared}: CheckContext): Promise<readonly Problem[]> {
	try {
		await checkImageLayout(content.directory);
		const {manifests} = await readLayoutIndex(content.directory);
		const named = manifests.map(({digest, annotations}) => `${annotations?.['io.containerd.image.name'] ?? ''} ${digest}`);
		const wanted = images.list().map(({name, manifestDigest}) => `${name} ${manifestDigest}`);
		// Whoever names an image writes the table first: others may be in between.
		return isShared || isSameSet(named, wanted) ? [] : [layoutProblem('index.json names other images than the database')];
	} catch (error) {
		return [layoutProblem(errorMessage(error))];
	}
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
	return new Set(left).symmetricDifference(new Set(right)).size === 0;
}

function layoutProblem(reason: string): Problem {
	return {subject: 'image layout', reason, remedy: {kind: 'write-layout'}};
}
