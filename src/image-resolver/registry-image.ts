import {recordBlobSource} from '../../snapshotter/blob-sources.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {Digest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {oneChunk} from '../kernel/one-chunk.ts';
import type {Platform} from '../kernel/platform.ts';
import {formatReference, type Reference} from '../kernel/reference.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import {findManifest, type DocumentSource, type FoundManifest} from './find-manifest.ts';
import {findResolution, recordResolution} from './resolutions.ts';

/** What an image of a registry is looked up with. */
export type RegistryImageOptions = {
	readonly client: RegistryClient;
	/** Takes the documents: what is there already is not downloaded again. */
	readonly content: ContentStore;
	readonly metadata: Metadata;
	readonly platform: Platform;
	readonly signal: AbortSignal;
};

/** An image of a registry, whose documents are in the content store. */
export type RegistryImage = FoundManifest & {
	/** What the reference names: a manifest or an index. */
	readonly digest: Digest;
};

// Registries take no larger manifests, and no config has to be larger. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
const maximumConfigSize = 4 * 1024 * 1024;

/**
Finds an image in its registry: asks what the reference names, by one HEAD where it can, and downloads what is not known of its index, manifest and config. What a digest names never changes: when it is known, the registry is not asked.

@throws {RegistryError}, {NetworkError} see `RegistryClient`
@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND` for another platform; `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_CONTENT` for what is no image; the reason of `signal`
*/
export async function findRegistryImage(reference: Reference, options: RegistryImageOptions): Promise<RegistryImage> {
	const {client, metadata, platform, signal} = options;
	const name = formatReference(reference);
	const known = reference.digest === undefined ? undefined : findResolution(metadata, name)?.descriptor;
	const descriptor = known ?? await client.resolve(reference, {signal});
	const found = await findManifest(descriptor, {source: registryDocuments(reference, options), platform});
	metadata.transaction(() => {
		recordResolution(metadata, name, descriptor);
		for (const {digest} of [found.manifest.config, ...found.manifest.layers]) {
			recordBlobSource(metadata, digest, reference);
		}
	});
	return {digest: descriptor.digest, ...found};
}

function registryDocuments(reference: Reference, {client, content, signal}: RegistryImageOptions): DocumentSource {
	const ingest = async (bytes: AsyncIterable<Uint8Array>, {digest, size}: Descriptor): Promise<Uint8Array> => {
		await content.ingest(bytes, {expectedDigest: digest, expectedSize: size, signal});
		return content.readBytes(digest, {size, signal});
	};

	return {
		async readManifest(document) {
			return await readKnown(document, content) ?? ingest(oneChunk(await client.fetchManifest(reference, document, {signal})), document);
		},
		async readConfig(document) {
			if (document.size > maximumConfigSize) {
				throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image config ${document.digest}: it has ${document.size} bytes, more than the ${maximumConfigSize} that are taken`);
			}

			return await readKnown(document, content) ?? ingest(client.readBlob(reference, document, {signal}), document);
		},
	};
}

/** A document of the store; `undefined` when it is not there, or damaged. */
async function readKnown({digest, size}: Descriptor, content: ContentStore): Promise<Uint8Array | undefined> {
	if (!await content.has(digest)) {
		return undefined;
	}

	try {
		return await content.readBytes(digest, {size});
	} catch (error) {
		if (['ERR_TSBUILD_CONTENT', 'ERR_TSBUILD_CONTENT_NOT_FOUND'].includes(errorCode(error) ?? '')) {
			return undefined;
		}

		throw error;
	}
}
