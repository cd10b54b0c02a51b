import type {Descriptor} from '../src/linux/descriptor.ts';
import type {OverlayAttributes} from './whiteout.ts';

/*
Snapshots are directory trees stacked on each other. A build step prepares an active snapshot on a parent, changes its tree, and commits it; from then on it never changes and can be a parent itself.

	await using active = await snapshotter.prepare(parent);   // removed again unless committed
	using root = await active.mount();                         // parent and changes, merged, writable
	...write through root.path...
	const child = await active.commit({description: '[2/3] RUN make'});

	using view = await snapshotter.view(child);                // the same tree, read-only

A mount is a descriptor of a detached mount: it is in no mount table, is read through `/proc/self/fd/N`, can be attached by a container's init, and is gone with the process.

Rules
- Ids are small integers of one store. They are no digests: what a snapshot holds is said by the layers table (chain IDs) and the cache records.
- `prepare`, `commit` and `remove` are one transaction each: after a crash there is either a whole committed snapshot, or an active one which the next sweep removes with its session.
- A snapshot with children is not removed.
*/

declare const snapshotIdBrand: unique symbol;
export type SnapshotId = number & {readonly [snapshotIdBrand]: true};

export type SnapshotInfo = {
	readonly id: SnapshotId;
	readonly parent: SnapshotId | undefined;
	readonly state: 'active' | 'committed';
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
	readonly description: string;
};

/** What a snapshot's own tree changed against its parent, as the layer diff needs it. */
export type SnapshotChanges =
	/** Overlay: a directory with whiteouts and opaque marks as an overlay with such attributes writes them. */
	| {readonly kind: 'overlay-upper'; readonly directory: string; readonly attributes: OverlayAttributes}
	/** Native: the whole tree, which shows its changes beside that of the parent. `copiedAt` is when it was copied from there, by the clock of its file system in nanoseconds, if that is known. */
	| {readonly kind: 'tree'; readonly directory: string; readonly copiedAt: bigint | undefined};

/** What a snapshot is said to be. */
export type CommitOptions = {
	/** For people. */
	readonly description: string;
	/** It holds files of a git repository, which are easily fetched again: they are the first to go when garbage is collected. */
	readonly isCheckout?: boolean;
};

export type ActiveSnapshot = AsyncDisposable & {
	readonly id: SnapshotId;
	/**
	The merged tree, writable. The caller closes it before `commit`.

	`mountPoints` are regular files that are seen, empty, where the tree has none, so that something can be mounted on them. They are no part of the snapshot. Paths are relative, such as `etc/hosts`. Where a snapshotter cannot show what is not there, the caller makes them itself.
	*/
	mount(options?: {readonly mountPoints?: readonly string[]}): Promise<Descriptor>;
	/** The directory that takes the changes, for a layer that is applied without reading the parent. */
	readonly changesDirectory: string;
	/** How whiteouts are written there. */
	readonly overlayAttributes: OverlayAttributes;
	/** Brings the files into their final form, without saying so in the store: nothing may change them any more, and what has not been committed or taken over goes by disposing. */
	seal(): Promise<void>;
	/** Seals the snapshot and makes it immutable; disposing afterwards does nothing. */
	commit(options: CommitOptions): Promise<SnapshotId>;
};

export type Snapshotter = {
	readonly name: 'overlay' | 'native';
	prepare(parent: SnapshotId | undefined): Promise<ActiveSnapshot>;
	/** The merged tree of a committed snapshot, read-only. */
	view(id: SnapshotId): Promise<Descriptor>;
	info(id: SnapshotId): SnapshotInfo | undefined;
	/** From the lowest to `id` itself. */
	chain(id: SnapshotId): readonly SnapshotId[];
	changes(id: SnapshotId): SnapshotChanges;
	/**
	@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_IN_USE` when another snapshot stands on it
	*/
	remove(id: SnapshotId): Promise<void>;
};
