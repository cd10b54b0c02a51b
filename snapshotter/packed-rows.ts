import type {Digest, DiffId} from '../src/kernel/digest.ts';
import type {Descriptor} from '../src/kernel/oci-types.ts';
import type {Metadata} from './metadata.ts';
import {findSnapshot, holdSnapshot, snapshotNotFound} from './snapshot-rows.ts';
import type {SnapshotId} from './snapshotter.ts';

/*
A packed snapshot is a committed one whose files are known as a layer alone, and their exact times, if those are known. Nobody has needed its tree yet; whoever does unpacks it, once for all. What stands below an unpacked snapshot is unpacked too.
*/

/** A committed snapshot without files of its own. */
export type PackedSnapshot = {
	readonly id: SnapshotId;
	readonly parent: SnapshotId | undefined;
	readonly diffId: DiffId;
	/** The layer: an uncompressed tar when it was made here, else as it came. */
	readonly blob: Descriptor;
	/** See `PackedTimes`. Without any, the layer is one from elsewhere, or has no entry. */
	readonly times: Uint8Array;
};

/** What a packed snapshot is made of. */
export type NewPackedSnapshot = Omit<PackedSnapshot, 'id'> & {
	readonly description: string;
	/** Milliseconds since the epoch: when the files were made, if that was not now. */
	readonly createdAt?: number;
	/** Holds it until it ends. */
	readonly session: string;
};

/**
Adds a packed snapshot. Its blob is in the content store, or can be had by it, and is held by the session.

@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND` when there is no committed snapshot `parent`
*/
export function insertPackedSnapshot(metadata: Metadata, {parent, diffId, blob, times, description, createdAt = Date.now(), session}: NewPackedSnapshot): SnapshotId {
	return metadata.transaction(() => {
		if (parent !== undefined && findSnapshot(metadata, parent)?.state !== 'committed') {
			throw snapshotNotFound(parent);
		}

		const {lastInsertRowid} = metadata
			.statement('INSERT INTO snapshots (parent, state, created_at, description, is_packed, packed_times) VALUES (?, \'committed\', ?, ?, 1, ?)')
			.run(parent ?? null, createdAt, description, times);
		const id = Number(lastInsertRowid) as SnapshotId;
		// Without a chain ID: it takes those of the layers below, which may not be made yet.
		metadata
			.statement('INSERT INTO layers (snapshot, diff_id, digest, size, media_type) VALUES (?, ?, ?, ?, ?)')
			.run(id, diffId, blob.digest, blob.size, blob.mediaType);
		holdSnapshot(metadata, id, {session});
		return id;
	});
}

/** The packed snapshots among one and all below it, the lowest first. */
export function packedSnapshots(metadata: Metadata, id: SnapshotId): readonly PackedSnapshot[] {
	const rows = metadata.statement(`
		WITH RECURSIVE packed (id, parent, height) AS (
			SELECT id, parent, 0 FROM snapshots WHERE id = ? AND is_packed
			UNION ALL SELECT snapshots.id, snapshots.parent, height + 1 FROM snapshots JOIN packed ON snapshots.id = packed.parent WHERE is_packed
		)
		SELECT packed.id, packed.parent, packed_times, diff_id, digest, layers.size, media_type FROM packed JOIN snapshots USING (id) JOIN layers ON snapshot = packed.id ORDER BY height DESC
	`).all(id);
	return rows.map(row => ({
		id: row.id as SnapshotId,
		parent: (row.parent ?? undefined) as SnapshotId | undefined,
		diffId: row.diff_id as DiffId,
		times: row.packed_times as Uint8Array,
		blob: {digest: row.digest as Digest, size: row.size as number, mediaType: row.media_type as string},
	}));
}

/** The exact times of a snapshot that is packed, or was; see `PackedTimes`. Of any other there are none. */
export function findPackedTimes(metadata: Metadata, id: SnapshotId): Uint8Array {
	const times = metadata.statement('SELECT packed_times FROM snapshots WHERE id = ?').get(id)?.packed_times;
	return times as Uint8Array | null | undefined ?? new Uint8Array();
}

/**
Gives a packed snapshot the files of an active one, which ends. `moveFiles` moves them while nobody else can change a row. Nothing happens when it is packed no longer.
*/
export function fillPackedSnapshot(metadata: Metadata, id: SnapshotId, {from, bootId, moveFiles}: {
	readonly from: SnapshotId;
	readonly bootId: string;
	readonly moveFiles: () => void;
}): void {
	metadata.transaction(() => {
		const {changes} = metadata
			.statement('UPDATE snapshots SET is_packed = 0, size = NULL, unsynced_boot = ? WHERE id = ? AND is_packed')
			.run(bootId, id);
		if (changes === 0) {
			return;
		}

		moveFiles();
		metadata.statement('DELETE FROM snapshots WHERE id = ?').run(from);
	});
}
