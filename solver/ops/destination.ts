import {Buffer} from 'node:buffer';
import {fstatSync, type BigIntStats} from 'node:fs';
import {errorCode, type TsbuildError} from '../../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_PATH} from '../../src/linux/constants.ts';
import type {BorrowedDescriptor, Descriptor} from '../../src/linux/descriptor.ts';
import {readSymbolicLink, removeFile} from '../../src/linux/files.ts';
import {makeDirectoriesInRoot, type NewDirectory} from '../../src/linux/make-directories.ts';
import {displayName, nameBytes, type Name} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {realPathInRoot, statInRoot} from '../../src/linux/resolve.ts';
import {fileError} from './file-error.ts';

/** A name in an open directory. The name is one part of a path, or `.` for the directory itself, and is never followed. */
export type Place = {
	readonly directory: Descriptor;
	readonly name: Buffer;
	/** Absolute inside the root, without symbolic links before the name; for messages and for finding it again. */
	readonly path: Buffer;
};

// As many as the kernel follows. https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maximumLinks = 40;

const slash = 0x2F;

/**
Finds the place that a path of the root leads to, whether there is something or not. Symbolic links are followed inside the root, in the last place too; directories on the way are made with `attributes`.

The caller closes the directory of the place.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when something on the way is no directory
*/
export function findDestination(root: Descriptor, path: Name, attributes: NewDirectory): Place {
	let current = nameBytes(path);
	for (let links = 0; links <= maximumLinks; links++) {
		const {parent, name} = splitPath(current);
		using opened = new DisposableStack();
		const directory = opened.use(makeDirectories(root, parent, attributes));
		const directoryPath = realPathInRoot(root, parent);
		const place = name.length === 0 ? {directory, name: Buffer.from('.'), path: directoryPath} : placeIn(directory, directoryPath, name);
		const target = linkTarget(place);
		if (target === undefined) {
			opened.move();
			return place;
		}

		current = target[0] === slash ? target : joinPath(directoryPath, target);
	}

	throw tooManyLinks(path, undefined);
}

/**
Makes the directories of a path that are not there, and opens the last one with O_PATH.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when something on the way is no directory
*/
export function makeDirectories(root: BorrowedDescriptor, path: Name, attributes: NewDirectory): Descriptor {
	try {
		return makeDirectoriesInRoot(root, path, attributes).directory;
	} catch (error) {
		if (errorCode(error) === 'ENOTDIR') {
			throw fileError(`${describeFailedCall(root, path)}: not a directory`, {cause: error});
		}

		throw errorCode(error) === 'ELOOP' ? tooManyLinks(path, error) : error;
	}
}

/** What is at a place; `undefined` when nothing is. */
export function statPlace({directory, name}: Place): BigIntStats | undefined {
	try {
		using file = openFile(directory, name, {flags: O_PATH | O_NOFOLLOW});
		return fstatSync(file.number, {bigint: true});
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}

/**
Opens the directory at a place with O_PATH.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when it is none
*/
export function openDirectory({directory, name, path}: Place): Descriptor {
	try {
		return openFile(directory, name, {flags: O_PATH | O_DIRECTORY | O_NOFOLLOW});
	} catch (error) {
		if (errorCode(error) === 'ENOTDIR' || errorCode(error) === 'ELOOP') {
			throw fileError(`cannot copy to non-directory: ${displayName(path)}`, {cause: error});
		}

		throw error;
	}
}

/** A name below a place that is a directory. `directory` is that directory. */
export function placeIn(directory: Descriptor, directoryPath: Buffer, name: Buffer): Place {
	return {directory, name, path: joinPath(directoryPath, name)};
}

/**
Makes way for a file.

@throws {TsbuildError} `ERR_TSBUILD_FILE` when a directory is in its place
*/
export function removeUnlessDirectory(place: Place): void {
	const existing = statPlace(place);
	if (existing?.isDirectory() === true) {
		throw fileError(`cannot replace to directory ${displayName(place.path)} with file`);
	}

	if (existing !== undefined) {
		removeFile(place.directory, place.name);
	}
}

function linkTarget(place: Place): Buffer | undefined {
	return (Number(statPlace(place)?.mode ?? 0) & 0o17_0000) === 0o12_0000 ? readSymbolicLink(place.directory, place.name) : undefined;
}

/** The parent of a path, and its last part; that is empty where the path names a directory by itself: `/`, `a/`, `a/..`. */
export function splitPath(path: Buffer): {readonly parent: Buffer; readonly name: Buffer} {
	const position = path.lastIndexOf(slash);
	const name = path.subarray(position + 1);
	const isNamesDirectory = name.length === 0 || name.equals(Buffer.from('.')) || name.equals(Buffer.from('..'));
	return isNamesDirectory ? {parent: path, name: Buffer.alloc(0)} : {parent: path.subarray(0, Math.max(1, position)), name};
}

function tooManyLinks(path: Name, cause: unknown): TsbuildError {
	return fileError('too many links', {cause, hint: `In the image, ${displayName(path)} is a circle of symbolic links.`});
}

/** The call that fails because something on the way is no directory, in BuildKit: it looks at all names of a path before it makes the last one. */
function describeFailedCall(root: BorrowedDescriptor, path: Name): string {
	const parts = nameBytes(path).toString('latin1').split('/').filter(part => part !== '');
	const pathTo = (count: number) => Buffer.from(`/${parts.slice(0, count).join('/')}`, 'latin1');
	const count = parts.keys().map(index => index + 1).find(length => statInRoot(root, pathTo(length))?.isDirectory() === false);
	if (count === undefined) {
		return `mkdir ${displayName(path)}`;
	}

	const obstacle = realPathInRoot(root, pathTo(count));
	return count === parts.length ? `mkdir ${displayName(obstacle)}` : `lstat ${displayName(joinPath(obstacle, Buffer.from(parts[count]!, 'latin1')))}`;
}

function joinPath(directory: Buffer, name: Buffer): Buffer {
	return Buffer.concat([directory, Buffer.from(directory.at(-1) === slash ? '' : '/'), name]);
}
