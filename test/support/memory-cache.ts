import type {CacheRecord, CacheStore} from '../../solver/cache-store.ts';
import type {CacheKey} from '../../solver/vertex.ts';

type StoredResult<Result> = {readonly canonicalKey: CacheKey; readonly result: Result; isGone: boolean};

/** A cache of one process. It tells what was asked of it, and results can vanish from it as if they were pruned. */
export class MemoryCache<Result> implements CacheStore<Result> {
	readonly #descriptions = new Map<CacheKey, string>();
	readonly #results = new Map<CacheKey, StoredResult<Result>>();
	/** `find`, `load`, `record` and `alias`, with the description of the record where there is one. */
	readonly calls: string[] = [];

	get size(): number {
		return this.#results.size;
	}

	async find(key: CacheKey): Promise<CacheRecord<Result> | undefined> {
		this.calls.push('find');
		const stored = this.#results.get(key);
		return stored && {
			canonicalKey: stored.canonicalKey,
			load: async () => {
				this.calls.push(`load ${this.#descriptions.get(stored.canonicalKey)}`);
				return stored.isGone ? undefined : stored.result;
			},
		};
	}

	async record(keys: readonly [CacheKey, ...CacheKey[]], result: Result, description: string): Promise<void> {
		this.calls.push(`record ${description}`);
		this.#descriptions.set(keys[0], description);
		for (const key of keys) {
			this.#results.set(key, {canonicalKey: keys[0], result, isGone: false});
		}
	}

	async alias(key: CacheKey, canonicalKey: CacheKey): Promise<void> {
		this.calls.push(`alias ${this.#descriptions.get(canonicalKey)}`);
		const stored = this.#results.get(canonicalKey);
		if (stored !== undefined) {
			this.#results.set(key, stored);
		}
	}

	/** The records stay, the results are gone. */
	loseResults(isLost: (description: string) => boolean): void {
		for (const stored of this.#results.values()) {
			stored.isGone ||= isLost(this.#descriptions.get(stored.canonicalKey) ?? '');
		}
	}

	/** The records of some results are gone, as with a cache that was exported for the last step only. */
	loseRecords(isLost: (description: string) => boolean): void {
		for (const [key, stored] of this.#results) {
			if (isLost(this.#descriptions.get(stored.canonicalKey) ?? '')) {
				this.#results.delete(key);
			}
		}
	}
}
