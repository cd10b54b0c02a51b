import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {isFirstOfBoot} from './after-boot.ts';
import {bootId} from './boot-id.ts';
import {removeLandedFlights} from './flight-files.ts';
import type {Metadata} from './metadata.ts';
import {removeTree} from './remove-tree.ts';
import {
	isSessionWithoutLock,
	removeSession,
	removeSessionFolderIfEmpty,
	removeUnfinished,
	sessionsDirectory,
	takeSessionLock,
	type SessionPlace,
} from './session.ts';
import {snapshotsDirectory} from './snapshot-directories.ts';

/** How to sweep. */
export type SweepOptions = SessionPlace & {
	/** The session of this process, which is not asked about. */
	readonly ownSession?: string;
	/** Ends the processes that a dead session left behind, before its files are removed under them. */
	readonly killSession?: ((id: string) => Promise<void>) | undefined;
};

/** What a sweep found. */
export type SweepReport = {
	/** Ids of the dead sessions that were removed. */
	readonly removedSessions: readonly string[];
	/** Why something could not be removed; the next sweep tries again. */
	readonly failures: readonly unknown[];
};

/**
Removes what dead sessions left in a store: their processes, active snapshots, leases, temporary files and folders; snapshots that a power loss may have damaged; directories that belong to no snapshot.

Dead is a session whose lock can be taken. Several sweeps may run at the same time, and sessions may start and end meanwhile. A failure is reported and does not stop the sweep.
*/
export async function sweep(options: SweepOptions): Promise<SweepReport> {
	const removedSessions: string[] = [];
	const failures: unknown[] = [];
	// Read before the folders: a session has its folder before it has rows.
	const idsInRows = sessionsInRows(options);
	const folders = await readdir(sessionsDirectory(options.root));
	const others = folders.filter(folder => folder !== options.ownSession);
	for (const id of others) {
		await collecting(failures, async () => {
			if (await sweepSession(options, id)) {
				removedSessions.push(id);
			}
		});
	}

	const idsWithoutFolder = idsInRows.filter(id => !folders.includes(id));
	for (const id of idsWithoutFolder) {
		await collecting(failures, async () => removeUnfinished(options, id));
	}

	const lostSnapshots = deleteSnapshotsOfEarlierBoots(options);
	// Whoever removes a snapshot and dies before its directory is gone, dies with a session. A power loss may take the rows alone.
	if (removedSessions.length + failures.length + lostSnapshots > 0 || isFirstOfBoot(options.root)) {
		await collecting(failures, async () => removeOrphans(options));
		await collecting(failures, async () => {
			removeLandedFlights(options.root);
		});
	}

	return {removedSessions, failures};
}

// Tells whether the session was dead, and is removed now.
async function sweepSession(options: SweepOptions, id: string): Promise<boolean> {
	const {root} = options;
	if (await removeSessionFolderIfEmpty(root, id)) {
		// On a full disk, what was still going on when the session ended may have left rows.
		await removeUnfinished(options, id);
		return true;
	}

	// Who makes the lock has it, and a session that begins at this moment takes another id.
	using lock = takeSessionLock(root, id, {create: isSessionWithoutLock(root, id)});
	if (lock === undefined) {
		return false;
	}

	await options.killSession?.(id);
	await removeSession(options, id);
	return true;
}

function sessionsInRows({metadata}: SweepOptions): readonly string[] {
	const rows = metadata.statement('SELECT session FROM snapshots WHERE session IS NOT NULL UNION SELECT session FROM leases').all();
	return rows.map(row => row.session as string);
}

/**
Drops committed snapshots of an earlier boot whose files were not synced to the disk, with everything that stands on them: a power loss may have taken any part of them.

@returns how many
*/
function deleteSnapshotsOfEarlierBoots({metadata}: SweepOptions): number {
	const unsyncedBoots = metadata.statement('SELECT DISTINCT unsynced_boot AS boot FROM snapshots WHERE unsynced_boot IS NOT NULL').all();
	const boot = bootId();
	if (unsyncedBoots.every(row => row.boot === boot)) {
		return 0;
	}

	return metadata.transaction(() => Number(metadata.statement(`
		WITH RECURSIVE lost (id) AS (
			SELECT id FROM snapshots WHERE unsynced_boot <> ?
			UNION SELECT snapshots.id FROM snapshots JOIN lost ON snapshots.parent = lost.id
		)
		DELETE FROM snapshots WHERE id IN (SELECT id FROM lost)
	`).run(boot).changes));
}

async function removeOrphans({root, metadata}: SweepOptions): Promise<void> {
	const directory = snapshotsDirectory(root);
	const names = await readdir(directory);
	for (const name of findOrphans(metadata, names)) {
		await removeTree(path.join(directory, name));
	}
}

// A row is older than its directory, so a directory that had no row after it was seen is nobody's. It stays so: its id is not given again, even when a power loss took the rows that say how far the ids have come.
function findOrphans(metadata: Metadata, names: readonly string[]): readonly string[] {
	return metadata.transaction(() => {
		const rows = metadata.statement('SELECT id FROM snapshots').all();
		const ids = new Set(rows.map(row => String(row.id)));
		const orphans = names.filter(name => !ids.has(name));
		reserveSnapshotIds(metadata, Math.max(0, ...orphans.map(Number).filter(id => Number.isSafeInteger(id))));
		return orphans;
	});
}

// https://sqlite.org/autoinc.html
function reserveSnapshotIds(metadata: Metadata, highest: number): void {
	const {changes} = metadata.statement('UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = \'snapshots\'').run(highest);
	if (changes === 0) {
		metadata.statement('INSERT INTO sqlite_sequence (name, seq) VALUES (\'snapshots\', ?)').run(highest);
	}
}

async function collecting(failures: unknown[], action: () => Promise<void>): Promise<void> {
	try {
		await action();
	} catch (error) {
		failures.push(error);
	}
}
