import {randomUUID} from 'node:crypto';
import {fchmodSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {errorCode} from '../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import {type Descriptor} from '../src/linux/descriptor.ts';
import {
	changeMode,
	removeDirectory,
	removeFile,
	renameFile,
} from '../src/linux/files.ts';
import type {Name} from '../src/linux/name.ts';
import {openFile} from '../src/linux/open-file.ts';

// Each level of a walk holds a descriptor, and a step can nest directories without end.
const maximumDepth = 64;

// Other work of this process gets its turn this often.
const changesAtOnce = 500;

// In vain so often only where somebody changes names as quickly as they are looked at.
const maximumIdleTurns = 1000;

// What a directory is opened as: never through a symbolic link.
const directoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** What all parts of one removal share. */
type Removal = {
	/** Takes the directories that are too deep to be walked where they are. */
	readonly top: Descriptor;
	changes: number;
};

/**
Removes a file or a whole directory tree; nothing happens when there is none.

Made for trees that hostile programs have filled: no symbolic link is followed, not even one that is put in place meanwhile; names are bytes; directories may be as deep as they like and have any mode. Several processes may remove the same tree at the same time.

@throws {LinuxError} `EBUSY` for a mount point; `ENOTEMPTY` for a directory that cannot be emptied; `EPERM` for a file with the immutable attribute
*/
export async function removeTree(file: string): Promise<void> {
	using parent = openIfDirectory(undefined, path.dirname(file));
	if (parent === undefined) {
		return;
	}

	await removeTreeIn(parent, path.basename(file));
}

/**
Removes one name of an open directory with all that is below it, as `removeTree` does.

@throws {LinuxError} as `removeTree`
*/
export async function removeTreeIn(parent: Descriptor, name: Name): Promise<void> {
	using top = openIfDirectory(parent, name);
	if (top === undefined) {
		tolerate(['ENOENT'], () => {
			removeFile(parent, name);
		});
		return;
	}

	await removeAllIn(top);
	tolerate(['ENOENT'], () => {
		removeDirectory(parent, name);
	});
}

// A turn leaves something when directories were too deep, or when somebody still writes there.
async function removeAllIn(top: Descriptor): Promise<void> {
	let idleTurns = 0;
	while (idleTurns < maximumIdleTurns && readdirSync(top.path).length > 0) {
		const removal: Removal = {top, changes: 0};
		await removeEntries(top, removal, 0);
		idleTurns = removal.changes === 0 ? idleTurns + 1 : 0;
	}
}

async function removeEntries(directory: Descriptor, removal: Removal, depth: number): Promise<void> {
	for (const entry of readdirSync(directory.path, {withFileTypes: true, encoding: 'buffer'})) {
		if (!entry.isDirectory()) {
			change(directory, removal, () => {
				removeFile(directory, entry.name);
			});
		} else if (depth < maximumDepth) {
			await removeBranch(directory, entry.name, {removal, depth});
		} else {
			moveToTop(directory, entry.name, removal);
		}

		if (removal.changes % changesAtOnce === 0) {
			await setImmediate();
		}
	}
}

async function removeBranch(parent: Descriptor, name: Name, {removal, depth}: {readonly removal: Removal; readonly depth: number}): Promise<void> {
	using directory = openIfDirectory(parent, name);
	if (directory === undefined) {
		return;
	}

	await removeEntries(directory, removal, depth + 1);
	change(parent, removal, () => {
		removeDirectory(parent, name);
	});
}

function moveToTop(parent: Descriptor, name: Name, removal: Removal): void {
	change(parent, removal, () => {
		renameFile({directory: parent, name}, {directory: removal.top, name: `.removed-${randomUUID()}`});
	});
}

// Not everything that fails here is the end: somebody else may have removed the name, or put something else there; the next turn sees it.
function change(directory: Descriptor, removal: Removal, action: () => void): void {
	const isDone = tolerate(['ENOENT', 'ENOTEMPTY', 'EISDIR', 'ENOTDIR'], () => {
		withPermission(action, () => {
			fchmodSync(directory.number, 0o700);
		});
	});
	removal.changes += isDone ? 1 : 0;
}

function openIfDirectory(parent: Descriptor | undefined, name: Name): Descriptor | undefined {
	let opened: Descriptor | undefined;
	tolerate(['ENOENT', 'ENOTDIR', 'ELOOP'], () => {
		withPermission(() => {
			opened = openFile(parent, name, {flags: directoryFlags});
		}, () => {
			changeMode(parent, name, 0o700);
		});
	});
	return opened;
}

// Root may do everything; whoever builds without root owns the directories, but a step may have taken the rights away.
function withPermission(action: () => void, permit: () => void): void {
	if (tolerate(['EACCES'], action)) {
		return;
	}

	permit();
	action();
}

function tolerate(codes: readonly string[], action: () => void): boolean {
	try {
		action();
		return true;
	} catch (error) {
		if (codes.includes(errorCode(error) ?? '')) {
			return false;
		}

		throw error;
	}
}
