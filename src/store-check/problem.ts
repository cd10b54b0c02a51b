import type {Digest} from '../kernel/digest.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';

/** What is taken out or made again, so that a store is whole. */
export type Remedy =
	| {readonly kind: 'remove-blob'; readonly digest: Digest; readonly inode: bigint}
	/** With all that stand on it, and the cache records that give them. */
	| {readonly kind: 'remove-snapshot'; readonly snapshot: SnapshotId}
	| {readonly kind: 'forget-layer'; readonly snapshot: SnapshotId}
	| {readonly kind: 'remove-record'; readonly record: number}
	| {readonly kind: 'remove-rows'; readonly table: string; readonly column: string; readonly value: string}
	| {readonly kind: 'remove-image'; readonly name: string; readonly manifest: Digest}
	| {readonly kind: 'remove-file'; readonly path: string}
	| {readonly kind: 'make-empty-directory'; readonly path: string}
	/** The files of the image layout: they tell other programs what the table of images says. */
	| {readonly kind: 'write-layout'}
	/** The images get their names back from the layout's index; all cache is lost. */
	| {readonly kind: 'make-database'}
	| {readonly kind: 'write-format'}
	| {readonly kind: 'make-directory'; readonly path: string}
	/** Only the user can do something about it. */
	| {readonly kind: 'none'};

/** Something in a store that is not as it has to be. */
export type Problem = {
	/** What is wrong, such as `blob sha256:...` or `snapshot 4`. */
	readonly subject: string;
	/** In what way. */
	readonly reason: string;
	readonly remedy: Remedy;
};

/** A problem that was found and, if that was asked for, what came of it. */
export type CheckedProblem = Problem & {
	/** Undefined when nothing was done about it. */
	readonly outcome?: RepairOutcome | undefined;
};

/** What became of a problem. */
export type RepairOutcome = {
	readonly isRepaired: boolean;
	/** One line for the user. */
	readonly text: string;
};

/** How much a check has looked at. */
export type CheckCounts = {
	blobs: number;
	/** Bytes of all blobs. */
	blobBytes: number;
	snapshots: number;
	/** Those whose files were compared with their layer. */
	comparedSnapshots: number;
	layers: number;
	records: number;
	keys: number;
	leases: number;
	sessions: number;
	images: number;
	cacheMounts: number;
	httpFiles: number;
};

/** The counts before anything has been looked at. */
export function emptyCounts(): CheckCounts {
	return {
		blobs: 0, blobBytes: 0, snapshots: 0, comparedSnapshots: 0, layers: 0, records: 0, keys: 0, leases: 0, sessions: 0, images: 0, cacheMounts: 0, httpFiles: 0,
	};
}
