import {Buffer} from 'node:buffer';
import type {BigIntStats} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_PATH,
} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {overlayForm, treeForm, type ChangesForm} from './changes-form.ts';
import {
	openDirectoryIn,
	pathIn,
	readFileAttributes,
	statusIn,
	type FileAttributes,
} from './file-attributes.ts';
import {FileComparison} from './file-comparison.ts';
import {readContent} from './file-content.ts';
import {layerEntry, layerLinkEntry} from './layer-entry.ts';
import {LinkedNames} from './linked-names.ts';
import type {SnapshotChanges} from './snapshotter.ts';
import type {NewTarEntry} from './tar-entry.ts';
import {writeTar, type TarMember} from './tar-writer.ts';
import {opaqueMarkName, whiteoutName} from './whiteout.ts';

const slash = Buffer.from('/');

// Other work of this process gets its turn this often, also where nothing has changed.
const filesAtOnce = 500;

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

/** What the whole walk knows. */
type Walk = {
	readonly levels: Levels;
	readonly links: LinkedNames;
	readonly comparison: FileComparison;
	readonly form: ChangesForm;
};

type Found = {readonly level: Level; readonly name: Buffer; readonly status: BigIntStats | undefined};

/**
The layer tar of a snapshot's changes: what differs from the parent, each directory before its content, names in the order of their bytes, times cut to seconds. The same changes give the same bytes, and those that BuildKit would give, but for directories that were removed and made again: they get one opaque mark, not a whiteout for each file.

Left out are sockets, what is the same as in the parent (a file that was opened for writing, a directory in which something came and went), and whiteouts of what the parent does not have. Of a file with several names all are written, also those that the parent has already: else they would name two files.

A file that is itself named like a whiteout (`.wh.x`) is written as it is, as by BuildKit, and read back as a whiteout.

@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a file is written to meanwhile; the reason of `signal`
@see https://github.com/containerd/containerd/blob/v2.0.0/pkg/archive/tar.go
*/
export function layerTar(changes: SnapshotChanges, options: LayerTarOptions): AsyncIterable<Uint8Array> {
	switch (changes.kind) {
		case 'overlay-upper': {
			return writeTar(membersOf(changes.directory, {...options, form: overlayForm(changes.attributes)}));
		}

		case 'tree': {
			return writeTar(membersOf(changes.directory, {...options, form: treeForm(changes)}));
		}
	}
}

