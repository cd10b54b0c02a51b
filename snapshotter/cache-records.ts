import type {Metadata} from './metadata.ts';
import {holdSnapshot} from './snapshot-rows.ts';
import type {SnapshotId} from './snapshotter.ts';

/** What a step gave: a snapshot, or `null` for the empty file system. */
export type CachedSnapshot = SnapshotId | null;

/** A result of a step that is kept for later builds. */
export type CacheRecordRow = {
	readonly id: number;
	/** The first of the keys that it was recorded under. */
	readonly canonicalKey: string;
	readonly snapshot: CachedSnapshot;
	readonly description: string;
};

/** The record under a key. It may be gone by the time it is used. */
export function findCacheRecord(metadata: Metadata, key: string): CacheRecordRow | undefined {
	const row = metadata.statement(`
		SELECT id, canonical_key, snapshot, description FROM cache_keys JOIN cache_records ON record = id WHERE key = ?
	`).get(key);
	return row && {
		id: row.id as number,
		canonicalKey: row.canonical_key as string,
		snapshot: row.snapshot as CachedSnapshot,
		description: row.description as string,
	};
}

/**
Takes a record into use: counts it, and holds its snapshot for the session, so that no other process removes it.

@returns the snapshot; `undefined` when the record is gone
*/
export function useCacheRecord(metadata: Metadata, id: number, {session}: {readonly session: string}): CachedSnapshot | undefined {
	return metadata.transaction(() => {
		const row = metadata
			.statement('UPDATE cache_records SET last_used_at = ?, usage_count = usage_count + 1 WHERE id = ? RETURNING snapshot')
			.get(Date.now(), id);
		const snapshot = row?.snapshot as CachedSnapshot | undefined;
		if (typeof snapshot === 'number') {
			holdSnapshot(metadata, snapshot, {session});
		}

		return snapshot;
	});
}

/** Records a result under all of its keys, the canonical one first. A key that exists leads to the new record from now on; a record that no key leads to any more is removed. */
export function insertCacheRecord(metadata: Metadata, {keys, snapshot, description}: {
	readonly keys: readonly [string, ...string[]];
	readonly snapshot: CachedSnapshot;
	readonly description: string;
}): void {
	metadata.transaction(() => {
		const now = Date.now();
		const {lastInsertRowid} = metadata
			.statement('INSERT INTO cache_records (canonical_key, snapshot, description, created_at, last_used_at) VALUES (?, ?, ?, ?, ?)')
			.run(keys[0], snapshot, description, now, now);
		for (const key of keys) {
			pointKey(metadata, key, Number(lastInsertRowid));
		}
	});
}

/** Adds a key for the record that another key leads to. Nothing happens when there is none. */
export function aliasCacheKey(metadata: Metadata, key: string, existingKey: string): void {
	metadata.transaction(() => {
		const record = metadata.statement('SELECT record FROM cache_keys WHERE key = ?').get(existingKey)?.record;
		if (record !== undefined) {
			pointKey(metadata, key, record as number);
		}
	});
}

/** Notes which canonical keys other keys have, as long as there is the record that `of` leads to. Keys with records of their own need none. */
export function insertImpliedKeys(metadata: Metadata, {of, keys}: {readonly of: string; readonly keys: ReadonlyMap<string, string>}): void {
	metadata.transaction(() => {
		const record = metadata.statement('SELECT record FROM cache_keys WHERE key = ?').get(of)?.record;
		if (record === undefined) {
			return;
		}

		for (const [key, canonicalKey] of keys) {
			metadata.statement('INSERT OR REPLACE INTO implied_keys (key, canonical_key, record) VALUES (?, ?, ?)').run(key, canonicalKey, record);
		}
	});
}

/** The canonical key of a key that has no record, if it is known all the same. */
export function findImpliedKey(metadata: Metadata, key: string): string | undefined {
	return metadata.statement('SELECT canonical_key FROM implied_keys WHERE key = ?').get(key)?.canonical_key as string | undefined;
}

function pointKey(metadata: Metadata, key: string, record: number): void {
	const former = metadata.statement('SELECT record FROM cache_keys WHERE key = ?').get(key)?.record;
	metadata.statement('INSERT INTO cache_keys (key, record) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET record = ?2').run(key, record);
	if (former !== undefined) {
		metadata.statement('DELETE FROM cache_records WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM cache_keys WHERE record = ?1)').run(former);
	}
}
