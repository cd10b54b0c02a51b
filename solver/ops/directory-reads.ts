import {Buffer} from 'node:buffer';
import {receivedSize, type TransferredFile} from '../../src/kernel/transfer-size.ts';
import {FileDigests} from '../../snapshotter/file-digests.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import {TreeDigests} from '../../snapshotter/tree-digests.ts';
import type {VisitedEntry} from '../../snapshotter/tree-hash.ts';
import type {TreeState} from '../../snapshotter/tree-state.ts';

type Status = VisitedEntry['status'];

type Read = Pick<VisitedEntry, 'status' | 'isRead'>;

/** What a build takes of a directory of the client: every file that counts, and which of them had to be read. */
export class DirectoryReads implements Disposable {
	/** By path, without slashes around it. */
	readonly #reads = new Map<string, Read>();
	/** Trees of which nothing was read, by their path. They are much smaller than their entries. */
	#trees: Array<{readonly path: string; readonly state: TreeState}> = [];
	/** Each file as it was when it was digested, by device and inode; `undefined` when it was different at different times. */
	readonly #states = new Map<string, Status | undefined>();
	/** Spares the reading of files that have not changed since an earlier build. */
	readonly fileDigests: FileDigests;
	/** Spares the same for whole trees. */
	readonly treeDigests: TreeDigests;

	constructor(metadata: Metadata) {
		this.fileDigests = new FileDigests(metadata);
		this.treeDigests = new TreeDigests(metadata);
	}

	* #transferredFiles(): Generator<TransferredFile, void> {
		const [tree] = this.#trees;
		// The usual case by far: one tree, of which nothing has changed.
		if (tree !== undefined && this.#trees.length === 1 && this.#reads.size === 0) {
			for (const entry of tree.state.entries()) {
				const path = joinRelative(tree.path, entry.relativePath);
				if (path !== '') {
					yield transferredFile(path, entry);
				}
			}

			return;
		}

		this.#addTreeEntries();
		for (const [path, read] of this.#reads.entries().toArray().toSorted(byPath)) {
			yield transferredFile(path, read);
		}
	}

	#addTreeEntries(): void {
		const trees = this.#trees;
		this.#trees = [];
		for (const {path, state} of trees) {
			for (const entry of state.entries()) {
				this.add(joinRelative(path, entry.relativePath), entry);
			}
		}
	}

	/** Takes note of an entry by its path in the directory, without slashes around it; one that is taken twice counts once. */
	add(path: string, read: Read): void {
		const {status} = read;
		const inode = inodeOf(status);
		this.#states.set(inode, !this.#states.has(inode) || isSame(this.#states.get(inode), status) ? status : undefined);
		if (path !== '' && this.#reads.get(path)?.isRead !== true) {
			this.#reads.set(path, read);
		}
	}

	/** Takes note of all entries of a tree by the path of that. */
	addTree(path: string, state: TreeState): void {
		this.#trees.push({path, state});
	}

	/** Whether a file is what it was when it was digested; of a directory, whether it has the same entries. */
	isUnchanged(status: Status): boolean {
		this.#addTreeEntries();
		return isSame(this.#states.get(inodeOf(status)), status);
	}

	/** In bytes, as BuildKit would count them if it received these files. */
	get size(): number {
		return receivedSize(this.#transferredFiles());
	}

	[Symbol.dispose](): void {
		this.fileDigests[Symbol.dispose]();
	}
}

/** The path of an entry of a tree that has a path itself; no path has slashes around it, and either may be empty. */
export function joinRelative(path: string, relativePath: string): string {
	return path === '' || relativePath === '' ? path + relativePath : `${path}/${relativePath}`;
}

function transferredFile(path: string, {status, isRead}: Read): TransferredFile {
	return {
		pathLength: Buffer.byteLength(path),
		linkLength: status.isSymbolicLink() ? Number(status.size) : 0,
		mode: Number(status.mode),
		uid: 0,
		gid: 0,
		size: Number(status.size),
		modifiedAt: status.mtimeNs,
		isKnown: !isRead,
	};
}

function isSame(known: Status | undefined, status: Status): boolean {
	return (['size', 'mode', 'mtimeNs', 'ctimeNs'] as const).every(name => known?.[name] === status[name]);
}

function inodeOf({dev, ino}: Status): string {
	return `${dev}:${ino}`;
}

function byPath([left]: readonly [string, Read], [right]: readonly [string, Read]): number {
	return left < right ? -1 : Number(left > right);
}
