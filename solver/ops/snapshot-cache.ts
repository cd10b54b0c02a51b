import {
	aliasCacheKey,
	findCacheRecord,
	findImpliedKey,
	insertCacheRecord,
	useCacheRecord,
} from '../../snapshotter/cache-records.ts';
import {packedSnapshots} from '../../snapshotter/packed-rows.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheRecord, CacheStore} from '../cache-store.ts';
import type {CacheKey} from '../vertex.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';

/** The cache of a store: which snapshot a cache key stands for. */
export class SnapshotCache implements CacheStore<BuildResult> {
	readonly #store: Pick<Store, 'metadata' | 'session' | 'content'>;

	constructor(store: Pick<Store, 'metadata' | 'session' | 'content'>) {
		this.#store = store;
	}

	// What only a layer is known of is lost with it.
	async #isWhole(snapshot: SnapshotId | null): Promise<boolean> {
		const {metadata, content} = this.#store;
		const packed = snapshot === null ? [] : packedSnapshots(metadata, snapshot);
		const blobs = await Promise.all(packed.map(async ({blob}) => content.has(blob.digest)));
		return !blobs.includes(false);
	}

	/** A record whose result is elsewhere, or nowhere. */
	#findImplied(key: CacheKey): CacheRecord<BuildResult> | undefined {
		const canonicalKey = findImpliedKey(this.#store.metadata, key);
		return canonicalKey === undefined ? undefined : {canonicalKey: canonicalKey as CacheKey, load: async () => undefined};
	}

	async find(key: CacheKey): Promise<CacheRecord<BuildResult> | undefined> {
		const {metadata, session} = this.#store;
		const row = findCacheRecord(metadata, key);
		if (row === undefined) {
			return this.#findImplied(key);
		}

		return {
			canonicalKey: row.canonicalKey as CacheKey,
			load: async () => {
				const snapshot = useCacheRecord(metadata, row.id, {session: session.id});
				return snapshot === undefined || !await this.#isWhole(snapshot) ? undefined : {kind: 'snapshot', snapshot};
			},
		};
	}

	async record(keys: readonly [CacheKey, ...CacheKey[]], result: BuildResult, description: string): Promise<void> {
		insertCacheRecord(this.#store.metadata, {keys, snapshot: snapshotOf(result), description});
	}

	async alias(key: CacheKey, canonicalKey: CacheKey): Promise<void> {
		aliasCacheKey(this.#store.metadata, key, canonicalKey);
	}
}
