import {renameSync} from 'node:fs';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {errorCode} from '../src/kernel/errors.ts';
import {bootId} from './boot-id.ts';
import type {ContentStore} from './content-store.ts';
import {KeyedLock} from './keyed-lock.ts';
import type {Metadata} from './metadata.ts';
import {fillPackedSnapshot, packedSnapshots, type PackedSnapshot} from './packed-rows.ts';
import {exactTimes} from './packed-times.ts';
import {removeTree} from './remove-tree.ts';
import type {Session} from './session.ts';
import {snapshotDirectories} from './snapshot-directories.ts';
import type {
	ActiveSnapshot,
	SnapshotChanges,
	SnapshotId,
	SnapshotInfo,
	Snapshotter,
} from './snapshotter.ts';

/** What packed snapshots are unpacked with. */
export type UnpackingOptions = {
	/** The root directory of the store. */
	readonly root: string;
	readonly metadata: Metadata;
	readonly content: ContentStore;
	readonly session: Session;
};

/**
Adds packed snapshots to a snapshotter: where somebody needs the files of one, it is unpacked, with all that it stands on.

It may happen in several processes at once, and each of them may be killed. Files are made in a snapshot of their own; the one transaction that says that the packed snapshot has files moves them there. Who comes second throws its own away.
*/
export function createUnpackingSnapshotter(snapshotter: Snapshotter, options: UnpackingOptions): Snapshotter {
	return new UnpackingSnapshotter(snapshotter, options);
}

class UnpackingSnapshotter implements Snapshotter {
	readonly #snapshotter: Snapshotter;
	readonly #options: UnpackingOptions;
	readonly #lock = new KeyedLock<SnapshotId>();

	constructor(snapshotter: Snapshotter, options: UnpackingOptions) {
		this.#snapshotter = snapshotter;
		this.#options = options;
	}

	async #unpackAll(id: SnapshotId): Promise<void> {
		for (const packed of packedSnapshots(this.#options.metadata, id)) {
			using _lock = await this.#lock.acquire(packed.id);
			await this.#unpack(packed);
		}
	}

	async #unpack({id, parent, blob, times}: PackedSnapshot): Promise<void> {
		const {metadata, content} = this.#options;
		// Somebody of this process may have done it while the lock was waited for.
		if (packedSnapshots(metadata, id).length === 0) {
			return;
		}

		const from = await this.#apply(content.read(blob.digest, {size: blob.size}), {parentId: parent, times});
		const isFilled = await this.#fill(id, from);
		if (!isFilled) {
			await this.#snapshotter.remove(from);
		}
	}

	async #apply(layer: AsyncIterable<Uint8Array>, {parentId, times}: {readonly parentId: SnapshotId | undefined; readonly times: Uint8Array}): Promise<SnapshotId> {
		await using active = await this.#snapshotter.prepare(parentId);
		using parent = parentId === undefined ? undefined : await this.#snapshotter.view(parentId);
		const {applyLayer} = await import('./apply.ts');
		await applyLayer(layer, {
			into: active.changesDirectory, overlayAttributes: active.overlayAttributes, parent, restore: exactTimes(times),
		});
		return await active.commit({description: 'unpack layer'});
	}

	async #fill(id: SnapshotId, from: SnapshotId): Promise<boolean> {
		const {root, metadata, session} = this.#options;
		const abandoned = session.temporaryFile();
		const place = snapshotDirectories(root, id).directory;
		const isFilled = fillPackedSnapshot(metadata, id, {
			from,
			bootId: bootId(),
			moveFiles() {
				// Left by a process that was killed before the end of its transaction: nobody can use it, but it may be damaged.
				renameIfThere(place, abandoned);
				renameSync(snapshotDirectories(root, from).directory, place);
			},
		});
		await removeTree(abandoned);
		return isFilled;
	}

	get name() {
		return this.#snapshotter.name;
	}

	async prepare(parent: SnapshotId | undefined): Promise<ActiveSnapshot> {
		if (parent !== undefined) {
			await this.#unpackAll(parent);
		}

		return this.#snapshotter.prepare(parent);
	}

	async view(id: SnapshotId): Promise<Descriptor> {
		await this.#unpackAll(id);
		return this.#snapshotter.view(id);
	}

	info(id: SnapshotId): SnapshotInfo | undefined {
		return this.#snapshotter.info(id);
	}

	chain(id: SnapshotId): readonly SnapshotId[] {
		return this.#snapshotter.chain(id);
	}

	changes(id: SnapshotId): SnapshotChanges {
		return this.#snapshotter.changes(id);
	}

	async remove(id: SnapshotId): Promise<void> {
		await this.#snapshotter.remove(id);
	}
}

function renameIfThere(from: string, to: string): void {
	try {
		renameSync(from, to);
	} catch (error) {
		if (errorCode(error) !== 'ENOENT') {
			throw error;
		}
	}
}
