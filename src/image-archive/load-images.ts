import {errorCode} from '../kernel/errors.ts';
import type {Digest} from '../kernel/digest.ts';
import type {Platform} from '../kernel/platform.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import {discardBlobs} from '../../snapshotter/unused-blobs.ts';
import {referencesOf} from '../../snapshotter/image-references.ts';
import type {Store} from '../../snapshotter/store.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {archiveError} from './archive-error.ts';
import {takeInFiles} from './archive-files.ts';
import type {ArchivedImage} from './archived-image.ts';
import {checkLayers} from './check-layers.ts';
import {readDockerImages} from './docker-images.ts';
import {readLayoutImages} from './layout-images.ts';

/** An image that was loaded. */
export type LoadedImage = {
	readonly configDigest: Digest;
	/** Full references. */
	readonly names: readonly string[];
};

export type LoadOptions = {
	readonly store: Store;
	/** What to take of an index for several. */
	readonly platform: Platform;
	readonly signal: AbortSignal;
};

/**
Loads all images of an archive into the local store: one that `docker save` writes, in the old form or as a layout, or an OCI archive, compressed or not. All is verified before the first image gets its name, and nothing stays of an archive that is refused.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE`, `ERR_TSBUILD_IMAGE`, `ERR_TSBUILD_IMAGE_NOT_FOUND`, `ERR_TSBUILD_INVALID_REFERENCE`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_TAR`, `ERR_TSBUILD_DECOMPRESS`, `ERR_TSBUILD_STORE`; the reason of `signal`
*/
export async function loadImages(archive: AsyncIterable<Uint8Array>, options: LoadOptions): Promise<readonly LoadedImage[]> {
	const {store, signal} = options;
	const known = new Set(await Array.fromAsync(store.content.list()));
	const taken = new Set<Digest>();
	const kept = new Set<Digest>();
	try {
		const images = await readArchive(archive, {
			...options,
			taken(digest) {
				taken.add(digest);
			},
		});
		const named = images.map(image => ({...image, names: image.names.map(name => formatReference(parseReference(name)))}));
		for (const digest of referencesOf(named.map(({manifestDigest}) => manifestDigest), store.content).blobs) {
			kept.add(digest);
		}

		const imageStore = new ImageStore(store);
		for (const image of named) {
			await imageStore.add(image, image.names, signal);
		}

		return named;
	} catch (error) {
		kept.clear();
		throw error;
	} finally {
		await discardBlobs(store, taken.difference(known).difference(kept));
	}
}

type ReadOptions = LoadOptions & {readonly taken: (digest: Digest) => void};

async function readArchive(archive: AsyncIterable<Uint8Array>, {store: {content}, platform, taken, signal}: ReadOptions): Promise<readonly ArchivedImage[]> {
	const files = await takeInFiles(archive, {content, taken, signal});
	const index = files.find('index.json');
	const manifest = files.find('manifest.json');
	if (index === undefined && manifest === undefined) {
		throw archiveError('the archive has neither index.json nor manifest.json');
	}

	try {
		const images = index === undefined ? await readDockerImages(manifest!, files, content) : await readLayoutImages(index, files, {content, platform});
		for (const image of images) {
			taken(image.manifestDigest);
			await checkLayers(image, {content, signal});
		}

		return images;
	} catch (error) {
		throw errorCode(error) === 'ERR_TSBUILD_CONTENT_NOT_FOUND' ? archiveError('a file that it names is not there', error) : error;
	}
}
