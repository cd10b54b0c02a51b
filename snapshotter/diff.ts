import {Buffer} from 'node:buffer';
import type {BigIntStats} from 'node:fs';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_PATH,
} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {listExtendedAttributes} from '../src/linux/extended-attributes.ts';
import {
	openDirectoryIn,
	pathIn,
	readFileAttributes,
	sortedNames,
	statusIn,
	type FileAttributes,
} from './file-attributes.ts';
import {isUnchanged} from './file-comparison.ts';
import {readContent} from './file-content.ts';
import type {SnapshotChanges} from './snapshotter.ts';
import type {NewTarEntry} from './tar-entry.ts';
import {writeTar, type TarMember} from './tar-writer.ts';
import {
	isOverlayOpaque,
	isOverlayWhiteout,
	opaqueMarkName,
	whiteoutName,
} from './whiteout.ts';

const nanosecondsPerSecond = 1_000_000_000n;
const slash = Buffer.from('/');

/** What a diff is made with. */
export type LayerTarOptions = {
	/** The merged tree that the changes stand on; `undefined` when they stand on nothing. */
	readonly parent: Descriptor | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** A directory that the walk is in. */
type Level = {
	readonly directory: Descriptor;
	/** The same directory in the parent tree, unless it is not there or hidden as a whole. */
	readonly below: Descriptor | undefined;
	/** Path in the layer: empty, or with a slash at its end. */
	readonly path: Buffer;
	/** Still to come, the next one last. */
	readonly names: Buffer[];
	/** The directory's own entry, as long as nothing is known to have changed but its times. */
	unwritten: NewTarEntry | undefined;
};

/** By inode: the path under which a file with several names was written. */
type FirstNames = Map<string, Buffer>;

type Found = {readonly level: Level; readonly name: Buffer; readonly status: BigIntStats};

/**
The layer tar of a snapshot's changes: what differs from the parent, each directory before its content, names in the order of their bytes, times cut to seconds. The same changes give the same bytes, and those that BuildKit would give, but for directories that were removed and made again: they get one opaque mark, not a whiteout for each file.

Left out are sockets, what is the same as in the parent (a file that was opened for writing, a directory in which something came and went), and whiteouts of what the parent does not have.

A file that is itself named like a whiteout (`.wh.x`) is written as it is, as by BuildKit, and read back as a whiteout.

@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a file is written to meanwhile; the reason of `signal`
@see https://github.com/containerd/containerd/blob/v2.0.0/pkg/archive/tar.go
*/
export function layerTar(changes: SnapshotChanges, options: LayerTarOptions): AsyncIterable<Uint8Array> {
	switch (changes.kind) {
		case 'overlay-upper': {
			return writeTar(overlayMembers(changes.directory, options));
		}
	}
}

/**
The tar of a whole tree, written as `layerTar` writes files. The caller closes `root` after the last chunk.

@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a file is written to meanwhile; the reason of `signal`
*/
export function treeTar(root: Descriptor, {signal}: {readonly signal?: AbortSignal | undefined} = {}): AsyncIterable<Uint8Array> {
	return writeTar(changedMembers(root, {parent: undefined, signal}));
}

function * overlayMembers(upperDirectory: string, options: LayerTarOptions): Generator<TarMember> {
	using root = Descriptor.open(upperDirectory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	yield * changedMembers(root, options);
}

function * changedMembers(root: Descriptor, {parent, signal}: LayerTarOptions): Generator<TarMember> {
	using levels = new Levels();
	const firstNames: FirstNames = new Map();
	levels.enter({
		directory: root, below: parent, path: Buffer.alloc(0), unwritten: undefined,
	});
	for (let level = levels.last; level !== undefined; level = levels.last) {
		const name = level.names.pop();
		if (name === undefined) {
			levels.leave();
			continue;
		}

		signal?.throwIfAborted();
		const found = {level, name, status: statusIn(level.directory, name)!};
		yield * found.status.isDirectory() ? enterDirectory(found, levels) : fileMembers(found, {levels, firstNames});
	}
}

function * enterDirectory({level, name, status}: Found, levels: Levels): Generator<TarMember> {
	const directory = openDirectoryIn(level.directory, name)!;
	const below = level.below === undefined ? undefined : openDirectoryIn(level.below, name);
	const isHiding = below !== undefined && isOverlayOpaque(directory);
	if (isHiding) {
		below.close();
	}

	const path = Buffer.concat([level.path, name, slash]);
	const attributes = readFileAttributes(level.directory, name, status)!;
	levels.enter({
		directory, below: isHiding ? undefined : below, path, unwritten: entryOf(path, attributes),
	});
	if (isHiding) {
		yield * levels.takeUnwritten();
		yield {entry: whiteoutEntry(Buffer.concat([path, opaqueMarkName]))};
	} else if (!isUnchanged(level, name, attributes)) {
		yield * levels.takeUnwritten();
	}
}

function * fileMembers(found: Found, {levels, firstNames}: {readonly levels: Levels; readonly firstNames: FirstNames}): Generator<TarMember> {
	const {level, name, status} = found;
	const isWhiteout = isOverlayWhiteout(status, () => listExtendedAttributes(pathIn(level.directory, name)));
	const member = isWhiteout ? whiteoutMember(found) : changedMember(found, firstNames);
	if (member === undefined) {
		return;
	}

	yield * levels.takeUnwritten();
	yield member;
}

function whiteoutMember({level: {below, path}, name}: Found): TarMember | undefined {
	return below === undefined || statusIn(below, name) === undefined ? undefined : {entry: whiteoutEntry(Buffer.concat([path, whiteoutName(name)]))};
}

function changedMember({level, name, status}: Found, firstNames: FirstNames): TarMember | undefined {
	const attributes = readFileAttributes(level.directory, name, status);
	if (attributes === undefined || isUnchanged(level, name, attributes)) {
		return undefined;
	}

	const path = Buffer.concat([level.path, name]);
	const entry = entryOf(path, attributes);
	const inode = `${status.dev}:${status.ino}`;
	const firstName = firstNames.get(inode);
	if (firstName !== undefined) {
		return {entry: {...entry, type: 'hardlink', linkTarget: firstName}};
	}

	if (status.nlink > 1n) {
		firstNames.set(inode, path);
	}

	return attributes.size === 0 ? {entry} : {entry, content: readContent(pathIn(level.directory, name), attributes.size)};
}

// Owner and mode 0 and the beginning of time: the same wherever and whenever the layer is made.
function whiteoutEntry(path: Buffer): NewTarEntry {
	return {path, type: 'file', mode: 0};
}

function entryOf(path: Buffer, attributes: FileAttributes): NewTarEntry {
	const {mtimeNanoseconds} = attributes;
	return {...attributes, path, mtimeNanoseconds: mtimeNanoseconds - modulo(mtimeNanoseconds, nanosecondsPerSecond)};
}

function modulo(value: bigint, divisor: bigint): bigint {
	return ((value % divisor) + divisor) % divisor;
}

/** The directories from the root to where the walk is, open. */
class Levels implements Disposable {
	readonly #levels: Level[] = [];

	get last(): Level | undefined {
		return this.#levels.at(-1);
	}

	enter(level: Omit<Level, 'names'>): void {
		this.#levels.push({...level, names: sortedNames(level.directory).toReversed()});
	}

	leave(): void {
		// Those of the root belong to others.
		const left = this.#levels.length > 1 ? this.last : undefined;
		left?.directory.close();
		left?.below?.close();
		this.#levels.pop();
	}

	/**
	The entries of the directories down to here that are not written yet.

	@yields the outermost first
	*/
	* takeUnwritten(): Generator<TarMember> {
		for (const level of this.#levels) {
			const entry = level.unwritten;
			level.unwritten = undefined;
			if (entry !== undefined) {
				yield {entry};
			}
		}
	}

	[Symbol.dispose](): void {
		while (this.#levels.length > 0) {
			this.leave();
		}
	}
}
