import {Buffer} from 'node:buffer';
import type {NewDirectory} from '../../src/linux/make-directories.ts';
import {nameBytes, type Name} from '../../src/linux/name.ts';
import type {FileAttributes} from '../../snapshotter/file-attributes.ts';
import type {SnapshotTree, TreeFile} from '../../snapshotter/snapshot-tree.ts';
import {splitPath} from './destination.ts';
import type {PlannedContent} from './planned-content.ts';
import {Unplannable} from './unplannable.ts';

/** A file that a layer is going to hold. One with several names is one object. */
export type PlannedFile = {
	readonly kind: 'file';
	readonly attributes: FileAttributes;
	/** Of a regular file. */
	readonly content: PlannedContent | undefined;
};

/** A directory that a layer may hold: it is there in the tree below, or made. */
export type PlannedDirectory = {
	readonly kind: 'directory';
	/** Empty for the root, else with a slash at its end. */
	readonly path: Buffer;
	/** What it is in the tree below, if it is there. */
	readonly below: FileAttributes | undefined;
	attributes: FileAttributes;
	/** What the layer changes in it, by name; each byte as one UTF-16 unit ("latin1"). */
	readonly members: Map<string, PlannedFile | PlannedDirectory>;
};

/** What is in a place: known from the plan or from the tree below. */
type Found = PlannedFile | PlannedDirectory | {readonly kind: 'below'; readonly attributes: FileAttributes};

type OwnedMode = Pick<FileAttributes, 'mode' | 'uid' | 'gid'>;

/** Where something goes. */
export type PlannedPlace = {
	readonly directory: PlannedDirectory;
	/** Empty when the directory itself is meant. */
	readonly name: Buffer;
};

// As many as the kernel follows. https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maximumLinks = 40;

// Room for the names of the parents in every call that takes a path. https://man7.org/linux/man-pages/man3/pathconf.3.html (PATH_MAX)
const maximumPathLength = 2048;

// How a whiteout is called in a layer. https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
const whiteoutPrefix = '.wh.';

const groupIdBit = 0o2000;

const slash = 0x2F;

/**
The changes that a layer makes to the tree below it, before anything is written. What is in the tree is asked of it name by name.

It does what writing to a mounted tree would do, with the same results, or throws `Unplannable`.
*/
export class LayerPlan {
	readonly #below: SnapshotTree;
	/** The time of what is made or changed, in nanoseconds since the epoch. */
	readonly #now: bigint;
	readonly root: PlannedDirectory;

	constructor(below: SnapshotTree, now: bigint) {
		this.#below = below;
		this.#now = now;
		const attributes = below.rootAttributes;
		this.root = {
			kind: 'directory', path: Buffer.alloc(0), below: attributes, attributes, members: new Map(),
		};
	}

	#find({directory, name}: PlannedPlace): Found | undefined {
		const planned = directory.members.get(name.toString('latin1'));
		if (planned !== undefined) {
			return planned;
		}

