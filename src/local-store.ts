import path from 'node:path';
import process from 'node:process';
import {sessionsDirectory} from '../snapshotter/session.ts';
import type {SnapshotterName} from '../snapshotter/snapshotter-choice.ts';
import {noteBoot} from '../snapshotter/after-boot.ts';
import {openStore, type Store} from '../snapshotter/store.ts';
import type {SpaceGuard} from './garbage/space-guard.ts';
import {TsbuildError} from './kernel/errors.ts';

/**
Opens a store. Containers of dead sessions are ended before their files are removed.

Which snapshotter it has may be said by `$TSBUILD_SNAPSHOTTER`, and how large it may become by `$TSBUILD_STORE_LIMIT`.

@throws {TsbuildError} `ERR_TSBUILD_STORE...`, see `openStore`; `ERR_TSBUILD_GC_SETTING`
*/
export async function openLocalStore(directory: string): Promise<Store> {
	let guard: SpaceGuard | undefined;
	const store = await openStore(directory, {
		killSession: async session => killSession(session, directory),
		snapshotter: readSnapshotterName(process.env.TSBUILD_SNAPSHOTTER),
		beforeWriting: async size => guard?.makeRoom(size),
	});
	try {
		guard = await guardSpace(store);
		await nameImagesAgain(store);
		return store;
	} catch (error) {
		await store[Symbol.asyncDispose]();
		throw error;
	}
}

/** Most stores have no limit, and need not know how to keep it. */
async function guardSpace(store: Store): Promise<SpaceGuard | undefined> {
	if ((process.env.TSBUILD_STORE_LIMIT ?? '') === '') {
		return undefined;
	}

	const [{readStoreLimit}, {SpaceGuard}, {diskSize}] = await Promise.all([import('./garbage/gc-settings.ts'), import('./garbage/space-guard.ts'), import('../snapshotter/disk-space.ts')]);
	const limit = readStoreLimit(process.env, () => diskSize(store.root));
	return limit === undefined ? undefined : new SpaceGuard(store, limit);
}

// Who names an image may be killed before the index says so, and a power loss may take either. That is rare, too.
async function nameImagesAgain(store: Store): Promise<void> {
	if (store.sweepReport.removedSessions.length === 0 && !store.isFirstOfBoot) {
		return;
	}

	const {ImageStore} = await import('./exporter/image-store.ts');
	await new ImageStore(store).updateIndex();
	noteBoot(store.root);
}

/**
The directory of the local store: what a flag says, else `$TSBUILD_ROOT`, else `/var/lib/tsbuild` for root and a directory of their own for everybody else.

@see https://specifications.freedesktop.org/basedir-spec/latest/
*/
export function localStoreDirectory(flag: string | undefined, environment: Readonly<Record<string, string | undefined>>): string {
	const root = flag ?? environment.TSBUILD_ROOT;
	if (root !== undefined && root !== '') {
		return path.resolve(root);
	}

	if (process.getuid!() === 0) {
		return '/var/lib/tsbuild';
	}

	const data = environment.XDG_DATA_HOME ?? path.join(environment.HOME ?? '/', '.local/share');
	return path.join(data, 'tsbuild');
}

function readSnapshotterName(value: string | undefined): SnapshotterName | undefined {
	switch (value) {
		case undefined:
		case '': {
			return undefined;
		}

		case 'overlay':
		case 'native': {
			return value;
		}

		default: {
			throw new TsbuildError('ERR_TSBUILD_STORE_SNAPSHOTTER', `failed to open store: there is no snapshotter ${JSON.stringify(value)}`, {
				hint: 'TSBUILD_SNAPSHOTTER is overlay, native or empty.',
			});
		}
	}
}

// Imported only when there is a dead session: that is rare, and the executor is large.
async function killSession(session: string, storeDirectory: string): Promise<void> {
	const executor = await import('../solver/executor/kill-session.ts');
	await executor.killSession(session, path.join(sessionsDirectory(storeDirectory), session));
}
