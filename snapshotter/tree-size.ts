import {Buffer} from 'node:buffer';
import {
	fstatSync,
	lstatSync,
	readdirSync,
	type Stats,
} from 'node:fs';
import {errorCode} from '../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {openFile} from '../src/linux/open-file.ts';

// What a directory is opened as: never through a symbolic link.
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// The unit of st_blocks, whatever that of the file system is. https://man7.org/linux/man-pages/man3/stat.3type.html
const blockSize = 512;

// Smaller files may be kept without a block: https://docs.kernel.org/filesystems/ext4/overview.html#inline-data
const smallestSparseSize = 4096;

/**
The bytes of a directory tree, as `du --apparent-size` counts them: a file with several names once, no symbolic link followed. Of a file with holes only what is on the disk counts.

Made for trees that hostile programs have filled, but that are at rest. They may be as deep as they like.

@returns 0 when there is no such directory, or when it is being removed
*/
export function treeSize(directory: string): number {
	try {
		using walk = new SizeWalk(openFile(undefined, directory, {flags: directoryFlags}));
		while (walk.step()) {
			// Each step counts a directory.
		}

		return walk.bytes;
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return 0;
		}

		throw error;
	}
}

/** A directory on the way down. */
type Level = {
	readonly identity: string;
	/** Names of directories that are still to be visited. */
	readonly remaining: Buffer[];
};

/** Goes down by name and up by `..`, so that one descriptor does for any depth. */
class SizeWalk implements Disposable {
	#directory: Descriptor;
	readonly #levels: Level[] = [];
	/** The files with several names that were counted. */
	readonly #counted = new Set<string>();
	bytes = 0;

	constructor(directory: Descriptor) {
		this.#directory = directory;
		this.#enter();
	}

	/** Counts what is in the directory, besides the directories in it, and the directory itself. */
	#enter(): void {
		const status = fstatSync(this.#directory.number);
		this.bytes += status.size;
		const remaining: Buffer[] = [];
		for (const entry of readdirSync(this.#directory.path, {withFileTypes: true, encoding: 'buffer'})) {
			if (entry.isDirectory()) {
				remaining.push(entry.name);
			} else {
				this.#count(entry.name);
			}
		}

		this.#levels.push({identity: identityOf(status), remaining});
	}

	#count(name: Buffer): void {
		const status = lstatSync(Buffer.concat([Buffer.from(`${this.#directory.path}/`), name]), {throwIfNoEntry: false});
		if (status === undefined || (status.nlink > 1 && this.#counted.has(identityOf(status)))) {
			return;
		}

		this.bytes += fileSize(status);
		if (status.nlink > 1) {
			this.#counted.add(identityOf(status));
		}
	}

	#moveTo(name: Buffer | string): void {
		const directory = openFile(this.#directory, name, {flags: directoryFlags});
		this.#directory.close();
		this.#directory = directory;
	}

	#leave(parent: Level): void {
		this.#moveTo('..');
		if (identityOf(fstatSync(this.#directory.number)) !== parent.identity) {
			throw new Error('failed to measure directory: it was moved meanwhile');
		}
	}

	/** Goes on to the next directory; tells whether there was one. */
	step(): boolean {
		const next = this.#levels.at(-1)!.remaining.pop();
		if (next !== undefined) {
			this.#moveTo(next);
			this.#enter();
			return true;
		}

		this.#levels.pop();
		const parent = this.#levels.at(-1);
		if (parent !== undefined) {
			this.#leave(parent);
		}

		return parent !== undefined;
	}

	[Symbol.dispose](): void {
		this.#directory.close();
	}
}

/** The bytes of one file; see `treeSize`. */
export function fileSize(status: Stats): number {
	return status.isFile() && status.size > smallestSparseSize ? Math.min(status.size, status.blocks * blockSize) : status.size;
}

function identityOf({dev, ino}: Stats): string {
	return `${dev}:${ino}`;
}