		const below = this.below(directory, name);
		return below && {kind: 'below', attributes: below.attributes};
	}

	#put({directory, name}: PlannedPlace, member: PlannedFile | PlannedDirectory): void {
		const key = name.toString('latin1');
		if (key.startsWith(whiteoutPrefix) || directory.path.length + key.length > maximumPathLength) {
			throw new Unplannable(`the name ${key}`);
		}

		directory.members.set(key, member);
		if (directory.attributes.mtimeNanoseconds !== this.#now) {
			directory.attributes = {...directory.attributes, mtimeNanoseconds: this.#now};
		}
	}

	/** The directory in a place that is one; nothing about it changes. */
	#enter(place: PlannedPlace, found: Found): PlannedDirectory {
		if (found.kind === 'directory') {
			return found;
		}

		if (found.kind === 'file' || found.attributes.type !== 'directory') {
			throw new Unplannable('something that is no directory on the way');
		}

		const {attributes} = found;
		const entered: PlannedDirectory = {
			kind: 'directory', path: directoryPathOf(place), below: attributes, attributes, members: new Map(),
		};
		place.directory.members.set(place.name.toString('latin1'), entered);
		return entered;
	}

	/** Where the symbolic link in a place leads; nothing when there is none. */
	#linkTarget(found: Found | undefined): Buffer | undefined {
		return found?.kind !== 'directory' && found?.attributes.type === 'symlink' ? nameBytes(found.attributes.linkTarget) : undefined;
	}

	/**
	Makes the directories of a path that are not there. Symbolic links are followed inside the tree, also those that lead to nothing.

	@returns the last one
	*/
	makeDirectories(path: Name, attributes: NewDirectory): PlannedDirectory {
		const trail = [this.root];
		const names = namesOf(nameBytes(path)).toReversed();
		let links = 0;
		for (let name = names.pop(); name !== undefined; name = names.pop()) {
			if (name === '..') {
				trail.length = Math.max(1, trail.length - 1);
				continue;
			}

			const place = {directory: trail.at(-1)!, name: Buffer.from(name, 'latin1')};
			const found = this.#find(place);
			const target = this.#linkTarget(found);
			if (target === undefined) {
				trail.push(found === undefined ? this.makeDirectory(place, attributes) : this.#enter(place, found));
				continue;
			}

			links++;
			if (links > maximumLinks) {
				throw new Unplannable('too many symbolic links');
			}

			trail.length = target[0] === slash ? 1 : trail.length;
			names.push(...namesOf(target).toReversed());
		}

		return trail.at(-1)!;
	}

	/** Finds the place that a path leads to, whether there is something or not. Links are followed in the last place too, and missing directories on the way made. */
	findPlace(path: Buffer, attributes: NewDirectory): PlannedPlace {
		let current = path;
		for (let links = 0; links <= maximumLinks; links++) {
			const {parent, name} = splitPath(current);
			const place = {directory: this.makeDirectories(parent, attributes), name};
			const target = name.length === 0 ? undefined : this.#linkTarget(this.#find(place));
			if (target === undefined) {
				return place;
			}

			current = target[0] === slash ? target : Buffer.concat([Buffer.from('/'), place.directory.path, target]);
		}

		throw new Unplannable('too many symbolic links');
	}

	/** Makes a directory where nothing is. */
	makeDirectory(place: PlannedPlace, newDirectory: NewDirectory): PlannedDirectory {
		const status = statusOfNew(newDirectory, place.directory.attributes);
		const made: PlannedDirectory = {
			kind: 'directory', path: directoryPathOf(place), below: undefined, attributes: directoryAttributes(status, this.#now), members: new Map(),
		};
		this.#put(place, made);
		return made;
	}

	/** The directory in a place; `undefined` when something else is there, or nothing. */
	directoryIn(place: PlannedPlace): PlannedDirectory | undefined {
		if (place.name.length === 0) {
			return place.directory;
		}

		const found = this.#find(place);
		return found?.kind === 'directory' || (found?.kind === 'below' && found.attributes.type === 'directory') ? this.#enter(place, found) : undefined;
	}

	/** The directory in a place, which is made when there is nothing. */
	openDirectory(place: PlannedPlace, attributes: NewDirectory): PlannedDirectory {
		const found = place.name.length === 0 ? place.directory : this.#find(place);
		return found === undefined ? this.makeDirectory(place, attributes) : this.#enter(place, found);
	}

	/** Puts a file in the place of whatever is there but a directory. */
	putFile(place: PlannedPlace, file: PlannedFile): void {
		if (this.directoryIn(place) !== undefined) {
			throw new Unplannable('a directory in the place of a file');
		}

		this.#put(place, file);
	}

	/** Gives a directory the attributes of another one. It keeps the extended attributes that the other lacks. */
	setAttributes(directory: PlannedDirectory, attributes: FileAttributes): void {
		directory.attributes = {...attributes, xattrs: new Map([...directory.attributes.xattrs, ...attributes.xattrs])};
	}

	/** Gives a directory permissions. */
	setMode(directory: PlannedDirectory, mode: number): void {
		directory.attributes = {...directory.attributes, mode};
	}

	/** Gives a directory a time. Alone this is no change of it. */
	setTime(directory: PlannedDirectory, mtimeNanoseconds: bigint): void {
		directory.attributes = {...directory.attributes, mtimeNanoseconds};
	}

	/** What is at the path of a member in the tree below. */
	below(directory: PlannedDirectory, name: Buffer): TreeFile | undefined {
		const found = directory.below && this.#below.find(pathOf({directory, name}));
		if (found === 'socket') {
			throw new Unplannable('a socket in the tree below');
		}

		return found;
	}
}

function pathOf({directory, name}: PlannedPlace): Buffer {
	return Buffer.concat([directory.path, name]);
}

function directoryPathOf(place: PlannedPlace): Buffer {
	return Buffer.concat([pathOf(place), Buffer.from('/')]);
}

/** As the kernel would have it: a directory with the set-group-ID bit gives it, and its group, to those that are made in it. */
function statusOfNew({mode, uid, gid, inheritsSetGroupId = false}: NewDirectory, around: FileAttributes): OwnedMode {
	const isInherited = (around.mode & groupIdBit) !== 0;
	return {
		mode: isInherited && inheritsSetGroupId ? mode | groupIdBit : mode,
		uid,
		gid: gid ?? (isInherited ? around.gid : 0),
	};
}

function directoryAttributes(status: OwnedMode, mtimeNanoseconds: bigint): FileAttributes {
	return {
		...status,
		type: 'directory',
		mtimeNanoseconds,
		size: 0,
		linkTarget: '',
		deviceMajor: 0,
		deviceMinor: 0,
		xattrs: new Map(),
	};
}

function namesOf(path: Buffer): string[] {
	return path.toString('latin1').split('/').filter(name => name !== '' && name !== '.');
}
