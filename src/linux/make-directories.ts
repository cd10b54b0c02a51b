import {Buffer} from 'node:buffer';
import {fstatSync} from 'node:fs';
import {constants} from 'node:os';
import {errorCode} from '../kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_PATH} from './constants.ts';
import type {BorrowedDescriptor, Descriptor} from './descriptor.ts';
import {
	changeMode,
	changeOwner,
	makeDirectory,
	readSymbolicLink,
	setTimes,
} from './files.ts';
import {LinuxError} from './linux-error.ts';
import {nameBytes, type Name} from './name.ts';
import {openFile} from './open-file.ts';

/**
What new directories are like.
*/
export type NewDirectory = {
	/**
	Permissions; the umask of the process has no effect.
	*/
	readonly mode: number;
	readonly uid: number;
	/**
	When not given, the one that the kernel gives: that of the directory around it, if that has the set-group-ID bit.
	*/
	readonly gid?: number | undefined;
	/**
	Whether a set-group-ID bit from the directory around it stays, as it does when nobody changes the permissions.

	@see https://man7.org/linux/man-pages/man7/inode.7.html (S_ISGID)
	*/
	readonly inheritsSetGroupId?: boolean;
	readonly mtimeNanoseconds?: bigint;
};

/**
What `makeDirectoriesInRoot` has done.
*/
export type MadeDirectories = {
	/**
	The last directory of the path, opened with O_PATH.
	*/
	readonly directory: Descriptor;
	/**
	The directories that were not there before, outermost first, as absolute paths inside the root.
	*/
	readonly created: readonly Buffer[];
};

// A directory that the walk has entered. Paths and names are bytes here, each held as one UTF-16 unit ("latin1") so that they can be split.
type Step = {
	readonly directory: Descriptor;
	readonly path: string;
};

// As many as the kernel follows. https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maximumLinks = 40;

// Nobody else enters a new directory before it has its owner.
const ownerOnly = 0o700;

const groupIdBit = 0o2000;

const slash = 0x2F;

// How often a name may appear and vanish again while it is being made.
const maximumAttempts = 10_000;

/**
Makes the directories of a path inside a root that are not there yet, and opens the last. Symbolic links are followed within the root, also those that lead to nothing: their target is made.

The walk goes from directory to directory by descriptors, each opened by its single name without following a link, so whatever others rename meanwhile, it never leaves the root.

@throws {LinuxError} `ENOTDIR` when something else has one of the names; `ELOOP` for too many links; `EROFS`, `ENOSPC`
*/
export function makeDirectoriesInRoot(root: BorrowedDescriptor, path: Name, attributes: NewDirectory): MadeDirectories {
	using walk = new Walk(root, path);
	const created: Step[] = [];
	for (let name = walk.nextName(); name !== undefined; name = walk.nextName()) {
		const {file, isNew} = openOrMake(walk.directory, name);
		const step = walk.enter(file, name);
		if (!isNew || step === undefined) {
			continue;
		}

		setAttributes(file, attributes);
		created.push(step);
	}

	setTimesOfAll(created, attributes.mtimeNanoseconds);
	return {
		directory: openFile(walk.directory, '.', {flags: O_PATH | O_DIRECTORY}),
		created: created.map(step => Buffer.from(step.path, 'latin1')),
	};
}

function setAttributes(directory: Descriptor, {mode, uid, gid, inheritsSetGroupId = false}: NewDirectory): void {
	const status = fstatSync(directory.number);
	changeOwner(directory, '', {uid, gid: gid ?? status.gid});
	changeMode(directory, '', inheritsSetGroupId ? mode | (status.mode & groupIdBit) : mode);
}

class Walk implements Disposable {
	readonly #path: Name;
	readonly #opened = new DisposableStack();
	// From the root to where the walk is.
	readonly #trail: Step[];
	// The next name last.
	readonly #names: string[];
	#links = 0;

	constructor(root: BorrowedDescriptor, path: Name) {
		this.#path = path;
		this.#names = splitPath(nameBytes(path)).toReversed();
		this.#trail = [{directory: this.#opened.use(openFile(root, '.', {flags: O_PATH | O_DIRECTORY})), path: ''}];
	}

	#follow(target: Buffer): void {
		this.#links++;
		if (this.#links > maximumLinks) {
			throw this.#failure(constants.errno.ELOOP);
		}

		if (target[0] === slash) {
			this.#trail.length = 1;
		}

		this.#names.push(...splitPath(target).toReversed());
	}

	#failure(errorNumber: number): LinuxError {
		return new LinuxError('mkdirat', -errorNumber, {action: 'make directory', path: this.#path});
	}

	get directory(): Descriptor {
		return this.#trail.at(-1)!.directory;
	}

	/**
	The next name to enter. ".." is never looked up: it leads back the way that the walk came.
	*/
	nextName(): string | undefined {
		let name = this.#names.pop();
		while (name === '..') {
			this.#trail.length = Math.max(1, this.#trail.length - 1);
			name = this.#names.pop();
		}

		return name;
	}

	/**
	Goes into a directory, or along a symbolic link (and then returns nothing).
	*/
	enter(file: Descriptor, name: string): Step | undefined {
		this.#opened.use(file);
		const status = fstatSync(file.number);
		if (status.isSymbolicLink()) {
			this.#follow(readSymbolicLink(file, ''));
			return undefined;
		}

		if (!status.isDirectory()) {
			throw this.#failure(constants.errno.ENOTDIR);
		}

		const step = {directory: file, path: `${this.#trail.at(-1)!.path}/${name}`};
		this.#trail.push(step);
		return step;
	}

	[Symbol.dispose](): void {
		this.#opened.dispose();
	}
}

function openOrMake(parent: Descriptor, name: string): {readonly file: Descriptor; readonly isNew: boolean} {
	const bytes = Buffer.from(name, 'latin1');
	let isNew = false;
	for (let attempt = 1; ; attempt++) {
		try {
			return {file: openFile(parent, bytes, {flags: O_PATH | O_NOFOLLOW}), isNew};
		} catch (error) {
			if (attempt === maximumAttempts || errorCode(error) !== 'ENOENT') {
				throw error;
			}
		}

		isNew = makeUnlessThere(parent, bytes);
	}
}

function makeUnlessThere(parent: Descriptor, name: Uint8Array): boolean {
	try {
		makeDirectory(parent, name, ownerOnly);
		return true;
	} catch (error) {
		if (errorCode(error) === 'EEXIST') {
			return false;
		}

		throw error;
	}
}

// Making a directory changes the time of the one above, so times come last.
function setTimesOfAll(created: readonly Step[], mtimeNanoseconds: bigint | undefined): void {
	if (mtimeNanoseconds !== undefined) {
		for (const {directory} of created) {
			setTimes(directory, '', {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
		}
	}
}

function splitPath(path: Buffer): string[] {
	return path.toString('latin1').split('/').filter(name => name !== '' && name !== '.');
}
