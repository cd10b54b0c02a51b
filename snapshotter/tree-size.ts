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

/**
The bytes that a directory tree takes on its disk, as du(1) counts them: a file with several names once, holes not at all, no symbolic link followed.

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
		this.bytes += status.blocks * blockSize;
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

		this.bytes += status.blocks * blockSize;
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

function identityOf({dev, ino}: Stats): string {
	return `${dev}:${ino}`;
}
