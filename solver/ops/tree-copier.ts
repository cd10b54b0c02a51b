import type {Buffer} from 'node:buffer';
import {
	fstatSync,
	readdirSync,
	type BigIntStats,
	type Dirent,
} from 'node:fs';
import {posix} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_PATH,
	O_RDONLY,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {
	linkFile,
	makeDeviceFile,
	makeSymbolicLink,
	readSymbolicLink,
	setTimes,
	type DeviceKind,
} from '../../src/linux/files.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {openInRoot} from '../../src/linux/resolve.ts';
import type {SourceVisitor} from './changed-sources.ts';
import {copyAttributes, type AttributeChanges, type CopySource} from './copy-attributes.ts';
import {copyFile} from './copy-file.ts';
import {
	placeIn,
	removeUnlessDirectory,
	type Place,
} from './destination.ts';
import {NestedDirectory, type TargetDirectory} from './nested-directory.ts';
import type {SourceFilter} from './source-filter.ts';

/** How to copy. */
export type TreeCopierOptions = {
	/** The root that is written to. */
	readonly root: Descriptor;
	/** Of the source, for messages. */
	readonly name: Buffer;
	readonly changes: AttributeChanges;
	/** Whether directories that are there, and of which only something inside is taken, get nothing but the permissions of their source. */
	readonly keepsPassages: boolean;
	/** Told of everything that is copied: of a directory when it has been listed, of a regular file before and after its copy. */
	readonly visit: SourceVisitor;
	readonly signal: AbortSignal;
};

/** A directory or file of the source. */
type Entry = CopySource & {
	/** As the filter gets it. */
	readonly relativePath: string;
};

// Other work of this process gets its turn after this many entries.
const entriesAtOnce = 100;

/**
Copies files and trees with `cp -a` semantics, and with BuildKit's rules for what is there already: a file takes the place of anything but a directory, a directory goes into a directory and gives it its own attributes.

It works by descriptors and single names alone, so no link in the source or at the destination leads anywhere. Files with several names keep them within everything that one copier copies. Sockets are left out.
*/
export class TreeCopier {
	readonly #options: TreeCopierOptions;
	/** Where the first name of a file with several names was copied to, by device and inode. */
	readonly #copies = new Map<string, Buffer>();
	#entries = 0;

	constructor(options: TreeCopierOptions) {
		this.#options = options;
	}

