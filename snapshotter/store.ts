import {constants} from 'node:fs';
import path from 'node:path';
import {firstError} from '../src/kernel/errors.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {syncFileSystem} from '../src/linux/files.ts';
import {dropWhatLostBlobs, isFirstOfBoot} from './after-boot.ts';
import {holdBlob} from './blob-leases.ts';
import {ContentStore} from './content-store.ts';
import {openMetadata, type Metadata} from './metadata.ts';
import {createOverlaySnapshotter, type SnapshotterOptions} from './overlay.ts';
import {openSession, type Session} from './session.ts';
import {markSynced, unsyncedSnapshots} from './snapshot-rows.ts';
import type {SnapshotterChoice, SnapshotterName} from './snapshotter-choice.ts';
import type {Snapshotter} from './snapshotter.ts';
import {storeError} from './store-error.ts';
import {contentDirectory, ensureStore} from './store-format.ts';
import {sweep, type SweepReport} from './sweep.ts';
import {createUnpackingSnapshotter} from './unpacking-snapshotter.ts';

/** A store, open for one session; disposing ends the session. */
export type Store = AsyncDisposable & {
	/** Absolute. */
	readonly root: string;
	readonly metadata: Metadata;
	readonly content: ContentStore;
	readonly snapshotter: Snapshotter;
	/** Why the snapshotter is not overlay, where nobody wanted another. */
	readonly overlayFailure: string | undefined;
	readonly session: Session;
	/** What earlier sessions had left. */
	readonly sweepReport: SweepReport;
	/** Nobody had opened it since the machine was started, so what a power loss may have taken is dropped. */
	readonly isFirstOfBoot: boolean;
	/**
	Makes sure that committed snapshots are on the disk, once they are half a minute old: by then the kernel has written them by itself, so this blocks for a moment only. What is not covered is dropped after a power loss and built again.
	*/
	sync(): void;
};

// Changed pages are written within this time in any case. https://docs.kernel.org/admin-guide/sysctl/vm.html#dirty-expire-centisecs
const writebackTime = 30_000;

/** How to open a store. */
export type StoreOptions = {
	/** Ends the processes of a dead session, before its files are removed. */
	readonly killSession?: (id: string) => Promise<void>;
	/** Unless given, a new store gets the first that works where it is. */
	readonly snapshotter?: SnapshotterName | undefined;
	/** Told before something is written, with the bytes that are expected if that is known: it may make room, or refuse. */
	readonly beforeWriting?: ((size: number) => Promise<void>) | undefined;
};

/**
Opens the store in a directory, makes it when the directory is empty or missing, and sweeps out what dead sessions left. Many processes may have it open.

@throws {TsbuildError} `ERR_TSBUILD_STORE_VERSION` for a store of a newer tsbuild; `ERR_TSBUILD_STORE_FILE_SYSTEM` where no snapshotter works, or not the one that is asked for; `ERR_TSBUILD_STORE_SNAPSHOTTER` for a store that was made with another; `ERR_TSBUILD_STORE` for a directory that is something else, or cannot be used
*/
export async function openStore(directory: string, options: StoreOptions = {}): Promise<Store> {
	const root = path.resolve(directory);
	const choice = await ensureStore(root, options.snapshotter);
	try {
		return await openExisting(root, choice, options);
	} catch (error) {
		throw storeError(`open store ${root}`, firstError(error));
	}
}

async function openExisting(root: string, choice: SnapshotterChoice, {killSession, beforeWriting}: StoreOptions): Promise<Store> {
	await using resources = new AsyncDisposableStack();
	const metadata = resources.use(openMetadata(root, {mustExist: true}));
	const session = resources.use(openSession({root, metadata}));
	const sweepReport = await sweep({
		root,
		metadata,
		ownSession: session.id,
		killSession,
	});
	const content = new ContentStore(contentDirectory(root), {
		temporaryFile: () => session.temporaryFile(),
		hold(digest) {
			holdBlob(metadata, digest, {session: session.id});
		},
		beforeWriting,
	});
	const isFirst = isFirstOfBoot(root);
	if (isFirst) {
		dropWhatLostBlobs({metadata, content});
	}

	const snapshotter = createUnpackingSnapshotter(await createSnapshotter(choice.name, {root, metadata, session}), {
		root, metadata, content, session, beforeWriting,
	});
	const kept = resources.move();
	return {
		root,
		metadata,
		content,
		snapshotter,
		overlayFailure: choice.overlayFailure,
		session,
		sweepReport,
		isFirstOfBoot: isFirst,
		sync() {
			syncSnapshots(root, metadata);
		},
		async [Symbol.asyncDispose]() {
			await kept.disposeAsync();
		},
	};
}

async function createSnapshotter(name: SnapshotterName, options: SnapshotterOptions): Promise<Snapshotter> {
	if (name === 'overlay') {
		return createOverlaySnapshotter(options);
	}

	const {createNativeSnapshotter} = await import('./native.ts');
	return createNativeSnapshotter(options);
}

function syncSnapshots(root: string, metadata: Metadata): void {
	// Asked before: what is committed meanwhile is not covered.
	const ids = unsyncedSnapshots(metadata, {madeUntil: Date.now() - writebackTime});
	if (ids.length === 0) {
		return;
	}

	using directory = Descriptor.open(root, constants.O_RDONLY | constants.O_DIRECTORY);
	syncFileSystem(directory);
	markSynced(metadata, ids);
}
