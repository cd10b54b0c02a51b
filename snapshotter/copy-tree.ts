import {Buffer} from 'node:buffer';
import {ftruncateSync, type BigIntStats} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {
	O_CREAT,
	O_DIRECTORY,
	O_EXCL,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_RDONLY,
	O_WRONLY,
} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {getExtendedAttribute, listExtendedAttributes} from '../src/linux/extended-attributes.ts';
import {
	cloneFile,
	copyRange,
	readDataSegments,
	type DataSegment,
} from '../src/linux/file-data.ts';
import {
	linkFile,
	makeDeviceFile,
	makeDirectory,
	makeSymbolicLink,
	readSymbolicLink,
	removeFile,
	setTimes,
} from '../src/linux/files.ts';
import {openFile} from '../src/linux/open-file.ts';
import {
	deviceMajor,
	deviceMinor,
	pathIn,
	sortedNames,
	statusIn,
} from './file-attributes.ts';
import {entryType} from './hash-entry.ts';
import {setAttributes, type Place} from './set-attributes.ts';

// The call blocks; this much takes a few milliseconds where the blocks cannot be shared.
const bytesAtOnce = 8 * 1024 * 1024;

// Other work of this process gets its turn this often.
const filesAtOnce = 200;

// https://man7.org/linux/man-pages/man3/stat.3type.html (st_blocks)
const blockSize = 512n;

// A descriptor's own file.
const noName = Buffer.alloc(0);

// What a directory is opened as: never through a symbolic link.
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// For content, a fifo that was put in the place of a file would be waited for.
const readFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** What is copied and where to. */
export type TreeCopyOptions = {
	/** A directory that nobody changes meanwhile. */
	readonly from: string;
	/** An empty directory, which keeps its own attributes. */
	readonly to: string;
	/** An empty directory on the same file system as `to`; empty again afterwards. */
	readonly scratch: string;
};

/** A directory that is being copied. */
type Level = {
	readonly source: Descriptor;
	readonly copy: Descriptor;
	/** Of the source; those of the outermost directory are not copied. */
	readonly status: BigIntStats | undefined;
	/** Still to come, the next one last. */
	readonly names: Buffer[];
};

/** One file on its way. */
type CopiedFile = {
	readonly from: Place;
	readonly to: Place;
	readonly status: BigIntStats;
};

/**
Copies all that is in a directory, with everything that can be known about a file: type, owner, mode, times, extended attributes, further names, holes. The blocks of files are shared where the file system can do that (reflinks).

Extended attributes that the file system cannot hold are left out. No symbolic link is followed; names are bytes; directories may be deeper than a path can say.

@throws {LinuxError} or a system error of Node, such as `ENOSPC`; some part of the copy is there then
*/
export async function copyTree(options: TreeCopyOptions): Promise<void> {
	using copy = new TreeCopy(options);
	for (let count = 1; await copy.step(); count++) {
		if (count % filesAtOnce === 0) {
			await setImmediate();
		}
	}

	copy.finish();
}

class TreeCopy implements Disposable {
	readonly #levels: Level[] = [];
	/** Keeps one more name of each file that has several, under the number of its inode: the copy's own names may be deeper than a path can say. */
	readonly #scratch: Descriptor;
	/** How many names of a file are still to come. */
	readonly #missingNames = new Map<string, bigint>();

	constructor({from, to, scratch}: TreeCopyOptions) {
		using opened = new DisposableStack();
		this.#scratch = opened.use(Descriptor.open(scratch, directoryFlags));
		const source = opened.use(Descriptor.open(from, directoryFlags));
		const copy = opened.use(Descriptor.open(to, directoryFlags));
		this.#enter({source, copy, status: undefined});
		opened.move();
	}

