import {Buffer} from 'node:buffer';
import {linkSync, truncateSync, type BigIntStats} from 'node:fs';
import {mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {setImmediate} from 'node:timers/promises';
import {contentMessagesSize, hasContent, statMessageSize} from '../kernel/transfer-size.ts';
import {
	O_CREAT,
	O_DIRECTORY,
	O_EXCL,
	O_NOFOLLOW,
	O_RDONLY,
	O_WRONLY,
} from '../linux/constants.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {copyRange, readDataSegments} from '../linux/file-data.ts';
import {
	changeMode,
	makeDeviceFile,
	makeDirectory,
	makeSymbolicLink,
	setTimes,
} from '../linux/files.ts';
import {openFile} from '../linux/open-file.ts';
import {
	openDirectoryIn,
	pathIn,
	readFileAttributes,
	sortedNames,
	statusIn,
	type FileAttributes,
} from '../../snapshotter/file-attributes.ts';
import {exportError} from './output-file.ts';

// S_ISUID and S_ISGID. https://man7.org/linux/man-pages/man7/inode.7.html
const runsAsOwner = 0o4000;
const runsAsGroup = 0o2000;

// Between two looks at the signal, and at other work.
const copySize = 8 * 1024 * 1024;

/** A directory of the tree, and the one that becomes its copy. */
type Level = {
	readonly source: Descriptor;
	readonly destination: Descriptor;
	/** Path of the copy. */
	readonly path: Buffer;
};

type Copy = LocalTreeOptions & {
	/** The copies of files with several names, by their inode. */
	readonly firstCopies: Map<bigint, Buffer>;
	/** Of the directory that the tree goes to. */
	readonly rootPathLength: number;
	entries: number;
	bytes: number;
};

/** How a tree is copied. */
export type LocalTreeOptions = {
	/** The time of every file; its own when not given. */
	readonly mtimeNanoseconds?: bigint | undefined;
	readonly signal: AbortSignal;
};

/**
Copies a file system into a directory of the user, as `-o type=local` does: what is there already and not in the way stays. The files belong to the user who runs the build; times are kept, and modes, but for set-ID bits of files that belonged to others and for what others could do with a device; sockets are left out.

Links in the directory are never followed, so what an image of an earlier build put there leads nowhere.

@returns the bytes that BuildKit counts when it sends these files to its client
@throws {TsbuildError} `ERR_TSBUILD_EXPORT`; the reason of `signal`
*/
export async function writeLocalTree(root: Descriptor, destination: string, options: LocalTreeOptions): Promise<number> {
	const rootPath = Buffer.from(path.resolve(destination));
	const copy: Copy = {
		...options,
		firstCopies: new Map(),
		rootPathLength: rootPath.length,
		entries: 0,
		bytes: 0,
	};
	try {
		await mkdir(destination, {recursive: true});
		using target = Descriptor.open(destination, O_RDONLY | O_DIRECTORY);
		await copyDirectory({source: root, destination: target, path: rootPath}, copy);
		return copy.bytes;
	} catch (error) {
		throw options.signal.aborted ? error : exportError(destination, error);
	}
}

async function copyDirectory(level: Level, copy: Copy): Promise<void> {
	for (const name of sortedNames(level.source)) {
		copy.signal.throwIfAborted();
		const status = statusIn(level.source, name)!;
		const attributes = readFileAttributes(level.source, name, status);
		if (attributes === undefined) {
			continue;
		}

		const target = Buffer.concat([level.path, Buffer.from('/'), name]);
		const firstCopy = attributes.type === 'directory' ? undefined : copy.firstCopies.get(status.ino);
		countEntry(copy, status, {path: target, link: firstCopy?.subarray(copy.rootPathLength + 1) ?? Buffer.from(attributes.linkTarget)});
		if (attributes.type === 'directory') {
			await copySubdirectory(level, name, copy);
			finishFile(level.destination, name, {...attributes, ...timeOf(copy)});
			continue;
		}

		await clearPlace(level.destination, name);
		if (firstCopy !== undefined) {
			linkSync(firstCopy, target);
			continue;
		}

		if (status.nlink > 1n) {
			copy.firstCopies.set(status.ino, target);
		}

		await copyFile(level, name, {attributes, copy});
	}
}

function countEntry(copy: Copy, {mode, uid, gid, size, mtimeNs}: BigIntStats, {path: place, link}: {readonly path: Buffer; readonly link: Buffer}): void {
	const file = {
		pathLength: place.length - copy.rootPathLength - 1,
		linkLength: link.length,
		mode: Number(mode),
		uid: Number(uid),
		gid: Number(gid),
		size: Number(size),
		modifiedAt: copy.mtimeNanoseconds ?? mtimeNs,
	};
	copy.bytes += statMessageSize(file) + (hasContent(file) ? contentMessagesSize(file.size, copy.entries) : 0);
	copy.entries++;
}

async function copySubdirectory(level: Level, name: Buffer, copy: Copy): Promise<void> {
	using source = openDirectoryIn(level.source, name)!;
	if (statusIn(level.destination, name)?.isDirectory() !== true) {
		await clearPlace(level.destination, name);
		makeDirectory(level.destination, name, 0o700);
	}

	using destination = openFile(level.destination, name, {flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW});
	await copyDirectory({source, destination, path: Buffer.concat([level.path, Buffer.from('/'), name])}, copy);
}

/** Removes what stands where a file is to be; a link itself, never its target. */
async function clearPlace(directory: Descriptor, name: Buffer): Promise<void> {
	await rm(pathIn(directory, name), {recursive: true, force: true});
}

async function copyFile(level: Level, name: Buffer, {attributes, copy}: {readonly attributes: FileAttributes; readonly copy: Copy}): Promise<void> {
	const {type, mode, linkTarget, deviceMajor: major, deviceMinor: minor} = attributes;
	switch (type) {
		case 'file': {
			await copyContent(level, name, copy);
			break;
		}

		case 'symlink': {
			makeSymbolicLink(level.destination, name, linkTarget);
			break;
		}

		case 'character':
		case 'block':
		case 'fifo': {
			makeDeviceFile(level.destination, name, {
				kind: type,
				mode,
				major,
				minor,
			});
			break;
		}

		case 'directory':
		case 'hardlink': {
			return;
		}
	}

	finishFile(level.destination, name, {...attributes, ...timeOf(copy)});
}

async function copyContent(level: Level, name: Buffer, copy: Copy): Promise<void> {
	using source = openFile(level.source, name, {flags: O_RDONLY | O_NOFOLLOW});
	using destination = openFile(level.destination, name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600});
	for (const {offset, length} of readDataSegments(source)) {
		for (let done = 0; done < length; done += copySize) {
			copy.signal.throwIfAborted();
			copyRange(source, destination, {offset: offset + done, length: Math.min(copySize, length - done)});
			await setImmediate();
		}
	}

	truncateSync(destination.path, Number(statusIn(level.source, name)!.size));
}

/** The time that all files get, if they do. */
function timeOf({mtimeNanoseconds}: Copy): Pick<FileAttributes, 'mtimeNanoseconds'> | undefined {
	return mtimeNanoseconds === undefined ? undefined : {mtimeNanoseconds};
}

function finishFile(directory: Descriptor, name: Buffer, attributes: FileAttributes): void {
	const {type, mtimeNanoseconds} = attributes;
	if (type !== 'symlink') {
		changeMode(directory, name, modeOfCopy(attributes));
	}

	setTimes(directory, name, {mtimeNanoseconds});
}

/** The mode without the rights that came from the owner, which is another now: a program of some user of the image must not run as root here, nor a device of this machine be open to all. */
function modeOfCopy({type, mode, uid, gid}: FileAttributes): number {
	switch (type) {
		case 'character':
		case 'block': {
			return mode & 0o600;
		}

		case 'file': {
			const ofOwner = uid === process.geteuid!() ? 0 : runsAsOwner;
			const ofGroup = gid === process.getegid!() ? 0 : runsAsGroup;
			return mode & ~(ofOwner | ofGroup);
		}

		case 'directory':
		case 'fifo':
		case 'hardlink':
		case 'symlink': {
			return mode;
		}
	}
}
