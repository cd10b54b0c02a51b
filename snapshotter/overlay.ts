import type {Descriptor} from '../src/linux/descriptor.ts';
import {createDetachedOverlay} from '../src/linux/detached-overlay.ts';
import {bootId} from './boot-id.ts';
import type {Metadata} from './metadata.ts';
import {removeTree} from './remove-tree.ts';
import type {Session} from './session.ts';
import {
	emptyDirectory,
	makeMountPointLayer,
	makeSnapshotDirectories,
	snapshotDirectories,
	type SnapshotDirectories,
} from './snapshot-directories.ts';
import {
	commitSnapshot,
	deleteSnapshot,
	findSnapshot,
	insertActiveSnapshot,
	snapshotChain,
	snapshotNotFound,
} from './snapshot-rows.ts';
import {storeError} from './store-error.ts';
import type {
	ActiveSnapshot,
	CommitOptions,
	SnapshotChanges,
	SnapshotId,
	SnapshotInfo,
	Snapshotter,
} from './snapshotter.ts';
import {overlayAttributesHere, type OverlayAttributes} from './whiteout.ts';

/** What a snapshotter works with. */
export type SnapshotterOptions = {
	/** The root directory of the store. */
	readonly root: string;
	readonly metadata: Metadata;
	/** Owns what is active. */
	readonly session: Session;
};

/**
Snapshots by overlayfs: each keeps its own changes in `snapshots/<id>/fs`, and the kernel merges those of a chain.

@see https://docs.kernel.org/filesystems/overlayfs.html
*/
export function createOverlaySnapshotter(options: SnapshotterOptions): Snapshotter {
	return new OverlaySnapshotter(options);
}

class OverlaySnapshotter implements Snapshotter {
	readonly #root: string;
	readonly #metadata: Metadata;
	readonly #session: Session;
	readonly #attributes = overlayAttributesHere();
	#mountPointLayer: Promise<string> | undefined;

	constructor({root, metadata, session}: SnapshotterOptions) {
		this.#root = root;
		this.#metadata = metadata;
		this.#session = session;
	}

	// Made once for each process: a store of an earlier version may lack it.
	async #mountPointLayers(files: readonly string[]): Promise<readonly string[]> {
		if (files.length === 0) {
			return [];
		}

		this.#mountPointLayer ??= makeMountPointLayer(this.#root, files);
		return [await this.#mountPointLayer];
	}

	// The trees of a chain, the uppermost first.
	#treesOf(id: SnapshotId): readonly string[] {
		return this.chain(id).toReversed().map(member => snapshotDirectories(this.#root, member).changes);
	}

	// The empty layer makes an overlay of what would be a bind mount: in that, whiteouts would be devices, and a step could make some.
	async #mountTrees(lowerDirectories: readonly string[], writable?: SnapshotDirectories): Promise<Descriptor> {
		return createDetachedOverlay({
			lowerDirectories: lowerDirectories.length > 1 ? lowerDirectories : [...lowerDirectories, emptyDirectory(this.#root)],
			...(writable && {upperDirectory: writable.changes, workDirectory: writable.work}),
			userxattr: this.#attributes === 'user',
		});
	}

	// The files first: on a full disk, the metadata can be changed only after that. Nobody else knows the snapshot.
	async #removeActive(id: SnapshotId): Promise<void> {
		await removeTree(snapshotDirectories(this.#root, id).directory);
		deleteSnapshot(this.#metadata, id, {session: this.#session.id});
	}

	get name() {
		return 'overlay' as const;
	}

	async prepare(parent: SnapshotId | undefined): Promise<ActiveSnapshot> {
		const session = this.#session.id;
		const id = insertActiveSnapshot(this.#metadata, {parent, session});
		const remove = async () => this.#removeActive(id);
		try {
			const directories = await makeSnapshotDirectories(this.#root, id, parent);
			const lowerDirectories = parent === undefined ? [] : this.#treesOf(parent);
			const mount = async (mountPoints: readonly string[]) => this.#mountTrees([...lowerDirectories, ...await this.#mountPointLayers(mountPoints)], directories);
			const commit = (options: CommitOptions) => {
				commitSnapshot(this.#metadata, id, {...options, session, bootId: bootId()});
			};

			return new ActiveOverlay({
				id,
				overlayAttributes: this.#attributes,
				directories,
				mount,
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

		return this.#mountTrees(this.#treesOf(id));
	}

	info(id: SnapshotId): SnapshotInfo | undefined {
		return findSnapshot(this.#metadata, id);
	}

	chain(id: SnapshotId): readonly SnapshotId[] {
		return snapshotChain(this.#metadata, id);
	}

	changes(id: SnapshotId): SnapshotChanges {
		return {kind: 'overlay-upper', directory: snapshotDirectories(this.#root, id).changes, attributes: this.#attributes};
	}

	async remove(id: SnapshotId): Promise<void> {
		deleteSnapshot(this.#metadata, id, {session: this.#session.id});
		await removeTree(snapshotDirectories(this.#root, id).directory);
	}
}

type ActiveOverlayParts = {
	readonly id: SnapshotId;
	readonly overlayAttributes: OverlayAttributes;
	readonly directories: SnapshotDirectories;
	readonly mount: (mountPoints: readonly string[]) => Promise<Descriptor>;
	readonly commit: (options: CommitOptions) => void;
	readonly remove: () => Promise<void>;
};

class ActiveOverlay implements ActiveSnapshot {
	readonly #parts: ActiveOverlayParts;
	#isOver = false;
	readonly id: SnapshotId;
	readonly overlayAttributes: OverlayAttributes;
	readonly changesDirectory: string;

	constructor(parts: ActiveOverlayParts) {
		this.#parts = parts;
		this.id = parts.id;
		this.overlayAttributes = parts.overlayAttributes;
		this.changesDirectory = parts.directories.changes;
	}

	#assertActive(): void {
		if (this.#isOver) {
			throw new TypeError(`snapshot ${this.id} is not active any more`);
		}
	}

	async mount({mountPoints = []}: {readonly mountPoints?: readonly string[]} = {}): Promise<Descriptor> {
		this.#assertActive();
		return this.#parts.mount(mountPoints);
	}

	async seal(): Promise<void> {
		this.#assertActive();
		await removeTree(this.#parts.directories.work);
	}

	async commit(options: CommitOptions): Promise<SnapshotId> {
		this.#assertActive();
		// From now on, disposing does nothing, also when it does not wait for the commit.
		this.#isOver = true;
		try {
			// Before the row changes: after a crash in between it is still an active snapshot, and swept.
			await removeTree(this.#parts.directories.work);
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
