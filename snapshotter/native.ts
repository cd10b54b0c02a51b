import {mkdirSync} from 'node:fs';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {cloneMount, liftRestrictions} from '../src/linux/detached-mount.ts';
import {bootId} from './boot-id.ts';
import {readCopyMark, writeCopyMark} from './copy-mark.ts';
import {copyTree} from './copy-tree.ts';
import {mergeChanges} from './merge-changes.ts';
import type {Metadata} from './metadata.ts';
import type {SnapshotterOptions} from './overlay.ts';
import {removeTree} from './remove-tree.ts';
import type {Session} from './session.ts';
import {makeSnapshotDirectories, snapshotDirectories, type SnapshotDirectories} from './snapshot-directories.ts';
import {
	commitSnapshot,
	deleteSnapshot,
	findSnapshot,
	insertActiveSnapshot,
	snapshotChain,
	snapshotNotFound,
} from './snapshot-rows.ts';
import type {
	ActiveSnapshot,
	CommitOptions,
	SnapshotChanges,
	SnapshotId,
	SnapshotInfo,
	Snapshotter,
} from './snapshotter.ts';
import {storeError} from './store-error.ts';

/**
Snapshots by copies, for file systems that overlayfs cannot write to: each keeps its whole tree in `snapshots/<id>/fs`, which begins as a copy of its parent's. Where the file system can share blocks, only what is changed takes space.

A layer is put into `snapshots/<id>/work` first, in the same form as for an overlay, and then merged into the tree: so it means the same, whatever the kind of snapshots.

@see https://github.com/containerd/containerd/blob/v2.0.0/plugins/snapshots/native/native.go
*/
export function createNativeSnapshotter(options: SnapshotterOptions): Snapshotter {
	return new NativeSnapshotter(options);
}

class NativeSnapshotter implements Snapshotter {
	readonly #root: string;
	readonly #metadata: Metadata;
	readonly #session: Session;

	constructor({root, metadata, session}: SnapshotterOptions) {
		this.#root = root;
		this.#metadata = metadata;
		this.#session = session;
	}

	// The files first: on a full disk, the metadata can be changed only after that. Nobody else knows the snapshot.
	async #removeActive(id: SnapshotId): Promise<void> {
		await removeTree(snapshotDirectories(this.#root, id).directory);
		deleteSnapshot(this.#metadata, id, {session: this.#session.id});
	}

	get name() {
		return 'native' as const;
	}

	async prepare(parent: SnapshotId | undefined): Promise<ActiveSnapshot> {
		const session = this.#session.id;
		const id = insertActiveSnapshot(this.#metadata, {parent, session});
		const remove = async () => this.#removeActive(id);
		try {
			const directories = await makeSnapshotDirectories(this.#root, id, parent);
			if (parent !== undefined) {
				await copyTree({from: snapshotDirectories(this.#root, parent).changes, to: directories.changes, scratch: directories.work});
				await writeCopyMark(directories.directory);
			}

			const commit = (options: CommitOptions) => {
				commitSnapshot(this.#metadata, id, {...options, session, bootId: bootId()});
			};

			return new ActiveCopy({
				id,
				directories,
				commit,
				remove,
			});
		} catch (error) {
			await remove();
			throw storeError(`make snapshot ${id}`, error);
		}
	}

	async view(id: SnapshotId): Promise<Descriptor> {
		if (this.info(id)?.state !== 'committed') {
			throw snapshotNotFound(id);
		}

		return mountTree(snapshotDirectories(this.#root, id), {readOnly: true});
	}

	info(id: SnapshotId): SnapshotInfo | undefined {
		return findSnapshot(this.#metadata, id);
	}

	chain(id: SnapshotId): readonly SnapshotId[] {
		return snapshotChain(this.#metadata, id);
	}

	changes(id: SnapshotId): SnapshotChanges {
		const {directory, changes} = snapshotDirectories(this.#root, id);
		return {kind: 'tree', directory: changes, copiedAt: readCopyMark(directory)};
	}

	async remove(id: SnapshotId): Promise<void> {
		deleteSnapshot(this.#metadata, id, {session: this.#session.id});
		await removeTree(snapshotDirectories(this.#root, id).directory);
	}
}

type ActiveCopyParts = {
	readonly id: SnapshotId;
	readonly directories: SnapshotDirectories;
	readonly commit: (options: CommitOptions) => void;
	readonly remove: () => Promise<void>;
};

class ActiveCopy implements ActiveSnapshot {
	readonly #parts: ActiveCopyParts;
	#isOver = false;
	readonly id: SnapshotId;
	readonly changesDirectory: string;

	constructor(parts: ActiveCopyParts) {
		this.#parts = parts;
		this.id = parts.id;
		this.changesDirectory = parts.directories.work;
	}

	#assertActive(): void {
		if (this.#isOver) {
			throw new TypeError(`snapshot ${this.id} is not active any more`);
		}
	}

	async #takeInChanges(): Promise<void> {
		const {changes, work} = this.#parts.directories;
		await mergeChanges({changes: work, tree: changes});
		await removeTree(work);
	}

	get overlayAttributes() {
		return 'none' as const;
	}

	async mount(): Promise<Descriptor> {
		this.#assertActive();
		await this.#takeInChanges();
		mkdirSync(this.changesDirectory);
		return mountTree(this.#parts.directories, {readOnly: false});
	}

	async seal(): Promise<void> {
		this.#assertActive();
		await this.#takeInChanges();
	}

	async commit(options: CommitOptions): Promise<SnapshotId> {
		this.#assertActive();
		// From now on, disposing does nothing, also when it does not wait for the commit.
		this.#isOver = true;
		try {
			// Before the row changes: after a crash in between it is still an active snapshot, and swept.
			await this.#takeInChanges();
			this.#parts.commit(options);
			return this.id;
		} catch (error) {
			this.#isOver = false;
			throw error;
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#isOver) {
			return;
		}

		this.#isOver = true;
		await this.#parts.remove();
	}
}

// The file system of the store may be mounted so that programs do not run; those of an image do.
function mountTree({changes}: SnapshotDirectories, {readOnly}: {readonly readOnly: boolean}): Descriptor {
	const mount = cloneMount(changes, {readOnly, recursive: false});
	try {
		liftRestrictions(mount);
		return mount;
	} catch (error) {
		mount.close();
		throw error;
	}
}
