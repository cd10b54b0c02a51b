import type {BeginLateWork} from '../src/kernel/late-work.ts';
import type {CacheKey} from './vertex.ts';

/*
Where results are found again. One table: key -> result.

A result is recorded under one or more keys; the first is its canonical key, from which the keys of later vertexes are made, whichever key it was found under. So a COPY that is found by its definition today and by its content tomorrow leads to the same keys for the steps after it.
*/

export type CacheRecord<Result> = {
	readonly canonicalKey: CacheKey;
	/**
	Gives the result; `undefined` when it is gone, for example pruned a moment ago. Called only when a result is really needed. What has to be done with it when somebody looks into it, such as its download, is told of as part of `begin`.
	*/
	load(signal: AbortSignal, begin?: BeginLateWork): Promise<Result | undefined>;
};

/** Implemented on SQLite for builds and in memory for tests; both pass the same contract suite. */
export type CacheStore<Result> = {
	/** The record under `key`. */
	find(key: CacheKey): Promise<CacheRecord<Result> | undefined>;
	/**
	Records a result under all `keys`, the canonical one first. A key that exists is pointed to the new result.
	*/
	record(keys: readonly [CacheKey, ...CacheKey[]], result: Result, description: string): Promise<void>;
	/** Adds one more key for the record of `canonicalKey`. */
	alias(key: CacheKey, canonicalKey: CacheKey): Promise<void>;
};
