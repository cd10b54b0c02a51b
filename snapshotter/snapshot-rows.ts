import {TsbuildError} from '../src/kernel/errors.ts';
import type {Metadata} from './metadata.ts';
import type {CommitOptions, SnapshotId, SnapshotInfo} from './snapshotter.ts';

// The rows of snapshots, the same for every kind of snapshotter. Each change is one transaction.

/**
Adds an active snapshot of a session.

@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND` when there is no committed snapshot `parent`
*/
export function insertActiveSnapshot(metadata: Metadata, {parent, session}: {readonly parent: SnapshotId | undefined; readonly session: string}): SnapshotId {
	return metadata.transaction(() => {
		if (parent !== undefined && findSnapshot(metadata, parent)?.state !== 'committed') {
			throw snapshotNotFound(parent);
		}

		const {lastInsertRowid} = metadata
			.statement('INSERT INTO snapshots (parent, state, session, created_at) VALUES (?, \'active\', ?, ?)')
			.run(parent ?? null, session, Date.now());
		return Number(lastInsertRowid) as SnapshotId;
	});
}

/**
Makes an active snapshot a committed one, held by the session that made it until that ends.

@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND` when the session has no such active snapshot
*/
export function commitSnapshot(metadata: Metadata, id: SnapshotId, {session, description, isCheckout = false, bootId}: CommitOptions & {readonly session: string; readonly bootId: string}): void {
	metadata.transaction(() => {
		const {changes} = metadata
			.statement('UPDATE snapshots SET state = \'committed\', session = NULL, description = ?, is_checkout = ?, unsynced_boot = ? WHERE id = ? AND session = ?')
			.run(description, Number(isCheckout), bootId, id, session);
		if (changes !== 1) {
			throw snapshotNotFound(id);
		}

		holdSnapshot(metadata, id, {session});
	});
}

/** Keeps other sessions from removing a snapshot as long as this one lives. Belongs into the transaction that found the snapshot. */
export function holdSnapshot(metadata: Metadata, id: SnapshotId, {session}: {readonly session: string}): void {
	metadata.statement('INSERT OR IGNORE INTO leases (session, kind, resource) VALUES (?, \'snapshot\', ?)').run(session, String(id));
}

/**
Removes the row of a snapshot, and with it what is known about its layer and the cache records that give it. Nothing happens when there is none.

@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_IN_USE` when another snapshot stands on it, or another session holds it
*/
export function deleteSnapshot(metadata: Metadata, id: SnapshotId, {session}: {readonly session: string}): void {
	metadata.transaction(() => {
		const user = metadata.statement(`
			SELECT 'snapshot ' || id AS name FROM snapshots WHERE parent = ?1
			UNION ALL SELECT 'session ' || session FROM snapshots WHERE id = ?1 AND session <> ?2
			UNION ALL SELECT 'session ' || session FROM leases WHERE kind = 'snapshot' AND resource = ?3 AND session <> ?2
			LIMIT 1
		`).get(id, session, String(id));
		if (user !== undefined) {
			throw new TsbuildError('ERR_TSBUILD_SNAPSHOT_IN_USE', `failed to remove snapshot ${id}: ${String(user.name)} needs it`);
		}

		metadata.statement('DELETE FROM leases WHERE kind = \'snapshot\' AND resource = ?').run(String(id));
		metadata.statement('DELETE FROM snapshots WHERE id = ?').run(id);
	});
}

/** Removes the rows of a snapshot and of all that stand on it, whoever uses them. Returns their ids. Belongs into a transaction. */
export function deleteWithDescendants(metadata: Metadata, id: SnapshotId): readonly SnapshotId[] {
	const rows = metadata.statement(`
		WITH RECURSIVE lost (id) AS (
			SELECT id FROM snapshots WHERE id = ?
			UNION SELECT snapshots.id FROM snapshots JOIN lost ON snapshots.parent = lost.id
		)
		DELETE FROM snapshots WHERE id IN (SELECT id FROM lost) RETURNING id
	`).all(id);
	return rows.map(row => row.id as SnapshotId);
}

/** What is known about a snapshot. */
export function findSnapshot(metadata: Metadata, id: SnapshotId): SnapshotInfo | undefined {
	const row = metadata.statement('SELECT parent, state, created_at, description FROM snapshots WHERE id = ?').get(id);
	return row && {
		id,
		parent: (row.parent ?? undefined) as SnapshotId | undefined,
		state: row.state as SnapshotInfo['state'],
		createdAt: row.created_at as number,
		description: row.description as string,
	};
}

/**
A snapshot with all below it, the lowest first.

@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND`
*/
export function snapshotChain(metadata: Metadata, id: SnapshotId): readonly SnapshotId[] {
	const rows = metadata.statement(`
		WITH RECURSIVE chain (id, parent, height) AS (
			SELECT id, parent, 0 FROM snapshots WHERE id = ?
			UNION ALL SELECT snapshots.id, snapshots.parent, height + 1 FROM snapshots JOIN chain ON snapshots.id = chain.parent
		)
		SELECT id FROM chain ORDER BY height DESC
	`).all(id);
	if (rows.length === 0) {
		throw snapshotNotFound(id);
	}

	return rows.map(row => row.id as SnapshotId);
}

/** The committed snapshots, made until a time in milliseconds since the epoch, whose files may not be on the disk yet. */
export function unsyncedSnapshots(metadata: Metadata, {madeUntil}: {readonly madeUntil: number}): readonly SnapshotId[] {
	const rows = metadata.statement('SELECT id FROM snapshots WHERE unsynced_boot IS NOT NULL AND created_at <= ?').all(madeUntil);
	return rows.map(row => row.id as SnapshotId);
}

/** Notes that the files of snapshots are on the disk, so that a power loss does not end them. */
export function markSynced(metadata: Metadata, ids: readonly SnapshotId[]): void {
	metadata.transaction(() => {
		for (const id of ids) {
			metadata.statement('UPDATE snapshots SET unsynced_boot = NULL WHERE id = ?').run(id);
		}
	});
}

/** The error for an id that names no usable snapshot. */
export function snapshotNotFound(id: SnapshotId): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SNAPSHOT_NOT_FOUND', `failed to find snapshot ${id}`);
}
