import {Buffer} from 'node:buffer';
import {lutimes, readdir, rm} from 'node:fs/promises';
import {errorMessage, TsbuildError} from '../../src/kernel/errors.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {renameFile} from '../../src/linux/files.ts';
import {openInRoot} from '../../src/linux/resolve.ts';
import {sortedNames} from '../../snapshotter/file-attributes.ts';

const gitName = Buffer.from('.git');

/** Removes the files by which submodules find their repositories. Git itself never checks out a file of that name. */
export async function removeGitFiles(directory: string): Promise<void> {
	for await (const file of walk(Buffer.from(directory))) {
		if (file.name.equals(gitName)) {
			await rm(file.path, {recursive: true, force: true});
		}
	}
}

/** Gives a directory and all files below it one time, in seconds since the epoch; directories after what is in them. */
export async function setAllTimes(directory: string, time: number, signal: AbortSignal): Promise<void> {
	for await (const file of walk(Buffer.from(directory))) {
		signal.throwIfAborted();
		await lutimes(file.path, time, time);
	}

	await lutimes(directory, time, time);
}

/**
Moves what is in a subdirectory of a repository. Links on the way to it lead nowhere outside.

@throws {TsbuildError} `ERR_TSBUILD_GIT` when there is no such directory
*/
export function moveSubdirectory(workTree: string, subdirectory: string, target: string): void {
	using root = Descriptor.open(workTree, O_PATH | O_DIRECTORY);
	using source = openSubdirectory(root, subdirectory);
	using destination = Descriptor.open(target, O_PATH | O_DIRECTORY);
	for (const name of sortedNames(source)) {
		renameFile({directory: source, name}, {directory: destination, name});
	}
}

function openSubdirectory(root: Descriptor, subdirectory: string): Descriptor {
	try {
		return openInRoot(root, subdirectory, {flags: O_DIRECTORY});
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_GIT', `failed to open subdir ${subdirectory}: ${errorMessage(error)}`, {cause: error, hint: 'Check the name of the directory behind the colon.'});
	}
}

type WalkedFile = {readonly path: Buffer; readonly name: Buffer};

/**
All files below a directory.

@yields what is in a directory before the directory
*/
async function * walk(directory: Buffer): AsyncGenerator<WalkedFile, void, undefined> {
	for (const entry of await readdir(directory, {withFileTypes: true, encoding: 'buffer'})) {
		const file = {path: Buffer.concat([directory, Buffer.from('/'), entry.name]), name: entry.name};
		if (entry.isDirectory()) {
			yield * walk(file.path);
		}

		yield file;
	}
}
