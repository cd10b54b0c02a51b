import type {Buffer} from 'node:buffer';
import {randomUUID} from 'node:crypto';
import {fstatSync, readdirSync, type BigIntStats} from 'node:fs';
import path from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {O_DIRECTORY, O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {listExtendedAttributes, removeExtendedAttribute} from '../src/linux/extended-attributes.ts';
import {
	makeDirectory,
	removeFile,
	renameFile,
	setTimes,
} from '../src/linux/files.ts';
import {openFile} from '../src/linux/open-file.ts';
import {sortedNames, statusIn} from './file-attributes.ts';
import {removeTree} from './remove-tree.ts';
import {copyDirectoryAttributes, type Place} from './set-attributes.ts';
import {isOverlayOpaque, isWhiteoutMark, opaqueMarkName} from './whiteout.ts';

// What a directory is opened as: never through a symbolic link.
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// Other work of this process gets its turn this often.
const filesAtOnce = 500;

/** Changes and the tree that they belong to. */
export type MergeOptions = {
	/** A directory that a layer was put into, marked for no overlay (`none`). What is left in it afterwards is of no use. */
	readonly changes: string;
	/** What lies below, on the same file system; afterwards it is what an overlay of the two would show. */
	readonly tree: string;
};

/** A directory of the changes whose names go into one of the tree. */
type Level = {
	readonly changes: Descriptor;
	readonly tree: Descriptor;
	/** Of the changes, before anything was taken out of them; `undefined` for the outermost, about which no layer says anything. */
	readonly status: BigIntStats | undefined;
	/** Still to come, the next one last. */
	readonly names: Buffer[];
};

/**
Does to a tree what a layer says: files are moved into it, what they or a whiteout stand for is removed, and directories that both have become one with the attributes of the layer's, but for the root directory, which keeps its own. Nothing happens when there are no changes.

Whatever is in either of them, no symbolic link is followed.

@throws {LinuxError} or a system error of Node; the tree has some part of the changes then
*/
export async function mergeChanges(options: MergeOptions): Promise<void> {
	if (readdirSync(options.changes).length === 0) {
		return;
	}

	using merge = new Merge(options);
	for (let count = 1; await merge.step(); count++) {
		if (count % filesAtOnce === 0) {
			await setImmediate();
		}
	}
}

class Merge implements Disposable {
	readonly #levels: Level[] = [];
	readonly #changesPath: string;

	constructor({changes, tree}: MergeOptions) {
		this.#changesPath = changes;
		using opened = new DisposableStack();
		this.#enter({
			changes: opened.use(Descriptor.open(changes, directoryFlags)),
			tree: opened.use(Descriptor.open(tree, directoryFlags)),
			status: undefined,
		});
		opened.move();
	}

	#enter(level: Omit<Level, 'names'>): void {
		this.#levels.push({...level, names: sortedNames(level.changes).toReversed()});
	}

	#leave(): void {
		const {changes, tree, status} = this.#levels.pop()!;
		if (status !== undefined) {
			replaceDirectoryAttributes(changes, tree);
			// Now that nothing more is made in it.
			setTimes(tree, '', {atimeNanoseconds: status.atimeNs, mtimeNanoseconds: status.mtimeNs});
		}

		changes.close();
		tree.close();
	}

	async #merge(change: Place, place: Place): Promise<void> {
		const status = statusIn(change.directory, change.name)!;
		if (status.isDirectory()) {
			await this.#mergeDirectory(change, place);
		} else if (!isWhiteoutMark(status)) {
			await this.#removeDirectory(place);
			renameFile(change, place);
		} else if (!change.name.equals(opaqueMarkName)) {
			await this.#remove(place);
		}
	}

	async #mergeDirectory(change: Place, place: Place): Promise<void> {
		using opened = new DisposableStack();
		const changes = opened.use(openFile(change.directory, change.name, {flags: directoryFlags}));
		const isMerged = statusIn(place.directory, place.name)?.isDirectory() === true && !isOverlayOpaque(changes, 'none');
		if (!isMerged) {
			await this.#remove(place);
			makeDirectory(place.directory, place.name, 0o700);
		}

		const tree = opened.use(openFile(place.directory, place.name, {flags: directoryFlags}));
		this.#enter({changes, tree, status: fstatSync(changes.number, {bigint: true})});
		opened.move();
	}

	async #remove(place: Place): Promise<void> {
		const status = statusIn(place.directory, place.name);
		if (status?.isDirectory() === true) {
			await this.#removeDirectory(place);
		} else if (status !== undefined) {
			removeFile(place.directory, place.name);
		}
	}

	// Moved out of the tree first, where it may be deeper than a path can say.
	async #removeDirectory(place: Place): Promise<void> {
		if (statusIn(place.directory, place.name)?.isDirectory() !== true) {
			return;
		}

		const removed = path.join(this.#changesPath, `.removed-${randomUUID()}`);
		renameFile(place, {name: removed});
		await removeTree(removed);
	}

	/** Takes one file over, or begins or ends one directory; tells whether there was anything to do. */
	async step(): Promise<boolean> {
		const level = this.#levels.at(-1);
		const name = level?.names.pop();
		if (level !== undefined && name !== undefined) {
			await this.#merge({directory: level.changes, name}, {directory: level.tree, name});
		} else if (level !== undefined) {
			this.#leave();
		}

		return level !== undefined;
	}

	[Symbol.dispose](): void {
		for (const {changes, tree} of this.#levels) {
			changes.close();
			tree.close();
		}
	}
}

/** Gives a directory the owner, extended attributes and mode of another, and takes what extended attributes it had besides. */
function replaceDirectoryAttributes(from: Descriptor, to: Descriptor): void {
	const kept = new Set(listExtendedAttributes(from));
	for (const name of listExtendedAttributes(to)) {
		if (!kept.has(name)) {
			removeExtendedAttribute(to, name);
		}
	}

	copyDirectoryAttributes(from, to);
}
