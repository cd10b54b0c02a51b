import {errorMessage} from '../kernel/errors.ts';
import type {Descriptor} from '../linux/descriptor.ts';
import {findCacheMount, packCacheMount, unpackCacheMount} from '../../snapshotter/cache-mount-archives.ts';
import type {Store} from '../../snapshotter/store.ts';
import {treeSize} from '../../snapshotter/tree-size.ts';
import type {CacheConfigMount} from './cache-config.ts';
import type {ImportedSource} from './import-caches.ts';

/** What the directories of cache mounts are moved with. */
export type SharedMountsOptions = {
	readonly store: Pick<Store, 'root' | 'content'>;
	readonly sources: readonly ImportedSource[];
	/** Takes a line for the user. */
	readonly warn: (line: string) => void;
	readonly signal: AbortSignal;
};

/** The directories of cache mounts that come from the caches of others, and go there. BuildKit has nothing like it. */
export class SharedMounts {
	readonly #options: SharedMountsOptions;

	constructor(options: SharedMountsOptions) {
		this.#options = options;
	}

	async #packOne(id: string, room: number): Promise<{readonly entry: CacheConfigMount; readonly takenSize: number} | undefined> {
		const {store: {root, content}, warn, signal} = this.#options;
		const directory = findCacheMount(root, id);
		if (directory === undefined) {
			return this.#passOn(id, room);
		}

		const takenSize = treeSize(directory);
		if (takenSize > room) {
			warn(`the cache mount ${firstLine(id)} is not exported: it has ${takenSize} bytes, and ${room} are left of mounts-max-size`);
			return undefined;
		}

		try {
			const {mediaType, digest, size} = await packCacheMount(directory, {content, signal});
			return {
				entry: {
					id, blob: digest, size, mediaType,
				}, takenSize,
			};
		} catch (error) {
			signal.throwIfAborted();
			warn(`the cache mount ${firstLine(id)} is not exported: ${errorMessage(error)}`);
			return undefined;
		}
	}

	#passOn(id: string, room: number): {readonly entry: CacheConfigMount; readonly takenSize: number} | undefined {
		const {store: {content}, sources} = this.#options;
		const mount = sources.flatMap(({mounts}) => mounts).find(candidate => candidate.id === id);
		if (mount === undefined || mount.size > room) {
			return undefined;
		}

		const {blob, size, mediaType, read} = mount;
		content.provide({digest: blob, size, read});
		return {
			entry: {
				id, blob, size, mediaType,
			}, takenSize: size,
		};
	}

	/**
	Fills a new directory with what a cache has for it.

	@returns whether any has
	@throws as `unpackCacheMount`; one that cannot be downloaded is told of and left empty
	*/
	async fill(id: string, directory: Descriptor): Promise<boolean> {
		const {store: {content}, sources, warn, signal} = this.#options;
		const mount = sources.flatMap(({mounts}) => mounts).find(candidate => candidate.id === id);
		if (mount === undefined) {
			return false;
		}

		const blob = {digest: mount.blob, size: mount.size};
		content.provide({...blob, read: mount.read});
		try {
			await content.bring(blob.digest, {signal});
		} catch (error) {
			signal.throwIfAborted();
			warn(`the cache mount ${firstLine(id)} begins empty: ${errorMessage(error)}`);
			return false;
		}

		await unpackCacheMount(blob, directory, {content, signal});
		return true;
	}

	/**
	Packs the directories of these ids, in their order, as long as their files have not more than `maximumSize` bytes together. Those that are not here are passed on as they came.

	@throws {TsbuildError} `ERR_TSBUILD_STORE`; the reason of the signal
	*/
	async pack(ids: readonly string[], maximumSize: number): Promise<readonly CacheConfigMount[]> {
		const packed: CacheConfigMount[] = [];
		let room = maximumSize;
		for (const id of ids) {
			const mount = await this.#packOne(id, room);
			room -= mount?.takenSize ?? 0;
			if (mount !== undefined) {
				packed.push(mount.entry);
			}
		}

		return packed;
	}
}

function firstLine(id: string): string {
	return id.split('\n', 1)[0]!;
}
