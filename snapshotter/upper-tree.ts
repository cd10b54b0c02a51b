import {Buffer} from 'node:buffer';
import {randomUUID} from 'node:crypto';
import {fstatSync} from 'node:fs';
import path from 'node:path';
import {errorCode} from '../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_PATH} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {
	changeMode,
	changeOwner,
	makeDirectory,
	removeFile,
	renameFile,
	setTimes,
} from '../src/linux/files.ts';
import {makeDirectoriesInRoot} from '../src/linux/make-directories.ts';
import {openInRoot, realPathInRoot} from '../src/linux/resolve.ts';
import {
	joinEntryPath,
	parseEntryPath,
	prefixesOf,
	type EntryPath,
} from './entry-path.ts';
import {openDirectoryIn, sortedNames, statusIn} from './file-attributes.ts';
import type {ParentTree} from './parent-tree.ts';
import {removeTree} from './remove-tree.ts';
import {copyDirectoryAttributes, type Place} from './set-attributes.ts';
import {
	isOverlayOpaque,
	isWhiteoutMark,
	makeOverlayWhiteout,
	markOverlayOpaque,
	type OverlayAttributes,
} from './whiteout.ts';

/** What an upper directory belongs to. */
export type UpperTreeOptions = {
	/** The upper directory. */
	readonly directory: string;
	readonly parent: ParentTree;
	readonly overlayAttributes: OverlayAttributes;
};

// What a directory is like of which no layer says anything.
const unknownDirectory = {
	mode: 0o755, uid: 0, gid: 0, mtimeNanoseconds: 0n,
} as const;

/**
The upper directory of an overlay while a layer is put into it. Every path is resolved inside of it, whatever symbolic links the layer has made.
*/
export class UpperTree implements Disposable {
	readonly #directory: string;
	readonly #parent: ParentTree;
	readonly #overlayAttributes: OverlayAttributes;
	readonly #root: Descriptor;
	// By path, each byte as one UTF-16 unit.
	readonly #times = new Map<string, bigint>();
	// Most entries are in the directory of the one before.
	#lastParent: {readonly path: Buffer; readonly directory: Descriptor} | undefined;
	#isRootOpaque = false;

	constructor({directory, parent, overlayAttributes}: UpperTreeOptions) {
		this.#directory = directory;
		this.#parent = parent;
		this.#overlayAttributes = overlayAttributes;
		this.#root = Descriptor.open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	}

	#makeDirectories(directoryPath: Buffer): Descriptor {
		this.#replaceWhiteouts(directoryPath);
		const {directory, created} = makeDirectoriesInRoot(this.#root, directoryPath, unknownDirectory);
		for (const absolutePath of created) {
			this.#copyUpAttributes(Buffer.from(absolutePath.subarray(1)));
		}

		return directory;
	}

	// A directory can be made where something is whited out: it hides what was there.
	#replaceWhiteouts(directoryPath: Buffer): void {
		for (const prefix of prefixesOf(directoryPath)) {
			const {parent, name} = parseEntryPath(prefix)!;
			using directory = this.openExistingDirectory(parent);
			if (directory === undefined || !isWhiteout({directory, name})) {
				continue;
			}

			using replaced = this.replaceWhiteout({directory, name});
			changeOwner(replaced, '', unknownDirectory);
			changeMode(replaced, '', unknownDirectory.mode);
		}
	}

	#copyUpAttributes(directoryPath: Buffer): void {
		using below = this.#parent.openDirectory(directoryPath);
		if (below !== undefined) {
			using directory = openInRoot(this.#root, directoryPath, {flags: O_PATH | O_DIRECTORY});
			copyDirectoryAttributes(below, directory);
		}

		const time = below === undefined ? unknownDirectory.mtimeNanoseconds : fstatSync(below.number, {bigint: true}).mtimeNs;
		this.rememberTime(directoryPath, time);
	}

