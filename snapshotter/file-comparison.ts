import {Buffer} from 'node:buffer';
import {
	closeSync,
	openSync,
	readSync,
	type BigIntStats,
} from 'node:fs';
import {O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {nameBytes} from '../src/linux/name.ts';
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
	/** When the directory's tree was copied from that below, in nanoseconds, if it is such a copy. */
	readonly copiedAt: bigint | undefined;
};

/**
Whether a file is the same as the one below. Overlayfs also copies up what is only opened for writing, or given the owner that it has.

Times of directories do not count: they change with whatever is made in them. Files with the same time to the nanosecond are the same. Where both times are whole seconds, as layers give them, the content decides, unless the file was not touched since it was copied.

@see https://github.com/containerd/continuity/blob/v0.4.5/fs/path.go (sameFile)
*/
export function isUnchanged({directory, below, copiedAt}: ComparedDirectory, name: Buffer, attributes: FileAttributes): boolean {
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

	const {mtimeNanoseconds} = attributes;
	const isKnown = attributes.type !== 'file' || mtimeNanoseconds % nanosecondsPerSecond !== 0n || isUntouched(statusIn(directory, name), copiedAt);
	return mtimeNanoseconds === attributesBelow.mtimeNanoseconds
		&& Buffer.from(nameBytes(attributes.linkTarget)).equals(nameBytes(attributesBelow.linkTarget))
		&& (isKnown || haveSameContent(pathIn(directory, name), pathIn(below, name)));
}

// The kernel alone sets this time. https://man7.org/linux/man-pages/man7/inode.7.html (st_ctim)
function isUntouched(status: BigIntStats | undefined, copiedAt: bigint | undefined): boolean {
	return copiedAt !== undefined && status !== undefined && status.ctimeNs < copiedAt;
}

function haveSameContent(first: Buffer, second: Buffer): boolean {
	using firstFile = new ComparedFile(first);
	using secondFile = new ComparedFile(second);
	for (;;) {
		const [firstPart, secondPart] = [firstFile.read(), secondFile.read()];
		if (!firstPart.equals(secondPart)) {
			return false;
		}

		if (firstPart.length === 0) {
			return true;
		}
	}
}

class ComparedFile implements Disposable {
	readonly #buffer = Buffer.allocUnsafe(compareSize);
	readonly #descriptor: number;

	constructor(file: Buffer) {
		this.#descriptor = openSync(file, O_RDONLY | O_NOFOLLOW);
	}

	read(): Buffer {
		let length = 0;
		for (let count = -1; count !== 0 && length < compareSize; length += count) {
			count = readSync(this.#descriptor, this.#buffer, length, compareSize - length, null);
		}

		return this.#buffer.subarray(0, length);
	}

	[Symbol.dispose](): void {
		closeSync(this.#descriptor);
	}
}