	async #copyEntries(directory: Entry, target: TargetDirectory, filter: SourceFilter | undefined): Promise<void> {
		const {visit, changes, keepsPassages} = this.#options;
		await this.#pause();
		const dirents = readdirSync(directory.file.path, {encoding: 'buffer', withFileTypes: true}).toSorted((first, second) => first.name.compare(second.name));
		// Not before: what went in between would be missed.
		visit(directory.relativePath, fstatSync(directory.file.number, {bigint: true}));
		for (const dirent of dirents) {
			const {name} = dirent;
			const relativePath = posix.join(directory.relativePath, name.toString());
			const source = openEntry(directory.file, dirent);
			using _file = source?.file;
			if (source === undefined) {
				visit(relativePath, undefined);
				continue;
			}

			const {status} = source;
			const entry = {...source, relativePath};
			const verdict = filter?.(entry.relativePath, status.isDirectory()) ?? 'included';
			if (verdict === 'excluded') {
				continue;
			}

			if (status.isDirectory()) {
				using child = new NestedDirectory(target, name, entry);
				if (verdict === 'included') {
					child.open();
				}

				await this.#copyEntries(entry, child, filter);
				if (keepsPassages && verdict === 'passage') {
					child.finishPassage(changes);
				} else {
					child.finish(changes);
				}
			} else {
				visit(relativePath, status);
				await this.#copyEntry(entry, placeIn(target.open(), target.path, name));
			}
		}
	}

	async #copyEntry(source: Entry, place: Place): Promise<void> {
		await this.#pause();
		const {status, file} = source;
		if (status.isSocket()) {
			return;
		}

		if (status.isFile()) {
			await replacing(place, async () => this.#copyRegularFile(source, place));
			return;
		}

		await replacing(place, async () => {
			if (status.isSymbolicLink()) {
				makeSymbolicLink(place.directory, place.name, readSymbolicLink(file, ''));
			} else {
				makeDeviceFile(place.directory, place.name, {kind: deviceKind(status), mode: 0o600, ...deviceNumbers(status)});
			}
		});
		using copy = openFile(place.directory, place.name, {flags: O_PATH | O_NOFOLLOW});
		copyAttributes(source, copy, this.#options.changes);
	}

	async #copyRegularFile(source: Entry, place: Place): Promise<void> {
		const {
			root,
			name,
			changes,
			visit,
			signal,
		} = this.#options;
		const {status} = source;
		const identity = `${status.dev}:${status.ino}`;
		const first = status.nlink > 1n ? this.#copies.get(identity) : undefined;
		if (first !== undefined) {
			using directory = openInRoot(root, parentOf(first), {flags: O_PATH | O_DIRECTORY});
			linkFile({directory, name: baseOf(first)}, place);
			return;
		}

		const copied = await copyFile(source, {place, name: posix.join(name.toString(), source.relativePath), signal});
		using copy = copied.copy;
		visit(source.relativePath, copied.status);
		copyAttributes({...source, status: copied.status}, copy, changes);
		if (status.nlink > 1n) {
			this.#copies.set(identity, place.path);
		}
	}

	async #pause(): Promise<void> {
		this.#entries++;
		if (this.#entries % entriesAtOnce === 0) {
			await setImmediate();
		}

		this.#options.signal.throwIfAborted();
	}

	/** Copies the entries of a directory into another. The other keeps its own attributes, but has the times of the source afterwards, as with BuildKit: so they are the same in every build. */
	async copyContents(source: CopySource, target: {readonly directory: Descriptor; readonly path: Buffer}, filter: SourceFilter | undefined): Promise<void> {
		await this.#copyEntries({...source, relativePath: ''}, {path: target.path, open: () => target.directory}, filter);
		setTimes(target.directory, '', {atimeNanoseconds: source.status.atimeNs, mtimeNanoseconds: source.status.mtimeNs});
	}

	/**
	Copies a file, or a directory with its attributes, to a place.

	@throws {TsbuildError} `ERR_TSBUILD_FILE` when there is a directory in the place of a file, or the other way round
	*/
	async copy(source: CopySource, place: Place, filter: SourceFilter | undefined): Promise<void> {
		if (!source.status.isDirectory()) {
			this.#options.visit('', source.status);
			await this.#copyEntry({...source, relativePath: ''}, place);
			return;
		}

		const parent = {path: place.path.subarray(0, place.path.length - place.name.length), open: () => place.directory};
		using directory = new NestedDirectory(parent, place.name, source);
		directory.open();
		await this.#copyEntries({...source, relativePath: ''}, directory, filter);
		directory.finish(this.#options.changes);
	}
}

/** Makes a file by `make`, which fails with `EEXIST` when something is in its place; that goes, unless it is a directory. */
async function replacing(place: Place, make: () => Promise<void>): Promise<void> {
	try {
		await make();
	} catch (error) {
		if (errorCode(error) !== 'EEXIST') {
			throw error;
		}

		removeUnlessDirectory(place);
		await make();
	}
}

/** Opens an entry of a directory, a regular file for reading at once. What it is is asked of the open file, since the directory may change meanwhile. Gives nothing when it has gone. */
function openEntry(directory: Descriptor, dirent: Dirent<Buffer>): CopySource | undefined {
	try {
		const readable = dirent.isFile() ? openReadable(directory, dirent.name) : undefined;
		const file = readable ?? openFile(directory, dirent.name, {flags: O_PATH | O_NOFOLLOW});
		return {file, status: fstatSync(file.number, {bigint: true}), isReadable: readable !== undefined};
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}

function openReadable(directory: Descriptor, name: Buffer): Descriptor | undefined {
	try {
		return openFile(directory, name, {flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK});
	} catch (error) {
		// It is no regular file any more.
		if (errorCode(error) === 'ELOOP' || errorCode(error) === 'ENXIO') {
			return undefined;
		}

		throw error;
	}
}

function deviceKind(status: BigIntStats): DeviceKind {
	if (status.isFIFO()) {
		return 'fifo';
	}

	return status.isBlockDevice() ? 'block' : 'character';
}

// https://github.com/torvalds/linux/blob/v6.12/include/linux/kdev_t.h (new_decode_dev)
function deviceNumbers({rdev}: BigIntStats): {readonly major: number; readonly minor: number} {
	return {
		major: Number((rdev >> 8n) & 0xF_FFn),
		minor: Number((rdev & 0xFFn) | ((rdev >> 12n) & 0xF_FF_00n)),
	};
}

function parentOf(path: Buffer): Buffer {
	return path.subarray(0, Math.max(1, path.lastIndexOf(0x2F)));
}

function baseOf(path: Buffer): Buffer {
	return path.subarray(path.lastIndexOf(0x2F) + 1);
}
