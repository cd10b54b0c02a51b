import {Buffer} from 'node:buffer';
import {closeSync, openSync, readSync} from 'node:fs';
import {O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {nameBytes} from '../src/linux/name.ts';
import {
	pathIn,
	readFileAttributes,
	statusIn,
	type FileAttributes,
} from './file-attributes.ts';

const nanosecondsPerSecond = 1_000_000_000n;
const compareSize = 0x4_00_00;

/** A directory, and the same in the tree below, where there is one. */
export type ComparedDirectory = {
	readonly directory: Descriptor;
	readonly below: Descriptor | undefined;
};

/**
Whether a file is the same as the one below. Overlayfs also copies up what is only opened for writing, or given the owner that it has.

Times of directories do not count: they change with whatever is made in them. Files with the same time to the nanosecond are the same. Where both times are whole seconds, as layers give them, the content decides.

@see https://github.com/containerd/continuity/blob/v0.4.5/fs/path.go (sameFile)
*/
export function isUnchanged({directory, below}: ComparedDirectory, name: Buffer, attributes: FileAttributes): boolean {
	const statusBelow = below === undefined ? undefined : statusIn(below, name);
	if (below === undefined || statusBelow === undefined) {
		return false;
	}

	const attributesBelow = readFileAttributes(below, name, statusBelow);
	if (attributesBelow === undefined || !haveSameStatus(attributes, attributesBelow) || !haveSameXattrs(attributes, attributesBelow)) {
		return false;
	}

	if (attributes.type === 'directory') {
		return true;
	}

	const {mtimeNanoseconds} = attributes;
	return mtimeNanoseconds === attributesBelow.mtimeNanoseconds
		&& Buffer.from(nameBytes(attributes.linkTarget)).equals(nameBytes(attributesBelow.linkTarget))
		&& (mtimeNanoseconds % nanosecondsPerSecond !== 0n || attributes.type !== 'file' || haveSameContent(pathIn(directory, name), pathIn(below, name)));
}

function haveSameStatus(first: FileAttributes, second: FileAttributes): boolean {
	return (['type', 'mode', 'uid', 'gid', 'size', 'deviceMajor', 'deviceMinor'] as const).every(key => first[key] === second[key]);
}

function haveSameXattrs({xattrs: first}: FileAttributes, {xattrs: second}: FileAttributes): boolean {
	return first.size === second.size && first.entries().every(([name, value]) => {
		const other = second.get(name);
		return other !== undefined && Buffer.compare(value, other) === 0;
	});
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
