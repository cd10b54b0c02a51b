import type {BigIntStats} from 'node:fs';
import type {Metadata} from './metadata.ts';

// Coarser than the clock of any file system that people build on; FAT counts in steps of 2 s.
export const settlingMilliseconds = 2000;

// About 50 MB of database.
const maximumRows = 500_000;

/** What is in a file, besides what its status says. */
export type FileContent = {
	/** Of its bytes, hexadecimal. */
	readonly sha256: string;
	/** Its extended attributes, as text. */
	readonly attributes: string;
};

type Finding = FileContent & {readonly status: BigIntStats};

/**
Remembers what was in the host's files, so that a file of the build context that has not changed is not read again.

A file is the same when its device, inode, size, time of modification and time of status change are. The last of these cannot be set by a program. It does not catch a file that is changed through a memory mapping while it is read; neither does `git status`.
*/
export class FileDigests implements Disposable {
	readonly #metadata: Metadata;
	#findings: Finding[] = [];

	constructor(metadata: Metadata) {
		this.#metadata = metadata;
	}

	/** What is in a file, if it is known for this state. */
	find(status: BigIntStats): FileContent | undefined {
		const row = this.#metadata
			.statement('SELECT sha256, attributes FROM file_digests WHERE device = ? AND inode = ? AND size = ? AND modified_at = ? AND changed_at = ?')
			.get(...stateOf(status));
		return row as FileContent | undefined;
	}

	/**
	Takes note of a file that was read whole. It is kept only when the file had been at rest before: a change within the same tick of the clock would not be seen later.

	`readAt` is when the reading began, in milliseconds since the epoch.
	*/
	remember(status: BigIntStats, content: FileContent, readAt: number): void {
		const newest = Math.max(Number(status.mtimeMs), Number(status.ctimeMs));
		if (newest + settlingMilliseconds < readAt) {
			this.#findings.push({...content, status});
		}
	}

	/** Writes what was noted into the store, in one transaction. */
	[Symbol.dispose](): void {
		const findings = this.#findings;
		this.#findings = [];
		if (findings.length === 0) {
			return;
		}

		this.#metadata.transaction(() => {
			const insert = this.#metadata.statement('INSERT OR REPLACE INTO file_digests (device, inode, size, modified_at, changed_at, sha256, attributes) VALUES (?, ?, ?, ?, ?, ?, ?)');
			for (const {status, sha256, attributes} of findings) {
				insert.run(...stateOf(status), sha256, attributes);
			}

			// A replaced row is a new one, so the oldest are those of files that have not changed for longest: they are read once more.
			this.#metadata.statement('DELETE FROM file_digests WHERE rowid <= (SELECT max(rowid) FROM file_digests) - ?').run(maximumRows);
		});
	}
}

function stateOf({dev, ino, size, mtimeNs, ctimeNs}: BigIntStats): [bigint, bigint, bigint, bigint, bigint] {
	// SQLite's integers have a sign, inodes of some file systems use all 64 bits.
	return [dev, ino, size, mtimeNs, ctimeNs].map(value => BigInt.asIntN(64, value)) as [bigint, bigint, bigint, bigint, bigint];
}
