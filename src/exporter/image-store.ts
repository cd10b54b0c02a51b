import {existsSync, lstatSync, renameSync} from 'node:fs';
import type {Digest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import type {Descriptor, ImageIndex} from '../kernel/oci-types.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import {forgetBoot} from '../../snapshotter/after-boot.ts';
import {holdImage} from '../../snapshotter/blob-leases.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import {createImageLayout} from '../../snapshotter/image-layout.ts';
import {describeManifest, referencesOf} from '../../snapshotter/image-references.ts';
import type {Store} from '../../snapshotter/store.ts';
import {storeError} from '../../snapshotter/store-error.ts';
import {removeSetAside, setAsideUnusedBlobs} from '../../snapshotter/unused-blobs.ts';
import type {AssembledImage, EncodedManifest} from './image-assembly.ts';

/** What an image is, whatever its names. */
export type ImageIdentity = {
	/** The ID of the image. */
	readonly configDigest: Digest;
	readonly manifestDigest: Digest;
};

/** An image of the local store under one of its names. */
export type StoredImage = ImageIdentity & {
	/** Full reference, for example `docker.io/library/app:1`. */
	readonly name: string;
	/** When it got the name. Milliseconds since the epoch. */
	readonly createdAt: number;
};

const fullName = 'io.containerd.image.name';
const referenceName = 'org.opencontainers.image.ref.name';

/**
The images of the local store. The table says which have a name; the store's `index.json` tells the same to other programs, under the names that a user types (`app:1`).

An image that loses its last name is none any more, and its blobs go with the next prune, if not at once. One that was made without a name is found by its ID until then.
*/
export class ImageStore {
	readonly #store: Pick<Store, 'content' | 'metadata' | 'root' | 'session'>;

	constructor(store: Pick<Store, 'content' | 'metadata' | 'root' | 'session'>) {
		this.#store = store;
	}

	#name(name: string, {configDigest, manifestDigest}: ImageIdentity): void {
		const {metadata} = this.#store;
		metadata
			.statement('INSERT OR REPLACE INTO images (name, config_digest, manifest_digest, created_at) VALUES (?, ?, ?, ?)')
			.run(name, configDigest, manifestDigest, Date.now());
		metadata.statement('DELETE FROM nameless_images WHERE config_digest = ?').run(configDigest);
	}

	#keepNameless({configDigest, manifestDigest}: ImageIdentity): void {
		const {metadata} = this.#store;
		if (metadata.statement('SELECT 1 FROM images WHERE config_digest = ?').get(configDigest) === undefined) {
			metadata
				.statement('INSERT OR REPLACE INTO nameless_images (config_digest, manifest_digest, created_at) VALUES (?, ?, ?)')
				.run(configDigest, manifestDigest, Date.now());
		}
	}

	#indexOfImages(index: ImageIndex): ImageIndex {
		const {content} = this.#store;
		const known = new Map(index.manifests.map(entry => [entry.digest, entry]));
		const manifests = this.list().flatMap(({name, manifestDigest}) => {
			const manifest = known.get(manifestDigest) ?? describeManifest(manifestDigest, content);
			return manifest === undefined ? [] : [withName(manifest, name)];
		});
		return {...index, manifests};
	}

	async #writeIndex(signal: AbortSignal | undefined): Promise<void> {
		const {content} = this.#store;
		await content.updateIndex(index => this.#indexOfImages(index), {...(signal && {signal})});
	}

	/**
	Writes an image's config and manifest, and gives it names, see `add`. Its layers are in the content store already.
	*/
	async put(image: AssembledImage, manifest: EncodedManifest, {names, signal}: {readonly names: readonly string[]; readonly signal: AbortSignal}): Promise<void> {
		const {content} = this.#store;
		await content.write(image.configBytes);
		await content.write(manifest.bytes);
		await this.add({configDigest: image.configDigest, manifestDigest: manifest.descriptor.digest}, names, signal);
	}

	/**
	Gives names to an image whose blobs are in the content store. A name that another image had moves.

	`names` are full references; none keeps the image without a name.
	*/
	async add(image: ImageIdentity, names: readonly string[], signal: AbortSignal): Promise<void> {
		this.#store.metadata.transaction(() => {
			for (const name of names) {
				this.#name(name, image);
			}

			if (names.length === 0) {
				this.#keepNameless(image);
			}
		});
		if (names.length > 0) {
			await this.updateIndex({signal});
		}
	}

	/** The image of a full reference. What it consists of is kept as long as this session lives. */
	find(name: string): StoredImage | undefined {
		const {metadata, session} = this.#store;
		return metadata.transaction(() => {
			const row = metadata.statement(`${selectImages} WHERE name = ?`).get(name);
			const image = row && toImage(row);
			if (image !== undefined) {
				holdImage(metadata, image.manifestDigest, {session: session.id});
			}

			return image;
		});
	}

	/** What an image consists of is kept from now on, as long as this session lives. */
	hold({manifestDigest}: ImageIdentity): void {
		const {metadata, session} = this.#store;
		metadata.transaction(() => {
			holdImage(metadata, manifestDigest, {session: session.id});
		});
	}

	/** All names with their images, in the order of the names. */
	list(): readonly StoredImage[] {
		return this.#store.metadata.statement(`${selectImages} ORDER BY name`).all().map(row => toImage(row));
	}

	/** The images without a name that are still there, the newest first. */
	listNameless(): readonly ImageIdentity[] {
		const {content, metadata} = this.#store;
		const rows = metadata.statement('SELECT config_digest, manifest_digest FROM nameless_images ORDER BY created_at DESC').all();
		return rows
			.map(row => ({configDigest: row.config_digest as Digest, manifestDigest: row.manifest_digest as Digest}))
			.filter(({configDigest, manifestDigest}) => [configDigest, manifestDigest].every(digest => existsSync(content.path(digest))));
	}

	/**
	Gives one more name to an image. A name that another image had moves.

	@throws {TsbuildError} `ERR_TSBUILD_IMAGE_NOT_FOUND` when the image has lost its names meanwhile; the reason of `signal`
	*/
	async tag(image: ImageIdentity, name: string, signal: AbortSignal): Promise<void> {
		const {metadata} = this.#store;
		metadata.transaction(() => {
			if (metadata.statement('SELECT 1 FROM images WHERE manifest_digest = ?1 UNION SELECT 1 FROM nameless_images WHERE manifest_digest = ?1').get(image.manifestDigest) === undefined) {
				throw imageNotFound(image.configDigest);
			}

			this.#name(name, image);
		});
		await this.updateIndex({signal});
	}

	/**
	Takes names from their images. An image that has none left is removed with those of its blobs that nothing else needs.

	@returns the configs of the images that are gone
	*/
	async untag(names: readonly string[], signal: AbortSignal): Promise<readonly Digest[]> {
		const {content, metadata} = this.#store;
		const {gone, blobs} = metadata.transaction(() => {
			const images = names.map(name => metadata.statement(`${selectImages} WHERE name = ?`).get(name)).filter(row => row !== undefined).map(row => toImage(row));
			for (const {name} of images) {
				metadata.statement('DELETE FROM images WHERE name = ?').run(name);
			}

			const manifests = images.map(({manifestDigest}) => manifestDigest);
			const left = metadata.statement('SELECT 1 FROM images WHERE config_digest = ?');
			return {
				gone: [...new Set(images.map(({configDigest}) => configDigest))].filter(config => left.get(config) === undefined),
				blobs: setAsideUnusedBlobs(this.#store, referencesOf(manifests, content).blobs),
			};
		});
		await this.updateIndex({signal});
		await removeSetAside(blobs);
		return gone;
	}

	/** Removes an image that has no name, with those of its blobs that nothing else needs. */
	async removeNameless({configDigest, manifestDigest}: ImageIdentity): Promise<void> {
		const {content, metadata} = this.#store;
		const blobs = metadata.transaction(() => {
			metadata.statement('DELETE FROM nameless_images WHERE config_digest = ?').run(configDigest);
			return setAsideUnusedBlobs(this.#store, referencesOf([manifestDigest], content).blobs);
		});
		await removeSetAside(blobs);
	}

	/**
	Makes `index.json` name the images that there are. Whoever changes the table does this afterwards; the last one brings the last state.

	An index that cannot be read is made anew. When that cannot be done, on a full disk or because the user has enough, the next one who opens the store does it.

	@throws {TsbuildError} `ERR_TSBUILD_STORE` when it cannot be written, `ERR_TSBUILD_LAYOUT`; the reason of `signal`
	*/
	async updateIndex({signal}: {readonly signal?: AbortSignal} = {}): Promise<void> {
		const {content, root} = this.#store;
		try {
			await (await isReadable(content) ? this.#writeIndex(signal) : this.writeLayout({signal}));
		} catch (error) {
			forgetBoot(root);
			signal?.throwIfAborted();
			throw storeError(`name images in ${content.directory}`, error);
		}
	}

	/** Makes the files of the layout anew: all that they say is in the table. */
	async writeLayout({signal}: {readonly signal?: AbortSignal | undefined} = {}): Promise<void> {
		const {content: {directory}, session} = this.#store;
		for (const name of ['index.json', 'oci-layout']) {
			moveIfThere(`${directory}/${name}`, session.temporaryFile());
		}

		await createImageLayout(directory);
		await this.#writeIndex(signal);
	}
}

/** The error for what names no image of the store, in docker's words. */
export function imageNotFound(text: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_IMAGE_NOT_FOUND', `No such image: ${text}`);
}

const selectImages = 'SELECT name, config_digest, manifest_digest, created_at FROM images';

function toImage(row: Readonly<Record<string, unknown>>): StoredImage {
	return {
		name: row.name as string,
		configDigest: row.config_digest as Digest,
		manifestDigest: row.manifest_digest as Digest,
		createdAt: row.created_at as number,
	};
}

async function isReadable(content: ContentStore): Promise<boolean> {
	try {
		await content.readIndex();
		return true;
	} catch (error) {
		if (errorCode(error) === 'ERR_TSBUILD_LAYOUT') {
			return false;
		}

		throw error;
	}
}

function moveIfThere(file: string, aside: string): void {
	if (lstatSync(file, {throwIfNoEntry: false}) !== undefined) {
		renameSync(file, aside);
	}
}

function withName(manifest: Descriptor, name: string): Descriptor {
	return {...manifest, annotations: {[fullName]: name, [referenceName]: familiarReference(parseReference(name))}};
}
