import {existsSync} from 'node:fs';
import path from 'node:path';
import {TsbuildError} from '../kernel/errors.ts';
import {openLocalStore} from '../local-store.ts';
import {ContentStore} from '../../snapshotter/content-store.ts';
import {migrations} from '../../snapshotter/schema.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {contentDirectory} from '../../snapshotter/store-format.ts';
import type {Store} from '../../snapshotter/store.ts';
import {checkBlobs, damagedBlobsOf} from './check-blobs.ts';
import {livingSessions, type CheckContext} from './check-context.ts';
import {checkDatabase} from './check-database.ts';
import {checkFiles} from './check-files.ts';
import {checkImages} from './check-images.ts';
import {checkRows} from './check-rows.ts';
import {checkSnapshotFiles} from './check-snapshot-files.ts';
import {checkSnapshots} from './check-snapshots.ts';
import {checkFolders, checkFormat, restoreBasics} from './store-basics.ts';
import {
	emptyCounts,
	type CheckCounts,
	type CheckedProblem,
	type Problem,
} from './problem.ts';
import {repair} from './repair.ts';
import {restoreImages} from './restore-images.ts';

/** How to check a store. */
export type CheckOptions = {
	/** Whether what is damaged is taken out. */
	readonly shouldRepair: boolean;
	readonly signal: AbortSignal;
};

/** What a check has found. */
export type CheckReport = {
	readonly root: string;
	/** The version of the database that this tsbuild writes; an older one was brought to it. */
	readonly databaseVersion: number;
	/** Other sessions that used the store at the same time: what they had just begun was left out. */
	readonly livingSessions: number;
	readonly counts: CheckCounts;
	/** In the order in which they were found, and repaired. */
	readonly problems: readonly CheckedProblem[];
};

/**
Checks a store from the bottom to the top: format and database, blobs, snapshots, cache records, leases, images, files. Builds may run meanwhile. What dead sessions have left is swept first, as by any command.

@throws {TsbuildError} `ERR_TSBUILD_STORE_NOT_FOUND` where there is no store; `ERR_TSBUILD_STORE_VERSION` for one of a newer tsbuild; `ERR_TSBUILD_STORE` when it cannot be opened; the reason of `signal`
*/
export async function checkStore(directory: string, options: CheckOptions): Promise<CheckReport> {
	const root = path.resolve(directory);
	refuseMissingStore(root);
	const basics = [...checkFolders(root), ...await checkFormat(root), ...checkDatabase(root)];
	if (basics.length > 0 && !options.shouldRepair) {
		return checkWithoutDatabase(root, basics, options);
	}

	const repaired = await restoreBasics(root, basics);
	await using store = await openLocalStore(root);
	if (basics.some(({remedy}) => remedy.kind === 'make-database')) {
		await restoreImages(store, options.signal);
	}

	return await checkOpenStore(store, repaired, options);
}

function refuseMissingStore(root: string): void {
	if (!existsSync(path.join(root, 'format')) && !existsSync(contentDirectory(root))) {
		throw new TsbuildError('ERR_TSBUILD_STORE_NOT_FOUND', `failed to find store ${root}`, {hint: 'Name its directory with --root. A store is made by the first command that needs one.'});
	}
}

async function checkWithoutDatabase(root: string, basics: readonly Problem[], {signal}: CheckOptions): Promise<CheckReport> {
	const counts = emptyCounts();
	const blobs = await checkBlobs({content: new ContentStore(contentDirectory(root)), counts, signal});
	return {
		root, databaseVersion: migrations.length, livingSessions: 0, counts, problems: [...basics, ...blobs],
	};
}

async function checkOpenStore(store: Store, basics: readonly CheckedProblem[], {shouldRepair, signal}: CheckOptions): Promise<CheckReport> {
	const counts = emptyCounts();
	const {content, root} = store;
	const others = new Set(livingSessions(root, store.session.id));
	const blobs = await checkBlobs({content, counts, signal});
	const context = {
		store, counts, signal, damagedBlobs: damagedBlobsOf(blobs), others, isShared: others.size > 0,
	};
	const problems = [...blobs, ...await checkRest(context)];
	const repaired: CheckedProblem[] = [];
	for (const problem of problems) {
		repaired.push(shouldRepair ? {...problem, outcome: await repair(problem, context)} : problem);
	}

	return {
		root, databaseVersion: migrations.length, livingSessions: others.size, counts, problems: [...basics, ...repaired],
	};
}

async function checkRest(context: CheckContext): Promise<readonly Problem[]> {
	const snapshots = checkSnapshots(context);
	const faulty = new Set(snapshots.flatMap(({remedy}): readonly SnapshotId[] => (remedy.kind === 'remove-snapshot' ? [remedy.snapshot] : [])));
	return [
		...snapshots,
		...await checkSnapshotFiles(context, faulty),
		...checkRows(context),
		...await checkImages(context),
		...checkFiles(context),
	];
}
