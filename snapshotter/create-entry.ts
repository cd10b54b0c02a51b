import {Buffer} from 'node:buffer';
import {errorCode} from '../src/kernel/errors.ts';
import {
	O_CREAT,
	O_DIRECTORY,
	O_EXCL,
	O_NOFOLLOW,
	O_RDONLY,
	O_WRONLY,
} from '../src/linux/constants.ts';
import {
	linkFile,
	makeDeviceFile,
	makeDirectory,
	makeSymbolicLink,
	removeFile,
	setTimes,
} from '../src/linux/files.ts';
import {displayName, nameBytes} from '../src/linux/name.ts';
import {openFile} from '../src/linux/open-file.ts';
import {joinEntryPath, parseEntryPath, type EntryPath} from './entry-path.ts';
import {
	pathIn,
	readFileAttributes,
	statusIn,
	type FileAttributes,
} from './file-attributes.ts';
import {readContent, writeContent} from './file-content.ts';
import {layerError} from './layer-error.ts';
import type {ParentTree} from './parent-tree.ts';
import {setAttributes, type Place} from './set-attributes.ts';
import type {UpperTree} from './upper-tree.ts';
import {isWhiteoutMark} from './whiteout.ts';

// A descriptor's own file.
const noName = Buffer.alloc(0);

/** What is made. */
export type NewFile = {
	readonly attributes: FileAttributes;
	readonly content: AsyncIterable<Uint8Array>;
};

/** The two trees of an overlay. */
export type Trees = {
	readonly upper: UpperTree;
	readonly parent: ParentTree;
};

/**
Makes a file of a layer, in the place of what this layer had there before: a later entry of a path replaces the earlier one, but two directories become one.

@throws {TsbuildError} `ERR_TSBUILD_LAYER`
@throws {LinuxError} or a system error of Node when the system refuses it
*/
export async function createEntry(trees: Trees, path: EntryPath, file: NewFile): Promise<void> {
	const {attributes} = file;
	const {
		type, linkTarget, deviceMajor: major, deviceMinor: minor,
	} = attributes;
	switch (type) {
		case 'directory': {
			createDirectory(trees, path, attributes);
			break;
		}

		case 'hardlink': {
			await createHardlink(trees, path, attributes);
			break;
		}

		case 'file': {
			await createFile(trees, path, file);
			break;
		}

		case 'symlink': {
			const make = ({directory, name}: Place) => {
				makeSymbolicLink(directory, name, linkTarget);
			};

			await createSpecialFile(trees, path, {attributes, make});
			break;
		}

		case 'character':
		case 'block':
		case 'fifo': {
			// What an overlay takes for a whiteout is one in Docker and containerd too, which make it as it is.
			if (type === 'character' && major === 0 && minor === 0) {
				trees.upper.hide(path);
				break;
			}

			const make = ({directory, name}: Place) => {
				makeDeviceFile(directory, name, {
					kind: type, mode: 0o600, major, minor,
				});
			};

			await createSpecialFile(trees, path, {attributes, make});
			break;
		}
	}
}

function createDirectory({upper}: Trees, path: EntryPath, attributes: FileAttributes): void {
	const place = {directory: upper.directory(path.parent), name: path.name};
	const status = statusIn(place.directory, place.name);
	if (status !== undefined && isWhiteoutMark(status)) {
		upper.replaceWhiteout(place).close();
	} else if (status?.isDirectory() !== true) {
		if (status !== undefined) {
			removeFile(place.directory, place.name);
		}

		makeDirectory(place.directory, place.name, 0o700);
	}

	using directory = openFile(place.directory, place.name, {flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW});
	setAttributes(directory, attributes);
	upper.rememberTime(joinEntryPath(path), attributes.mtimeNanoseconds);
}

async function createFile({upper}: Trees, path: EntryPath, {attributes, content}: NewFile): Promise<void> {
	const place = {directory: upper.directory(path.parent), name: path.name};
	using file = await replacing(upper, place, () => openFile(place.directory, place.name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600}));
	await writeContent(file, content, attributes.size);
	setAttributes(file, attributes);
	setBothTimes({directory: file, name: noName}, attributes);
}

async function createSpecialFile({upper}: Trees, path: EntryPath, {attributes, make}: {readonly attributes: FileAttributes; readonly make: (place: Place) => void}): Promise<void> {
	const place = {directory: upper.directory(path.parent), name: path.name};
	await replacing(upper, place, () => {
		make(place);
	});
	setAttributes(place, attributes);
	setBothTimes(place, attributes);
}

function setBothTimes({directory, name}: Place, {mtimeNanoseconds}: FileAttributes): void {
	setTimes(directory, name, {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
}

// A hardlink gets no attributes: those of the file are said by the entry that made it.
async function createHardlink(trees: Trees, path: EntryPath, {linkTarget}: FileAttributes): Promise<void> {
	const target = parseEntryPath(nameBytes(linkTarget));
	if (target === undefined) {
		throw layerError(joinEntryPath(path), 'it links to the root directory');
	}

	if (!hasFile(trees.upper, target)) {
		await copyUp(trees, path, target);
	}

	using targetDirectory = trees.upper.openExistingDirectory(target.parent)!;
	const place = {directory: trees.upper.directory(path.parent), name: path.name};
	const status = statusIn(targetDirectory, target.name)!;
	if (status.isDirectory() || isWhiteoutMark(status)) {
		throw missingTarget(path, target);
	}

	if (statusIn(place.directory, place.name)?.ino !== status.ino) {
		await replacing(trees.upper, place, () => {
			linkFile({directory: targetDirectory, name: target.name}, place);
		});
	}
}

function hasFile(upper: UpperTree, file: EntryPath): boolean {
	using directory = upper.openExistingDirectory(file.parent);
	return directory !== undefined && statusIn(directory, file.name) !== undefined;
}

// A file that only a layer below has gets its second name by a copy in this layer, as overlayfs does it.
async function copyUp(trees: Trees, path: EntryPath, target: EntryPath): Promise<void> {
	const {upper, parent} = trees;
	const targetDirectory = upper.realPath(target.parent);
	using directory = upper.isHidden(target) ? undefined : parent.openDirectory(targetDirectory);
	const status = directory === undefined ? undefined : statusIn(directory, target.name);
	if (directory === undefined || status === undefined || status.isDirectory()) {
		throw missingTarget(path, target);
	}

	const place = {directory, name: target.name};
	const attributes = readFileAttributes(place.directory, place.name, status);
	if (attributes === undefined) {
		throw missingTarget(path, target);
	}

	await createEntry(trees, {parent: targetDirectory, name: target.name}, {attributes, content: contentOf(place, attributes)});
}

async function * contentOf({directory, name}: Place, {size}: FileAttributes): AsyncGenerator<Uint8Array> {
	const content = readContent(pathIn(directory, name), size);
	yield * content instanceof Uint8Array ? [content] : content;
}

async function replacing<Made>(upper: UpperTree, place: Place, make: () => Made): Promise<Made> {
	try {
		return make();
	} catch (error) {
		if (errorCode(error) !== 'EEXIST') {
			throw error;
		}
	}

	await upper.remove(place);
	return make();
}

function missingTarget(path: EntryPath, target: EntryPath): Error {
	return layerError(joinEntryPath(path), `the file that it links to, ${displayName(joinEntryPath(target))}, is not there`);
}
