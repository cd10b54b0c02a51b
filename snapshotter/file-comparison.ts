import {Buffer} from 'node:buffer';
import {
	closeSync,
	openSync,
	readSync,
	type BigIntStats,
} from 'node:fs';
import {O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {nameBytes, type Name} from '../src/linux/name.ts';
import {
	pathIn,
	readFileAttributes,
	statusIn,
	type FileAttributes,
} from './file-attributes.ts';
import {haveSameAttributes} from './layer-entry.ts';

const nanosecondsPerSecond = 1_000_000_000n;
const compareSize = 0x4_00_00;

/** A directory, and the same in the tree below, where there is one. */
export type ComparedDirectory = {
	readonly directory: Descriptor;
	readonly below: Descriptor | undefined;
};

/** Compares the files of a tree with those of the tree that it stands on. */
export class FileComparison {
	readonly #copiedAt: bigint | undefined;
	/** Pairs of files with several names whose content was found to be the same. */
	readonly #samePairs = new Set<string>();
	/** New memory for each file would be hundreds of megabytes until somebody collects it. */
	#buffers: readonly [Buffer, Buffer] | undefined;

	constructor({copiedAt}: {
		/** When the tree was copied from that below, in nanoseconds, if it is such a copy. */
		readonly copiedAt: bigint | undefined;
	}) {
		this.#copiedAt = copiedAt;
	}

	// The kernel alone sets this time. https://man7.org/linux/man-pages/man7/inode.7.html (st_ctim)
	#isUntouched({ctimeNs}: BigIntStats): boolean {
		return this.#copiedAt !== undefined && ctimeNs < this.#copiedAt;
	}

	#haveSameContent(first: ComparedFile, second: ComparedFile): boolean {
		const pair = `${first.status.dev}:${first.status.ino} ${second.status.dev}:${second.status.ino}`;
		if (this.#samePairs.has(pair)) {
			return true;
		}

		this.#buffers ??= [Buffer.allocUnsafeSlow(compareSize), Buffer.allocUnsafeSlow(compareSize)];
		const isSame = haveSameBytes(first.path, second.path, this.#buffers);
		if (isSame && first.status.nlink > 1n) {
			this.#samePairs.add(pair);
		}

		return isSame;
	}

	/**
	Whether a file is the same as the one below. Overlayfs also copies up what is only opened for writing, or given the owner that it has.

	Times of directories do not count: they change with whatever is made in them. Files with the same time to the nanosecond are the same. Where both times are whole seconds, as layers give them, the content decides, unless the file was not touched since it was copied.

	@see https://github.com/containerd/continuity/blob/v0.4.5/fs/path.go (sameFile)
	*/
	isUnchanged({directory, below}: ComparedDirectory, name: Buffer, attributes: FileAttributes): boolean {
		const statusBelow = below === undefined ? undefined : statusIn(below, name);
		if (below === undefined || statusBelow === undefined) {
			return false;
		}

		const attributesBelow = readFileAttributes(below, name, statusBelow);
		if (attributesBelow === undefined || !haveSameAttributes(attributes, attributesBelow)) {
			return false;
		}

		if (attributes.type === 'directory') {
			return true;
		}

		const {type, mtimeNanoseconds, linkTarget} = attributes;
		if (mtimeNanoseconds !== attributesBelow.mtimeNanoseconds || !isSameTarget(linkTarget, attributesBelow.linkTarget)) {
			return false;
		}

		const status = statusIn(directory, name);
		return type !== 'file'
			|| mtimeNanoseconds % nanosecondsPerSecond !== 0n
			|| (status !== undefined && (this.#isUntouched(status) || this.#haveSameContent(
				{path: pathIn(directory, name), status},
				{path: pathIn(below, name), status: statusBelow},
			)));
	}
}

type ComparedFile = {readonly path: Buffer; readonly status: BigIntStats};

function isSameTarget(first: Name, second: Name): boolean {
	return Buffer.from(nameBytes(first)).equals(nameBytes(second));
}

function haveSameBytes(first: Buffer, second: Buffer, [firstBuffer, secondBuffer]: readonly [Buffer, Buffer]): boolean {
	using firstFile = new OpenedFile(first);
	using secondFile = new OpenedFile(second);
	for (;;) {
		const [firstPart, secondPart] = [firstFile.read(firstBuffer), secondFile.read(secondBuffer)];
		if (!firstPart.equals(secondPart)) {
			return false;
		}

		if (firstPart.length === 0) {
			return true;
		}
	}
}

class OpenedFile implements Disposable {
	readonly #descriptor: number;

	constructor(file: Buffer) {
		this.#descriptor = openSync(file, O_RDONLY | O_NOFOLLOW);
	}

	/** Fills the buffer, less at the end of the file. */
	read(buffer: Buffer): Buffer {
		let length = 0;
		for (let count = -1; count !== 0 && length < buffer.length; length += count) {
			count = readSync(this.#descriptor, buffer, length, buffer.length - length, null);
		}

		return buffer.subarray(0, length);
	}

	[Symbol.dispose](): void {
		closeSync(this.#descriptor);
	}
}
