import type {BeginLateWork} from '../../src/kernel/late-work.ts';
import type {CachedLayers, CachedResult} from '../../snapshotter/cached-layers.ts';
import {insertCacheRecord, insertImpliedKeys} from '../../snapshotter/cache-records.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheRecord, CacheStore} from '../cache-store.ts';
import type {CacheKey} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {SnapshotCache} from './snapshot-cache.ts';

/** What a result is loaded with. */
export type LoadOptions = {
	/** Begins what is told of its download. */
	readonly begin?: BeginLateWork | undefined;
	readonly signal: AbortSignal;
};

/** A cache of somebody else that a build may take results from. */
export type CacheSource = {
	/** Where it is, for people. */
	readonly name: string;
	/** What is under a key. */
	readonly find: (key: string) => CachedResult | undefined;
	/** Are the layers of a result still there? If so, they have been provided. */
	readonly hasLayers: (result: CachedResult, options: LoadOptions) => Promise<boolean>;
};

/** What a build works with that takes results from elsewhere. */
export type ImportedCacheOptions = {
	readonly store: Pick<Store, 'metadata' | 'session' | 'content'>;
	/** What makes snapshots of their layers. */
	readonly cachedLayers: CachedLayers;
	/** The first that has a result counts. */
	readonly sources: readonly CacheSource[];
};

/**
The cache of a store, and behind it those of others. What is found there is recorded in the store when it is used.

It remembers which records the build has found or made: these can be exported.
*/
export class ImportedCache implements CacheStore<BuildResult> {
	readonly #options: ImportedCacheOptions;
	readonly #local: SnapshotCache;
	readonly #aliases = new Map<CacheKey, CacheKey>();
	/** Canonical keys of those that only others know. */
	readonly #impliedKeys = new Map<CacheKey, CacheKey>();
	readonly #usedKeys = new Map<CacheKey, Set<CacheKey>>();

	constructor(options: ImportedCacheOptions) {
		this.#options = options;
		this.#local = new SnapshotCache(options.store);
	}

	#findImported(key: CacheKey): ReadonlyArray<{readonly source: CacheSource; readonly result: CachedResult}> {
		const wanted = this.#aliases.get(key) ?? key;
		return this.#options.sources.flatMap(source => {
			const result = source.find(wanted);
			return result === undefined ? [] : [{source, result}];
		});
	}

	async #loadImported(key: CacheKey, options: LoadOptions): Promise<BuildResult | undefined> {
		const {cachedLayers, store: {metadata}} = this.#options;
		for (const {source, result} of this.#findImported(key)) {
			if (result.layers !== undefined && await source.hasLayers(result, options)) {
				const snapshot = await cachedLayers.snapshotOf(result.layers, `imported from ${source.name}`);
				insertCacheRecord(metadata, {keys: result.keys, snapshot, description: `imported from ${source.name}`});
				insertImpliedKeys(metadata, {of: key, keys: this.#impliedKeys});
				return {kind: 'snapshot', snapshot};
			}
		}

		return undefined;
	}

	#noteKeys(canonicalKey: CacheKey, keys: readonly CacheKey[]): void {
		this.#usedKeys.set(canonicalKey, new Set([...this.#usedKeys.get(canonicalKey) ?? [canonicalKey], ...keys]));
	}

	/** The records that the build has found or made: their canonical keys, each with all keys that it was known under. */
	get usedKeys(): ReadonlyMap<CacheKey, ReadonlySet<CacheKey>> {
		return this.#usedKeys;
	}

	async find(key: CacheKey): Promise<CacheRecord<BuildResult> | undefined> {
		const local = await this.#local.find(key);
		const canonicalKey = local?.canonicalKey ?? this.#findImported(key)[0]?.result.keys[0] as CacheKey | undefined;
		if (canonicalKey === undefined) {
			return undefined;
		}

		this.#noteKeys(canonicalKey, [key]);
		if (local === undefined && key !== canonicalKey) {
			this.#impliedKeys.set(key, canonicalKey);
		}

		return {
			canonicalKey,
			load: async (signal, begin) => await local?.load(signal) ?? this.#loadImported(key, {begin, signal}),
		};
	}

	async record(keys: readonly [CacheKey, ...CacheKey[]], result: BuildResult, description: string): Promise<void> {
		this.#noteKeys(keys[0], keys);
		await this.#local.record(keys, result, description);
	}

	async alias(key: CacheKey, canonicalKey: CacheKey): Promise<void> {
		this.#aliases.set(key, canonicalKey);
		this.#noteKeys(canonicalKey, [key]);
		await this.#local.alias(key, canonicalKey);
	}
}
