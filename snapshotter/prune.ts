import {errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {removeCacheMount} from './cache-mounts.ts';
import {chooseLeastUseful, chooseRecords, type RecordChoice} from './choose-records.ts';
import {freeSpace} from './disk-space.ts';
import {removeTree} from './remove-tree.ts';
import {snapshotDirectories} from './snapshot-directories.ts';
import type {SnapshotId} from './snapshotter.ts';
import {hasLimits, keptBytes, type SpaceLimits} from './space-limits.ts';
import type {Store} from './store.ts';
import {treeSize} from './tree-size.ts';
import {removeSetAside, setAsideUnusedBlobs, type SetAsideBlobs} from './unused-blobs.ts';
import {listUsage, measureSnapshots, type UsageRecord} from './usage.ts';

/** What to remove. Images stay whole also when what they consist of may go: their blobs are kept. */
export type PruneOptions = RecordChoice & {
	/** Nothing more is removed than these ask for; the least useful goes first. */
	readonly limits?: SpaceLimits | undefined;
	readonly signal: AbortSignal;
};

type Removal = {
	/** What stands on others comes before them. */
	readonly records: readonly UsageRecord[];
	readonly blobs: SetAsideBlobs;
};

/**
Removes snapshots, with the cache records that give them, and blobs that nothing needs. What a living session uses is left, with everything below it.

One transaction decides, and takes rows and blobs out of the store; the files are removed afterwards. After a crash in between, the next sweep removes them. `signal` has no effect any more once it is decided.

@returns what was removed, measured
@throws {TsbuildError} `ERR_TSBUILD_PRUNE` when files could not be removed, after all others have been; the reason of `signal`
*/
export async function prune(store: Store, options: PruneOptions): Promise<readonly UsageRecord[]> {
	options.signal.throwIfAborted();
	if (isLimited(options)) {
		await measureSnapshots(store, options);
	}

	const removal = store.metadata.transaction(() => decide(store, options));
	const failures: unknown[] = [];
	const removed: UsageRecord[] = [];
	for (const record of removal.records) {
		const {subject} = record;
		if (subject.kind !== 'cache-mount' || await removeCacheMount(subject.entry, store.session.temporaryFile())) {
			removed.push(await removeFiles(record, store, failures));
		}
	}

	await removeSetAside(removal.blobs);
	if (failures.length > 0) {
		throw new TsbuildError('ERR_TSBUILD_PRUNE', `failed to remove files of ${failures.length} snapshots: ${errorMessage(failures[0])}`, {cause: failures[0]});
	}

	return removed;
}

function decide(store: Store, options: PruneOptions): Removal {
	const chosen = choose(store, options);
	const ids = chosen.map(({subject}) => subject).filter(subject => subject.kind === 'snapshot').map(({snapshot}) => snapshot);
	deleteSnapshots(store, ids);
	const blobs = setAsideUnusedBlobs(store, chosen.flatMap(({subject}) => subject.blobs));
	// A blob of two layers stays with the other one.
	const records = chosen.filter(({subject}) => subject.kind !== 'blob' || blobs.digests.has(subject.blobs[0]));
	return {records, blobs};
}

function choose(store: Store, options: PruneOptions): readonly UsageRecord[] {
	const records = listUsage(store);
	if (!isLimited(options)) {
		return chooseRecords(records, options);
	}

	const used = records.reduce((sum, {size}) => sum + size, 0);
	return chooseLeastUseful(records, {...options, keptBytes: keptBytes(options.limits, {used, free: freeSpace(store.root)})});
}

function isLimited(options: PruneOptions): options is PruneOptions & {readonly limits: SpaceLimits} {
	return options.limits !== undefined && hasLimits(options.limits);
}

function deleteSnapshots({metadata}: Store, ids: readonly SnapshotId[]): void {
	// In one statement, because parents and children may come in any order.
	metadata.statement('DELETE FROM snapshots WHERE id IN (SELECT value FROM json_each(?))').run(JSON.stringify(ids));
}

async function removeFiles(record: UsageRecord, {root}: Store, failures: unknown[]): Promise<UsageRecord> {
	if (record.subject.kind !== 'snapshot') {
		return record;
	}

	const {directory} = snapshotDirectories(root, record.subject.snapshot);
	try {
		const size = record.isMeasured ? record.size : record.size + treeSize(directory);
		await removeTree(directory);
		return {...record, size, isMeasured: true};
	} catch (error) {
		failures.push(error);
		return record;
	}
}
