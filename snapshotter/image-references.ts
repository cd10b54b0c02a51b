import {lstatSync, readFileSync} from 'node:fs';
import {
	chainIdOf,
	digestOf,
	type ChainId,
	type Digest,
} from '../src/kernel/digest.ts';
import {TsbuildError} from '../src/kernel/errors.ts';
import {parseImageConfig, parseImageDocument, type ImageDocument} from '../src/kernel/image-documents.ts';
import type {Descriptor, ImageConfig} from '../src/kernel/oci-types.ts';
import type {ContentStore} from './content-store.ts';
import type {Metadata} from './metadata.ts';

/** What the images of a store need. */
export type ImageReferences = {
	/** Manifests, configs and layers. */
	readonly blobs: ReadonlySet<Digest>;
	/** The stacks of layers that the images consist of, from the lowest layer alone to all of them. */
	readonly chains: ReadonlySet<ChainId>;
};

// As much as is taken for a document elsewhere.
const maximumDocumentSize = 4 * 1024 * 1024;

/**
Finds what images with a name, and images that a living session holds, need. A document that is missing or damaged names nothing.

It reads synchronously, because it belongs into the transaction that removes the rest.
*/
export function referencesOfImages(metadata: Metadata, content: ContentStore): ImageReferences {
	const rows = metadata.statement('SELECT manifest_digest AS manifest FROM images UNION SELECT resource FROM leases WHERE kind = \'image\'').all();
	return referencesOf(rows.map(row => row.manifest as Digest), content);
}

/** What some images need, named by their manifests or indexes. */
export function referencesOf(manifests: readonly Digest[], content: ContentStore): ImageReferences {
	// What is added to it while the loop runs is visited too.
	const documents = new Set(manifests);
	const others: Digest[] = [];
	const chains: ChainId[] = [];
	for (const digest of documents) {
		const document = readDocument(digest, content);
		if (document?.kind === 'index') {
			addAll(documents, document.index.manifests);
		} else if (document?.kind === 'manifest') {
			const {config, layers} = document.manifest;
			others.push(config.digest, ...layers.map(layer => layer.digest));
			chains.push(...readChains(config.digest, content));
		}
	}

	return {blobs: new Set([...documents, ...others]), chains: new Set(chains)};
}

/** A blob that an image needs and that is not there, or not readable as what it is; of an index, the first image that is there counts. */
export function findMissingBlob(manifest: Digest, content: ContentStore): Digest | undefined {
	let digest = manifest;
	let document = readDocument(digest, content);
	while (document?.kind === 'index') {
		const present = document.index.manifests.find(descriptor => isThere(descriptor.digest, content));
		if (present === undefined) {
			return digest;
		}

		digest = present.digest;
		document = readDocument(digest, content);
	}

	return document === undefined
		? digest
		: [document.manifest.config, ...document.manifest.layers].find(descriptor => !isThere(descriptor.digest, content))?.digest;
}

function isThere(digest: Digest, content: ContentStore): boolean {
	return lstatSync(content.path(digest), {throwIfNoEntry: false}) !== undefined;
}

/**
The descriptor of an image's manifest, with the platform of its config; `undefined` when one of them is missing or damaged.
*/
export function describeManifest(digest: Digest, content: ContentStore): Descriptor | undefined {
	const bytes = readBlob(digest, content);
	const document = readDocument(digest, content);
	const config = document?.kind === 'manifest' ? readConfig(document.manifest.config.digest, content) : undefined;
	if (bytes === undefined || config === undefined || document?.kind !== 'manifest') {
		return undefined;
	}

	const {os, architecture, variant} = config;
	return {
		mediaType: document.manifest.mediaType,
		digest,
		size: bytes.length,
		platform: {architecture, os, ...(variant !== undefined && {variant})},
	};
}

function addAll(digests: Set<Digest>, descriptors: readonly Descriptor[]): void {
	for (const {digest} of descriptors) {
		digests.add(digest);
	}
}

function readDocument(digest: Digest, content: ContentStore): ImageDocument | undefined {
	const bytes = readBlob(digest, content);
	return bytes && ifReadable(() => parseImageDocument(bytes, ''));
}

function readConfig(digest: Digest, content: ContentStore): ImageConfig | undefined {
	const bytes = readBlob(digest, content);
	return bytes && ifReadable(() => parseImageConfig(bytes));
}

function readChains(config: Digest, content: ContentStore): readonly ChainId[] {
	let chain: ChainId | undefined;
	return (readConfig(config, content)?.rootfs.diff_ids ?? []).map(diffId => {
		chain = chainIdOf(chain, diffId);
		return chain;
	});
}

function readBlob(digest: Digest, content: ContentStore): Uint8Array | undefined {
	const file = content.path(digest);
	const status = lstatSync(file, {throwIfNoEntry: false});
	if (!status?.isFile() || status.size > maximumDocumentSize) {
		return undefined;
	}

	const bytes = readFileSync(file);
	return digest.startsWith('sha256:') && digestOf(bytes) !== digest ? undefined : bytes;
}

function ifReadable<Value>(parse: () => Value): Value | undefined {
	try {
		return parse();
	} catch (error) {
		if (error instanceof TsbuildError) {
			return undefined;
		}

		throw error;
	}
}
