import {Buffer} from 'node:buffer';
import {errorCode} from '../../src/kernel/errors.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {
	changeMode,
	changeOwner,
	makeDirectory,
	removeFile,
	setTimes,
} from '../../src/linux/files.ts';
import {displayName} from '../../src/linux/name.ts';
import {openInRoot} from '../../src/linux/resolve.ts';
import {
	joinEntryPath,
	parseEntryPath,
	prefixesOf,
	type EntryPath,
} from '../../snapshotter/entry-path.ts';
import {openDirectoryIn, statusIn} from '../../snapshotter/file-attributes.ts';
import {removeTreeIn} from '../../snapshotter/remove-tree.ts';
import {archiveError} from './archive-error.ts';

/** A name in an open directory of the root. */
export type ExtractionPlace = {
	readonly directory: Descriptor;
	readonly name: Buffer;
};

// What has taken the place of a directory may be a file, or a link.
const lostCodes: readonly string[] = ['ENOENT', 'ENOTDIR', 'ELOOP'];

// What a directory is like of which the archive says nothing.
const impliedDirectory = {mode: 0o755, uid: 0, gid: 0} as const;

/**
The directory that an archive is unpacked into, which may have anything in it already, links above all. The archive sees it as a process sees its root directory: `..` stops there, and absolute links begin there.
*/
export class ExtractionRoot implements Disposable {
	readonly #root: Descriptor;
	// By path, each byte as one UTF-16 unit.
	readonly #times = new Map<string, bigint>();
	// Most entries are in the directory of the one before. Without a path it may be another one by now.
	#lastParent: {readonly path: Buffer | undefined; readonly directory: Descriptor} | undefined;

	/** `root` belongs to the caller and stays open for as long as this is used. */
	constructor(root: Descriptor) {
		this.#root = root;
	}

	#open(path: Buffer, absentCodes: readonly string[] = ['ENOENT']): Descriptor | undefined {
		try {
			return openInRoot(this.#root, path.length === 0 ? '.' : path, {flags: O_PATH | O_DIRECTORY});
		} catch (error) {
			if (absentCodes.includes(errorCode(error) ?? '')) {
				return undefined;
			}

			throw error;
		}
	}

	#openOrMake(path: Buffer): Descriptor {
		const existing = this.#open(path);
		if (existing !== undefined) {
			return existing;
		}

		for (const prefix of prefixesOf(path)) {
			using directory = this.#open(prefix);
			if (directory === undefined) {
				this.#make(parseEntryPath(prefix)!);
			}
		}

		return this.#open(path)!;
	}

	#make({parent, name}: EntryPath): void {
		using directory = this.#open(parent)!;
		if (statusIn(directory, name) !== undefined) {
			throw archiveError(`${displayName(joinEntryPath({parent, name}))} is a symbolic link to nothing`);
		}

		makeDirectory(directory, name, 0o700);
		using made = openDirectoryIn(directory, name)!;
		changeOwner(made, '', impliedDirectory);
		changeMode(made, '', impliedDirectory.mode);
	}

	/**
	The place of an entry. Directories on the way to it are made. It is good until the next one is asked for.

	@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` when the way leads over a link to nothing
	@throws {LinuxError} `ENOTDIR` when something on the way is no directory; `ELOOP`, `ENAMETOOLONG`
	*/
	place({parent, name}: EntryPath): ExtractionPlace {
		if (this.#lastParent?.path?.equals(parent) !== true) {
			const directory = this.#openOrMake(parent);
			this.#lastParent?.directory.close();
			this.#lastParent = {path: parent, directory};
		}

		return {directory: this.#lastParent.directory, name};
	}

	/**
	The place of a file that is there. The caller closes its directory.

	@returns `undefined` when it is not
	@throws {LinuxError} `ENAMETOOLONG`
	*/
	existingPlace({parent, name}: EntryPath): ExtractionPlace | undefined {
		using opened = new DisposableStack();
		const directory = opened.use(this.#open(parent, lostCodes));
		if (directory === undefined || statusIn(directory, name) === undefined) {
			return undefined;
		}

		opened.move();
		return {directory, name};
	}

	/** Removes what is at a place, with all that is in it. The place stays good. */
	async remove({directory, name}: ExtractionPlace): Promise<void> {
		this.#lastParent &&= {...this.#lastParent, path: undefined};
		if (statusIn(directory, name)?.isDirectory() === true) {
			await removeTreeIn(directory, name);
		} else {
			removeFile(directory, name);
		}
	}

	/** Sets the time of a directory at the end: each new name in it changes it. */
	rememberTime(path: EntryPath, mtimeNanoseconds: bigint): void {
		this.#times.set(joinEntryPath(path).toString('latin1'), mtimeNanoseconds);
	}

	/** Does what must be done last. */
	finish(): void {
		for (const [path, mtimeNanoseconds] of this.#times) {
			const {parent, name} = parseEntryPath(Buffer.from(path, 'latin1'))!;
			using parentDirectory = this.#open(parent, lostCodes);
			using directory = parentDirectory && openDirectoryIn(parentDirectory, name);
			if (directory !== undefined) {
				setTimes(directory, '', {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
			}
		}
	}

	[Symbol.dispose](): void {
		this.#lastParent?.directory.close();
	}
}
