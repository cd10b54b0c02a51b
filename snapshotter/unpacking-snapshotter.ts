import {renameSync} from 'node:fs';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {errorCode, TsbuildError} from '../src/kernel/errors.ts';
import type {LateWork} from '../src/kernel/late-work.ts';
import {mediaTypes} from '../src/kernel/oci-types.ts';
import {bootId} from './boot-id.ts';
import type {ContentStore} from './content-store.ts';
import {maximumUnpackedSize} from './decompression-limit.ts';
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
	/** Told before a snapshot is made: it may refuse. */
	readonly beforeWriting?: ((size: number) => Promise<void>) | undefined;
};

/**
Adds packed snapshots to a snapshotter: where somebody needs the files of one, it is unpacked, with all that it stands on.

It may happen in several processes at once, and each of them may be killed. Files are made in an active snapshot; the one transaction that says that the packed snapshot has files takes them from there. Who comes second throws its own away, and that of a killed process is swept.
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
		const {metadata, content} = this.#options;
		const packed = packedSnapshots(metadata, id);
		// From the first download to the end of the last one it is one work, not several.
		using works = new DisposableStack();
		const told = packed.map(({blob}) => works.use(content.beginWork(blob.digest)));
		await bringAll(packed, content);
		for (const [index, snapshot] of packed.entries()) {
			using _lock = await this.#lock.acquire(snapshot.id);
			// Somebody of this process may have done it while the lock was waited for.
			if (packedSnapshots(metadata, snapshot.id).length > 0) {
				await this.#unpackAsPartOf(told[index], snapshot);
			}
		}
	}

	async #unpackAsPartOf(work: LateWork | undefined, snapshot: PackedSnapshot): Promise<void> {
		// Without sizes, as BuildKit shows it.
		const extracting = {id: `extracting ${snapshot.blob.digest}`, current: 0, total: 0};
		work?.status(extracting);
		await this.#unpack(snapshot);
		work?.status({...extracting, completed: true});
	}

	async #unpack({id, parent: parentId, diffId, blob, times}: PackedSnapshot): Promise<void> {
		const {content} = this.#options;
		await using active = await this.#snapshotter.prepare(parentId);
		using parent = parentId === undefined ? undefined : await this.#snapshotter.view(parentId);
		const [{applyLayer}, {decompressed}] = await Promise.all([import('./apply.ts'), import('./decompress.ts')]);
		const maximumSize = maximumUnpackedSize(blob.size);
		const bytes = content.read(blob.digest, {size: blob.size});
		// One of ours may begin with any name, also with what looks like compressed data.
		const tar = blob.mediaType === mediaTypes.layer ? bytes : decompressed(bytes, {maximumSize});
		const applied = await applyLayer(tar, {
			into: active.changesDirectory, overlayAttributes: active.overlayAttributes, parent, restore: exactTimes(times), maximumSize,
		});
		if (applied.diffId !== diffId) {
			throw new TsbuildError('ERR_TSBUILD_LAYER', `failed to unpack layer ${blob.digest}: its content has the diff ID ${applied.diffId} instead of ${diffId}`);
		}

		await active.seal();
		await this.#fill(id, active.id);
	}

	async #fill(id: SnapshotId, from: SnapshotId): Promise<void> {
		const {root, metadata, session} = this.#options;
		const abandoned = session.temporaryFile();
		const place = snapshotDirectories(root, id).directory;
		fillPackedSnapshot(metadata, id, {
			from,
			bootId: bootId(),
			moveFiles() {
				// Left by a process that was killed before the end of its transaction: nobody can use it, but it may be damaged.
				renameIfThere(place, abandoned);
				renameSync(snapshotDirectories(root, from).directory, place);
			},
		});
		await removeTree(abandoned);
	}

	get name() {
		return this.#snapshotter.name;
	}

	async prepare(parent: SnapshotId | undefined): Promise<ActiveSnapshot> {
		if (parent !== undefined) {
			await this.#unpackAll(parent);
		}

		await this.#options.beforeWriting?.(0);
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

	// Only who misses the layer of a snapshot asks for the files that it could be made of again.
	changes(id: SnapshotId): SnapshotChanges {
		const packed = packedSnapshots(this.#options.metadata, id).at(-1);
		if (packed !== undefined) {
			throw new TsbuildError('ERR_TSBUILD_CONTENT_NOT_FOUND', `failed to find blob ${packed.blob.digest}`);
		}

		return this.#snapshotter.changes(id);
	}

	async remove(id: SnapshotId): Promise<void> {
		await this.#snapshotter.remove(id);
	}
}

/** All at once, where they are somewhere else. When one cannot be had the others are given up, and nothing is on its way any more. */
async function bringAll(packed: readonly PackedSnapshot[], content: ContentStore): Promise<void> {
	const failure = new AbortController();
	await Promise.all(packed.map(async ({blob}) => {
		try {
			await content.bring(blob.digest, {signal: failure.signal});
		} catch (error) {
			failure.abort(error);
		}
	}));
	failure.signal.throwIfAborted();
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
