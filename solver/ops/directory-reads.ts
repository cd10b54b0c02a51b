import {Buffer} from 'node:buffer';
import {posix} from 'node:path';
import {receivedSize} from '../../src/kernel/transfer-size.ts';
import {FileDigests} from '../../snapshotter/file-digests.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {VisitedEntry} from '../../snapshotter/tree-hash.ts';

type Status = VisitedEntry['status'];

type Read = Pick<VisitedEntry, 'status' | 'isRead'>;

/** What a build takes of a directory of the client: every file that counts, and which of them had to be read. */
export class DirectoryReads implements Disposable {
	readonly #reads = new Map<string, Read>();
	/** Each file as it was when it was digested, by device and inode; `undefined` when it was different at different times. */
	readonly #states = new Map<string, Status | undefined>();
	/** Spares the reading of files that have not changed since an earlier build. */
	readonly fileDigests: FileDigests;

	constructor(metadata: Metadata) {
		this.fileDigests = new FileDigests(metadata);
	}

	/** Takes note of an entry by its path in the directory; one that is taken twice counts once. */
	add(path: string, {status, isRead}: Read): void {
		const inode = inodeOf(status);
		this.#states.set(inode, !this.#states.has(inode) || this.isUnchanged(status) ? status : undefined);
		const relative = posix.relative('/', posix.resolve('/', path));
		if (relative !== '') {
			this.#reads.set(relative, {status, isRead: isRead || this.#reads.get(relative)?.isRead === true});
		}
	}

	/** Whether a file is what it was when it was digested; of a directory, whether it has the same entries. */
	isUnchanged(status: Status): boolean {
		const known = this.#states.get(inodeOf(status));
		return (['size', 'mode', 'mtimeNs', 'ctimeNs'] as const).every(name => known?.[name] === status[name]);
	}

	/** In bytes, as BuildKit would count them if it received these files. */
	get size(): number {
		return receivedSize(this.#reads.entries().toArray().toSorted(byPath).map(([path, {status, isRead}]) => ({
			pathLength: Buffer.byteLength(path),
			linkLength: status.isSymbolicLink() ? Number(status.size) : 0,
			mode: Number(status.mode),
			uid: 0,
			gid: 0,
			size: Number(status.size),
			modifiedAt: status.mtimeNs,
			isKnown: !isRead,
		})));
	}

	[Symbol.dispose](): void {
		this.fileDigests[Symbol.dispose]();
	}
}

function inodeOf({dev, ino}: Status): string {
	return `${dev}:${ino}`;
}

function byPath([left]: readonly [string, Read], [right]: readonly [string, Read]): number {
	return left < right ? -1 : Number(left > right);
}