	#forgetLastParent(): void {
		this.#lastParent?.directory.close();
		this.#lastParent = undefined;
	}

	// Overlayfs does not ask whether a root is opaque, so each name is hidden by itself.
	#hideRoot(): void {
		for (const name of this.#parent.rootNames()) {
			this.#hideName({directory: this.#root, name});
		}
	}

	#isBelow({parent, name}: EntryPath): boolean {
		return this.#parent.has(joinEntryPath({parent: this.realPath(parent), name}));
	}

	#hideName({directory, name}: Place): void {
		const status = statusIn(directory, name);
		if (status === undefined) {
			makeOverlayWhiteout(directory, name, this.#overlayAttributes);
		} else if (status.isDirectory()) {
			using hiding = openDirectoryIn(directory, name)!;
			this.#makeOpaque(hiding);
		}
	}

	// Where nothing is left to hide, a whiteout would be listed.
	#makeOpaque(directory: Descriptor): void {
		if (isOverlayOpaque(directory, this.#overlayAttributes)) {
			return;
		}

		removeWhiteoutsBelow(directory);
		markOverlayOpaque(directory, this.#overlayAttributes);
	}

	/**
	The directory at a path, which is made when it is not there: in the likeness of the directory below, with its time. It stays open until another is asked for.

	@throws {LinuxError} `ENOTDIR` when a file has one of the names; `ELOOP`
	*/
	directory(directoryPath: Buffer): Descriptor {
		if (this.#lastParent?.path.equals(directoryPath) !== true) {
			const directory = this.openExistingDirectory(directoryPath) ?? this.#makeDirectories(directoryPath);
			this.#forgetLastParent();
			this.#lastParent = {path: directoryPath, directory};
		}

		return this.#lastParent.directory;
	}

	/** The directory at a path, if there is one in the upper directory itself. The caller closes it. */
	openExistingDirectory(directoryPath: Buffer): Descriptor | undefined {
		try {
			return openInRoot(this.#root, directoryPath.length === 0 ? '.' : directoryPath, {flags: O_PATH | O_DIRECTORY});
		} catch (error) {
			if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) {
				return undefined;
			}

			throw error;
		}
	}

	/** Removes what is at a place, with all that is in it. */
	async remove({directory, name}: Place): Promise<void> {
		const status = statusIn(directory, name);
		if (status?.isDirectory() !== true) {
			removeFile(directory, name);
			return;
		}

		const removed = `.removed-${randomUUID()}`;
		renameFile({directory, name}, {directory: this.#root, name: removed});
		await removeTree(path.join(this.#directory, removed));
	}

	/** Makes a directory in the place of a whiteout and opens it. Like the whiteout, it hides what is below. */
	replaceWhiteout({directory, name}: Place): Descriptor {
		removeFile(directory, name);
		makeDirectory(directory, name, 0o700);
		const replaced = openDirectoryIn(directory, name)!;
		markOverlayOpaque(replaced, this.#overlayAttributes);
		return replaced;
	}

	/** Hides what the layers below have at a path; what this layer has there stays. */
	hide(hidden: EntryPath): void {
		if (!this.#isBelow(hidden)) {
			return;
		}

		const directory = this.directory(hidden.parent);
		// A link to nothing on the way leads to a directory by now, which may be another one than that of the layers below.
		if (this.#isBelow(hidden) && !this.isHidden(hidden)) {
			this.#hideName({directory, name: hidden.name});
		}
	}

	/** Hides all that the layers below have in a directory; what this layer has there stays. */
	hideAll(directoryPath: Buffer): void {
		if (directoryPath.length === 0) {
			this.#isRootOpaque = true;
			return;
		}

		this.#makeOpaque(this.directory(directoryPath));
	}

	/** Whether an opaque directory of this layer hides what the layers below have at a path. */
	isHidden(file: EntryPath): boolean {
		return this.#isRootOpaque || prefixesOf(this.realPath(file.parent)).some(prefix => {
			using directory = this.openExistingDirectory(prefix);
			return directory !== undefined && isOverlayOpaque(directory, this.#overlayAttributes);
		});
	}

	/** The path without symbolic links, as far as the upper directory itself has it. */
	realPath(directoryPath: Buffer): Buffer {
		try {
			return Buffer.from(realPathInRoot(this.#root, directoryPath.length === 0 ? '.' : directoryPath).subarray(1));
		} catch (error) {
			if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) {
				return directoryPath;
			}

			throw error;
		}
	}

	/** Sets the time of a directory at the end: each new name in it changes it. */
	rememberTime(directoryPath: Buffer, mtimeNanoseconds: bigint): void {
		this.#times.set(directoryPath.toString('latin1'), mtimeNanoseconds);
	}

	/** Does what must be done last. */
	finish(): void {
		this.#forgetLastParent();
		if (this.#isRootOpaque) {
			this.#hideRoot();
		}

		for (const [directoryPath, mtimeNanoseconds] of this.#times) {
			const {parent, name} = parseEntryPath(Buffer.from(directoryPath, 'latin1'))!;
			using parentDirectory = this.openExistingDirectory(parent);
			// A link may have taken its place.
			using directory = parentDirectory && openDirectoryIn(parentDirectory, name);
			if (directory !== undefined) {
				setTimes(directory, '', {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
			}
		}
	}

	[Symbol.dispose](): void {
		this.#forgetLastParent();
		this.#root.close();
	}
}

function removeWhiteoutsBelow(directory: Descriptor): void {
	for (const name of sortedNames(directory)) {
		using below = openDirectoryIn(directory, name);
		if (below !== undefined) {
			removeWhiteoutsBelow(below);
		} else if (isWhiteout({directory, name})) {
			removeFile(directory, name);
		}
	}
}

function isWhiteout({directory, name}: Place): boolean {
	const status = statusIn(directory, name);
	return status !== undefined && isWhiteoutMark(status);
}