	#enter(level: Omit<Level, 'names'>): void {
		this.#levels.push({...level, names: sortedNames(level.source).toReversed()});
	}

	#leave(): void {
		const {source, copy, status} = this.#levels.pop()!;
		// Now that nothing more is made in it.
		if (status !== undefined) {
			copyTimes({directory: copy, name: noName}, status);
		}

		source.close();
		copy.close();
	}

	async #copyFile(file: CopiedFile): Promise<void> {
		const {to, status} = file;
		if (status.nlink === 1n) {
			await copyAlone(file);
			return;
		}

		const linked = {directory: this.#scratch, name: String(status.ino)};
		const missing = this.#missingNames.get(linked.name);
		if (missing === undefined) {
			await copyAlone(file);
			linkFile(to, linked);
		} else {
			linkFile(linked, to);
		}

		this.#missingNames.set(linked.name, (missing ?? status.nlink) - 1n);
		// At once: it changes the status of the file, which is then younger than the end of the copy if that is near.
		if (missing === 1n) {
			this.#removeLinked(linked.name);
		}
	}

	#removeLinked(name: string): void {
		removeFile(this.#scratch, name);
		this.#missingNames.delete(name);
	}

	/** Copies one file, or begins or ends one directory; tells whether there was anything to do. */
	async step(): Promise<boolean> {
		const level = this.#levels.at(-1);
		if (level === undefined) {
			return false;
		}

		const name = level.names.pop();
		if (name === undefined) {
			this.#leave();
			return true;
		}

		const file = {
			from: {directory: level.source, name},
			to: {directory: level.copy, name},
			status: statusIn(level.source, name)!,
		};
		if (file.status.isDirectory()) {
			this.#enter(beginDirectory(file));
		} else {
			await this.#copyFile(file);
		}

		return true;
	}

	/** Empties the scratch directory of files that have more names elsewhere. */
	finish(): void {
		for (const name of this.#missingNames.keys()) {
			this.#removeLinked(name);
		}
	}

	[Symbol.dispose](): void {
		for (const {source, copy} of this.#levels) {
			source.close();
			copy.close();
		}

		this.#scratch.close();
	}
}

function beginDirectory({from, to, status}: CopiedFile): Omit<Level, 'names'> {
	makeDirectory(to.directory, to.name, 0o700);
	using opened = new DisposableStack();
	const source = opened.use(openFile(from.directory, from.name, {flags: directoryFlags}));
	const copy = opened.use(openFile(to.directory, to.name, {flags: directoryFlags}));
	setAttributes(copy, {...ownAttributes(status), xattrs: readAllAttributes(source)});
	opened.move();
	return {source, copy, status};
}

async function copyAlone(file: CopiedFile): Promise<void> {
	const {from, to, status} = file;
	const type = entryType(status);
	switch (type) {
		case 'file': {
			await copyRegularFile(file);
			return;
		}

		case 'symlink': {
			makeSymbolicLink(to.directory, to.name, readSymbolicLink(from.directory, from.name));
			break;
		}

		case 'character':
		case 'block':
		case 'fifo':
		case 'socket': {
			makeDeviceFile(to.directory, to.name, {
				kind: type, mode: 0o600, major: deviceMajor(status.rdev), minor: deviceMinor(status.rdev),
			});
			break;
		}

		case 'directory': {
			throw new TypeError('a directory is copied with what is in it');
		}
	}

	setAttributes(to, {...ownAttributes(status), xattrs: readAllAttributes(pathIn(from.directory, from.name))});
	copyTimes(to, status);
}

async function copyRegularFile({from, to, status}: CopiedFile): Promise<void> {
	using source = openFile(from.directory, from.name, {flags: readFlags});
	using copy = openFile(to.directory, to.name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600});
	await copyContent(source, copy, status);
	setAttributes(copy, {...ownAttributes(status), xattrs: readAllAttributes(source)});
	copyTimes({directory: copy, name: noName}, status);
}

async function copyContent(source: Descriptor, copy: Descriptor, {size, blocks}: BigIntStats): Promise<void> {
	if (size === 0n || cloneFile(source, copy)) {
		return;
	}

	const hasHoles = blocks * blockSize < size;
	const segments = hasHoles ? readDataSegments(source) : [{offset: 0, length: Number(size)}];
	for (const segment of segments) {
		await copySegment(source, copy, segment);
	}

	if (hasHoles) {
		ftruncateSync(copy.number, Number(size));
	}
}

async function copySegment(source: Descriptor, copy: Descriptor, {offset, length}: DataSegment): Promise<void> {
	const end = offset + length;
	for (let position = offset; position < end;) {
		const copied = copyRange(source, copy, {offset: position, length: Math.min(bytesAtOnce, end - position)});
		if (copied === 0) {
			return;
		}

		position += copied;
		if (position < end) {
			await setImmediate();
		}
	}
}

function ownAttributes(status: BigIntStats) {
	return {
		type: entryType(status), mode: Number(status.mode & 0o7777n), uid: Number(status.uid), gid: Number(status.gid),
	};
}

function readAllAttributes(file: Buffer | Descriptor): Map<string, Buffer> {
	const names = listExtendedAttributes(file);
	return new Map(names.map(name => [name, getExtendedAttribute(file, name) ?? noName]));
}

function copyTimes({directory, name}: Place, {atimeNs, mtimeNs}: BigIntStats): void {
	setTimes(directory, name, {atimeNanoseconds: atimeNs, mtimeNanoseconds: mtimeNs});
}
