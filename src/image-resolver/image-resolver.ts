import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {ImageStore} from '../exporter/image-store.ts';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {Platform} from '../kernel/platform.ts';
import {
	familiarReference,
	formatReference,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import {RegistryError} from '../registry/registry-error.ts';
import {isCompatible} from './choose-platform.ts';
import {contentDocuments} from './content-documents.ts';
import {findManifest} from './find-manifest.ts';
import type {FoundImage} from './found-image.ts';
import {findResolution} from './resolutions.ts';
import {findStoreImage} from './store-image.ts';

/**
When the registry of an image is asked:

- `missing`: for what has no name in the local store, each time.
- `always`: each time, whatever the local store has.
- `never`: not at all.
*/
export type PullPolicy = 'missing' | 'always' | 'never';

/** What images are looked up with. */
export type ImageLookup = {
	readonly images: ImageStore;
	readonly content: ContentStore;
	readonly metadata: Metadata;
	readonly pull: PullPolicy;
	/** Called when a registry has to be asked. */
	readonly openRegistry: () => Promise<RegistryClient>;
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
};

/** Which image is looked up. */
export type WantedImage = {
	readonly reference: string;
	readonly platform: Platform;
	readonly signal: AbortSignal;
};

// What keeps a registry from answering and may pass by itself. Whoever is refused must know it, and so must whoever uses a name that is gone.
const passingFailures: ReadonlySet<string | undefined> = new Set([
	'ERR_TSBUILD_NETWORK_CUT',
	'ERR_TSBUILD_NETWORK_TIMEOUT',
	'ERR_TSBUILD_NETWORK_UNREACHABLE',
	'ERR_TSBUILD_REGISTRY_RATE_LIMIT',
]);

// https://www.rfc-editor.org/rfc/rfc9110#name-server-error-5xx
const firstServerError = 500;

/**
Finds an image by its reference: the one that has this name in the local store if it runs on the platform, else what the registry has under it now. When the registry does not answer, what it had under this name before is used, with a warning, unless the user asks for `always`. An image of the store for another platform is better than none.

@throws {RegistryError}, {NetworkError} see `RegistryClient`
@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_INVALID_REFERENCE`; the reason of the signal
*/
export async function resolveImage(wanted: WantedImage, lookup: ImageLookup): Promise<FoundImage> {
	const reference = parseReference(wanted.reference);
	const local = lookup.pull === 'always' ? undefined : await findStoreImage(reference, {...lookup, platform: wanted.platform});
	if (local !== undefined && (lookup.pull === 'never' || isCompatible(local.config, wanted.platform))) {
		return local;
	}

	if (lookup.pull === 'never') {
		return findWithoutRegistry(reference, wanted, lookup);
	}

	try {
		return await pullDocuments(reference, wanted, lookup);
	} catch (error) {
		wanted.signal.throwIfAborted();
		const other = local ?? await substitute(error, reference, {wanted, lookup});
		if (other === undefined) {
			throw error;
		}

		return other;
	}
}

async function pullDocuments(reference: Reference, {platform, signal}: WantedImage, {openRegistry, content, metadata}: ImageLookup): Promise<FoundImage> {
	// Only now: a build that names no image of a registry does without it.
	const [{findRegistryImage}, client] = await Promise.all([import('./registry-image.ts'), openRegistry()]);
	const {digest, manifestDigest, config} = await findRegistryImage(reference, {
		client, content, metadata, platform, signal,
	});
	return {
		reference: formatReference({...reference, digest}),
		manifestDigest,
		location: {type: 'registry'},
		config,
	};
}

async function findWithoutRegistry(reference: Reference, wanted: WantedImage, lookup: ImageLookup): Promise<FoundImage> {
	const known = await findKnownImage(reference, wanted, lookup);
	if (known === undefined) {
		const name = familiarReference(reference);
		throw new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `${formatReference(reference)}: not found`, {
			hint: `Build it first with -t ${name}, or name a layout for it: --build-context ${name}=oci-layout://DIRECTORY.`,
		});
	}

	return known.image;
}

/** What the registry had before, when it does not answer now. */
async function substitute(error: unknown, reference: Reference, {wanted, lookup}: {readonly wanted: WantedImage; readonly lookup: ImageLookup}): Promise<FoundImage | undefined> {
	if (lookup.pull === 'always' || !isPassing(error)) {
		return undefined;
	}

	const known = await findKnownImage(reference, wanted, lookup);
	if (known !== undefined) {
		const time = new Date(known.resolvedAt).toISOString();
		lookup.warn(`${formatReference(reference)} is used as it was found at ${time}, because its registry does not answer: ${errorMessage(error)}`);
	}

	return known?.image;
}

function isPassing(error: unknown): boolean {
	return passingFailures.has(errorCode(error)) || (error instanceof RegistryError && (error.status ?? 0) >= firstServerError);
}

/** What a reference was found to be before. */
type KnownImage = {
	readonly image: FoundImage;
	/** Milliseconds since the epoch. */
	readonly resolvedAt: number;
};

/** What the reference was found to be before, if its documents are still there. */
async function findKnownImage(reference: Reference, {platform, signal}: WantedImage, {content, metadata}: ImageLookup): Promise<KnownImage | undefined> {
	const resolution = findResolution(metadata, formatReference(reference));
	if (resolution === undefined || !await content.has(resolution.descriptor.digest)) {
		return undefined;
	}

	const {descriptor, resolvedAt} = resolution;
	try {
		const {manifestDigest, config} = await findManifest(descriptor, {source: contentDocuments(content, {signal}), platform});
		const image: FoundImage = {
			reference: formatReference({...reference, digest: descriptor.digest}),
			manifestDigest,
			location: {type: 'registry'},
			config,
		};
		return {image, resolvedAt};
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_CONTENT_NOT_FOUND') {
			return undefined;
		}

		throw error;
	}
}