/** What goes into the tar of a tree besides its files. */
export type TreeTarOptions = {
	/** The time of every entry; its own when not given. */
	readonly mtimeNanoseconds?: bigint | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
The tar of a whole tree, written as `layerTar` writes files. The caller closes `root` after the last chunk.

@throws {TsbuildError} `ERR_TSBUILD_TAR_CONTENT` when a file is written to meanwhile; the reason of `signal`
*/
export function treeTar(root: Descriptor, {mtimeNanoseconds, signal}: TreeTarOptions = {}): AsyncIterable<Uint8Array> {
	const members = changedMembers(root, {parent: undefined, form: overlayForm('none'), signal});
	return writeTar(mtimeNanoseconds === undefined ? members : withTime(members, mtimeNanoseconds));
}

async function * withTime(members: AsyncIterable<TarMember>, mtimeNanoseconds: bigint): AsyncGenerator<TarMember> {
	for await (const member of members) {
		yield {...member, entry: {...member.entry, mtimeNanoseconds}};
	}
}

type WalkOptions = LayerTarOptions & {readonly form: ChangesForm};

async function * membersOf(directory: string, options: WalkOptions): AsyncGenerator<TarMember> {
	using root = Descriptor.open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
	yield * changedMembers(root, options);
}

async function * changedMembers(root: Descriptor, {parent, form, signal}: WalkOptions): AsyncGenerator<TarMember> {
	using levels = new Levels(form);
	const walk = {
		levels, links: new LinkedNames(), comparison: new FileComparison(form), form,
	};
	levels.enter({
		directory: root, below: parent, path: Buffer.alloc(0), unwritten: undefined,
	});
	let count = 0;
	for (let level = levels.last; level !== undefined; level = levels.last) {
		const name = level.names.pop();
		if (name === undefined) {
			levels.leave();
			continue;
		}

		count++;
		if (count % filesAtOnce === 0) {
			await setImmediate();
		}

		signal?.throwIfAborted();
		const found = {level, name, status: statusIn(level.directory, name)};
		yield * found.status?.isDirectory() === true ? enterDirectory(found, found.status, walk) : fileMembers(found, walk);
	}
}

function * enterDirectory({level, name}: Found, status: BigIntStats, {levels, comparison, form}: Walk): Generator<TarMember> {
	const directory = openDirectoryIn(level.directory, name)!;
	const below = level.below === undefined ? undefined : openDirectoryIn(level.below, name);
	const isHiding = below !== undefined && form.isOpaque(directory);
	if (isHiding) {
		below.close();
	}

	const path = Buffer.concat([level.path, name, slash]);
	const attributes = readFileAttributes(level.directory, name, status)!;
	levels.enter({
		directory, below: isHiding ? undefined : below, path, unwritten: layerEntry(path, attributes),
	});
	if (isHiding) {
		yield * levels.takeUnwritten();
		yield {entry: whiteoutEntry(Buffer.concat([path, opaqueMarkName]))};
	} else if (!comparison.isUnchanged(level, name, attributes)) {
		yield * levels.takeUnwritten();
	}
}

function * fileMembers(found: Found, walk: Walk): Generator<TarMember> {
	const {level: {directory}, name, status} = found;
	const isGone = status === undefined || walk.form.isWhiteout(status, pathIn(directory, name));
	const attributes = isGone ? undefined : readFileAttributes(directory, name, status);
	// No layer holds a socket, but what was in its place has gone.
	const members = isGone || attributes === undefined ? whiteoutMembers(found) : changedMembersOf(found, {attributes, inode: inodeOf(status), walk});
	for (const member of members) {
		yield * walk.levels.takeUnwritten();
		yield member;
	}
}

function * whiteoutMembers({level: {below, path}, name}: Found): Generator<TarMember> {
	if (below !== undefined && statusIn(below, name) !== undefined) {
		yield {entry: whiteoutEntry(Buffer.concat([path, whiteoutName(name)]))};
	}
}

function * changedMembersOf({level, name}: Found, {attributes, inode, walk: {links, comparison}}: {
	readonly attributes: FileAttributes;
	/** Of a file with several names. */
	readonly inode: string | undefined;
	readonly walk: Walk;
}): Generator<TarMember> {
	const path = Buffer.concat([level.path, name]);
	const firstName = links.writtenName(inode);
	if (firstName !== undefined) {
		yield {entry: layerLinkEntry(path, firstName, attributes)};
		return;
	}

	if (comparison.isUnchanged(level, name, attributes)) {
		links.addUnchanged(inode, path);
		return;
	}

	const entry = layerEntry(path, attributes);
	yield attributes.size === 0 ? {entry} : {entry, content: readContent(pathIn(level.directory, name), attributes.size)};
	for (const unchanged of links.addWritten(inode, path)) {
		yield {entry: layerLinkEntry(unchanged, path, attributes)};
	}
}

// Owner and mode 0 and the beginning of time: the same wherever and whenever the layer is made.
function whiteoutEntry(path: Buffer): NewTarEntry {
	return {path, type: 'file', mode: 0};
}

function inodeOf({dev, ino, nlink}: BigIntStats): string | undefined {
	return nlink > 1n ? `${dev}:${ino}` : undefined;
}

/** The directories from the root to where the walk is, open. */
class Levels implements Disposable {
	readonly #levels: Level[] = [];
	readonly #form: ChangesForm;

	constructor(form: ChangesForm) {
		this.#form = form;
	}

	get last(): Level | undefined {
		return this.#levels.at(-1);
	}

	enter(level: Omit<Level, 'names'>): void {
		this.#levels.push({...level, names: this.#form.names(level.directory, level.below).toReversed()});
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
