import {Buffer} from 'node:buffer';
import {fstatSync} from 'node:fs';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_PATH,
	RESOLVE_BENEATH,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {readSymbolicLink, removeFile, setTimes} from '../../src/linux/files.ts';
import {makeDirectoriesInRoot} from '../../src/linux/make-directories.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {statusIn} from '../../snapshotter/file-attributes.ts';
import {removeTreeIn} from '../../snapshotter/remove-tree.ts';
import {archiveError} from './archive-error.ts';
import {archivePathNames, quoted, resolveLinks} from './archive-path.ts';

/** A name in an open directory of the root. */
export type ExtractionPlace = {
	readonly directory: Descriptor;
	readonly name: Buffer;
	/** Below the root, without links; each byte as one UTF-16 unit. */
	readonly path: string;
};

type Parent = {
	/** The path by which it was asked for; `undefined` when that may lead elsewhere by now. */
	readonly asked: string | undefined;
	readonly names: readonly string[];
	readonly directory: Descriptor;
};

// What a directory is like of which the archive says nothing.
const impliedDirectory = {mode: 0o755, uid: 0, gid: 0} as const;

/**
The directory that an archive is unpacked into. It may have anything in it already, links above all, and nobody else changes it meanwhile. For the archive it is the root: absolute paths and links begin there, and what leads out of it is refused.

@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/file/unpack_root.go
*/
export class ExtractionRoot implements Disposable {
	readonly #root: Descriptor;
	readonly #times = new Map<string, bigint>();
	// Most entries are in the directory of the one before.
	#parent: Parent | undefined;

	/** `root` belongs to the caller and stays open for as long as this is used. */
	constructor(root: Descriptor) {
		this.#root = root;
	}

	#resolve(path: Buffer, names: readonly string[], {followsLast}: {readonly followsLast: boolean}): readonly string[] {
		return resolveLinks(names, {path, followsLast, linkTarget: link => this.#linkTarget(link)});
	}

	#linkTarget(names: readonly string[]): Buffer | undefined {
		using file = this.#open(names, O_NOFOLLOW);
		return file !== undefined && fstatSync(file.number).isSymbolicLink() ? readSymbolicLink(file, '') : undefined;
	}

	#open(names: readonly string[], flags: number): Descriptor | undefined {
		try {
			return openFile(this.#root, names.length === 0 ? '.' : pathOf(names), {flags: O_PATH | flags, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS});
		} catch (error) {
			if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) {
				return undefined;
			}

			throw error;
		}
	}

	#enterParent(names: readonly string[], asked: string): Parent {
		const directory = this.#open(names, O_DIRECTORY) ?? makeDirectoriesInRoot(this.#root, pathOf(names), impliedDirectory).directory;
		this.#parent?.directory.close();
		this.#parent = {asked, names, directory};
		return this.#parent;
	}

	#parentOf(path: Buffer, names: readonly string[]): Parent {
		const directoryNames = names.slice(0, -1);
		const asked = directoryNames.join('/');
		return this.#parent?.asked === asked ? this.#parent : this.#enterParent(this.#resolve(path, directoryNames, {followsLast: true}), asked);
	}

	/**
	The place of an entry. Directories on the way to it are made, and a link in the last place is followed where it is asked for, as it is for a directory. The place is good until the next one is asked for.

	@returns `undefined` for the root itself
	@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` for what is outside
	@throws {LinuxError} `ENOTDIR` when something on the way is no directory
	*/
	place(path: Buffer, {followsLast}: {readonly followsLast: boolean}): ExtractionPlace | undefined {
		const names = archivePathNames(path);
		if (names.length === 0) {
			return undefined;
		}

		const parent = this.#parentOf(path, names);
		const direct = [...parent.names, names.at(-1)!];
		const resolved = followsLast ? this.#resolve(path, direct, {followsLast}) : direct;
		if (resolved.length === 0) {
			return undefined;
		}

		const directoryNames = resolved.slice(0, -1);
		const {directory} = pathEquals(directoryNames, parent.names) ? parent : this.#enterParent(directoryNames, directoryNames.join('/'));
		return placeIn(directory, resolved);
	}

	/**
	The place of the file that a hardlink names. The caller closes its directory.

	@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` for the root, for what is outside and for what is not there
	*/
	linkedPlace(path: Buffer, target: Buffer): ExtractionPlace {
		const names = archivePathNames(target);
		if (names.length === 0) {
			throw archiveError(`archive hardlink ${quoted(path)} targets extraction root`);
		}

		const resolved = this.#resolve(target, names, {followsLast: false});
		const directory = this.#open(resolved.slice(0, -1), O_DIRECTORY);
		if (directory === undefined || statusIn(directory, pathOf(resolved.slice(-1))) === undefined) {
			directory?.close();
			throw archiveError(`archive hardlink ${quoted(path)} targets ${quoted(target)}, which is not there`);
		}

		return placeIn(directory, resolved);
	}

	/** Removes what is at a place, with all that is in it. The place stays good. */
	async remove({directory, name}: ExtractionPlace): Promise<void> {
		this.#parent &&= {...this.#parent, asked: undefined};
		if (statusIn(directory, name)?.isDirectory() === true) {
			await removeTreeIn(directory, name);
		} else {
			removeFile(directory, name);
		}
	}

	/** Sets the time of a directory at the end: each new name in it changes it. */
	rememberTime({path}: ExtractionPlace, mtimeNanoseconds: bigint): void {
		this.#times.set(path, mtimeNanoseconds);
	}

	/** Does what must be done last. */
	finish(): void {
		for (const [path, mtimeNanoseconds] of this.#times) {
			using directory = this.#open(path.split('/'), O_DIRECTORY | O_NOFOLLOW);
			if (directory !== undefined) {
				setTimes(directory, '', {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
			}
		}
	}

	[Symbol.dispose](): void {
		this.#parent?.directory.close();
	}
}

function placeIn(directory: Descriptor, names: readonly string[]): ExtractionPlace {
	return {directory, name: pathOf(names.slice(-1)), path: names.join('/')};
}

function pathOf(names: readonly string[]): Buffer {
	return Buffer.from(names.join('/'), 'latin1');
}

function pathEquals(left: readonly string[], right: readonly string[]): boolean {
	return left.length === right.length && left.every((name, index) => name === right[index]);
}
