import {parseDigest, type Digest} from '../kernel/digest.ts';
import type {Descriptor, ImageIndex} from '../kernel/oci-types.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import {manifestOf, type AssembledImage, type EncodedManifest} from './image-assembly.ts';

/** An image of the local store. */
export type StoredImage = {
	/** Full reference, for example `docker.io/library/app:1`. */
	readonly name: string;
	readonly configDigest: Digest;
	readonly manifestDigest: Digest;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
};

const referenceName = 'org.opencontainers.image.ref.name';

/**
The images that have a name in the local store. The table says which there are; the store's `index.json` tells the same to other programs, under the names that a user types (`app:1`).
*/
export class ImageStore {
	readonly #metadata: Metadata;
	readonly #content: ContentStore;

	constructor({metadata, content}: {readonly metadata: Metadata; readonly content: ContentStore}) {
		this.#metadata = metadata;
		this.#content = content;
	}

	/**
	Writes an image's config and manifest, and gives it names. A name that another image had moves.

	`names` are full references; none keeps the image without a name.
	*/
	async put(image: AssembledImage, names: readonly string[], signal: AbortSignal): Promise<EncodedManifest> {
		const manifest = manifestOf(image, image.layers.map(({descriptor}) => descriptor));
		await this.#content.write(image.configBytes);
		await this.#content.write(manifest.bytes);
		if (names.length > 0) {
			this.#metadata.transaction(() => {
				for (const name of names) {
					this.#metadata
						.statement('INSERT INTO images (name, config_digest, manifest_digest, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET config_digest = excluded.config_digest, manifest_digest = excluded.manifest_digest, created_at = excluded.created_at')
						.run(name, image.configDigest, manifest.descriptor.digest, Date.now());
				}
			});
			await this.#content.updateIndex(index => withNames(index, manifest.descriptor, names), {signal});
		}

		return manifest;
	}

	/** The image of a full reference. */
	find(name: string): StoredImage | undefined {
		const row = this.#metadata.statement('SELECT name, config_digest, manifest_digest, created_at FROM images WHERE name = ?').get(name);
		return row === undefined
			? undefined
			: {
				name,
				configDigest: parseDigest(String(row.config_digest)),
				manifestDigest: parseDigest(String(row.manifest_digest)),
				createdAt: Number(row.created_at),
			};
	}
}

function withNames(index: ImageIndex, manifest: Descriptor, names: readonly string[]): ImageIndex {
	const entries = names.map(name => ({
		...manifest,
		annotations: {'io.containerd.image.name': name, [referenceName]: familiarReference(parseReference(name))},
	}));
	const taken = new Set(entries.map(({annotations}) => annotations[referenceName]));
	const others = index.manifests.filter(({annotations}) => !taken.has(annotations?.[referenceName] ?? ''));
	return {...index, manifests: [...others, ...entries]};
}
