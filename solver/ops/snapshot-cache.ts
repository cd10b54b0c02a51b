import {
	aliasCacheKey,
	findCacheRecord,
	insertCacheRecord,
	useCacheRecord,
} from '../../snapshotter/cache-records.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheRecord, CacheStore} from '../cache-store.ts';
import type {CacheKey} from '../vertex.ts';
import {snapshotOf, type BuildResult} from './build-result.ts';

/** The cache of a store: which snapshot a cache key stands for. */
export class SnapshotCache implements CacheStore<BuildResult> {
	readonly #store: Pick<Store, 'metadata' | 'session'>;

	constructor(store: Pick<Store, 'metadata' | 'session'>) {
		this.#store = store;
	}

	async find(key: CacheKey): Promise<CacheRecord<BuildResult> | undefined> {
		const {metadata, session} = this.#store;
		const row = findCacheRecord(metadata, key);
		return row && {
			canonicalKey: row.canonicalKey as CacheKey,
			async load() {
				const snapshot = useCacheRecord(metadata, row.id, {session: session.id});
				return snapshot === undefined ? undefined : {kind: 'snapshot', snapshot};
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
