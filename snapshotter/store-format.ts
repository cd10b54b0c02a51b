import {constants} from 'node:fs';
import {
	chmod,
	glob,
	lstat,
	mkdir,
	open,
	readdir,
	readFile,
	rename,
	stat,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {explainDiskFailure} from '../src/kernel/disk-failure.ts';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {lock} from '../src/linux/lock.ts';
import {createImageLayout} from './image-layout.ts';
import {openMetadata} from './metadata.ts';
import {removeTree} from './remove-tree.ts';
import {sessionsDirectory} from './session.ts';
import {emptyDirectory, snapshotsDirectory} from './snapshot-directories.ts';
import {
	chooseSnapshotter,
	readSnapshotterChoice,
	type SnapshotterChoice,
	type SnapshotterName,
} from './snapshotter-choice.ts';

// Of the directory as a whole; the database has its own version. It is raised when an older tsbuild would damage the store.
const formatVersion = 1;

// A number and a line feed.
const maximumFormatSize = 16;

// What a directory may hold that is to become a store: what an interrupted attempt left, and what a fresh file system has.
const ownNames = /^(?:boot|cache-mounts|content|empty|flights|format\.new|garbage-collected|lost\+found|metadata\.db.*|mount-points|\.probe-.+|sessions|snapshots|snapshotter)$/v;

// S_IWGRP and S_IWOTH. https://man7.org/linux/man-pages/man7/inode.7.html
const writableByOthers = 0o022;

/** The image layout inside a store. */
export function contentDirectory(root: string): string {
	return path.join(root, 'content');
}

/**
Makes sure that a directory is a store of a format that we know.

@param root the directory
@param wanted the snapshotter that it must have; otherwise a new one gets what works there
@returns the snapshotter that it has
@throws {TsbuildError} `ERR_TSBUILD_STORE_VERSION`, `ERR_TSBUILD_STORE_FILE_SYSTEM`, `ERR_TSBUILD_STORE_SNAPSHOTTER`, `ERR_TSBUILD_STORE`
*/
export async function ensureStore(root: string, wanted?: SnapshotterName): Promise<SnapshotterChoice> {
	try {
		return await isStore(root) ? await readSnapshotterChoice(root, wanted) : await createStore(root, wanted);
	} catch (error) {
		throw error instanceof TsbuildError ? error : storeError(root, errorMessage(error), error);
	}
}

/** The store is one when its file `format` is there, which is written last. */
async function isStore(root: string): Promise<boolean> {
	const text = await readFormat(root);
	if (text === undefined) {
		return false;
	}

	await refuseStrangers(root);
	const version = /^\d{1,6}\n$/v.test(text) ? Number(text) : undefined;
	if (version === undefined) {
		throw new TsbuildError('ERR_TSBUILD_STORE', `failed to open store ${root}: its file format is damaged`, {hint: '\'tsbuild store check --repair\' writes it again.'});
	}

	if (version > formatVersion) {
		throw new TsbuildError('ERR_TSBUILD_STORE_VERSION', `failed to open store ${root}: it has format ${version}, this tsbuild knows up to ${formatVersion}`, {
			hint: 'Update tsbuild, or give it a store of its own with --root.',
		});
	}

	return true;
}

async function createStore(root: string, wanted: SnapshotterName | undefined): Promise<SnapshotterChoice> {
	await mkdir(root, {recursive: true, mode: 0o700});
	using directory = Descriptor.open(root, constants.O_RDONLY | constants.O_DIRECTORY);
	await lock(directory, 'exclusive');
	// Another process may have made it while this one waited.
	if (await isStore(root)) {
		return await readSnapshotterChoice(root, wanted);
	}

	await refuseForeignFiles(root);
	await refuseStrangers(root);
	await removeAttempts(root);
	// Images hold secrets and set-user-ID programs, which are not for the users of this machine.
	await chmod(root, 0o700);
	const choice = await chooseSnapshotter(root, wanted);
	for (const name of [snapshotsDirectory(root), sessionsDirectory(root), emptyDirectory(root)]) {
		await mkdir(name, {recursive: true});
	}

	await createImageLayout(contentDirectory(root));
	openMetadata(root)[Symbol.dispose]();
	await writeFormat(root);
	return choice;
}

// Whoever can write to a store decides what runs in its builds, and as whom.
async function refuseStrangers(root: string): Promise<void> {
	const {uid, mode} = await stat(root);
	if (uid !== process.geteuid!()) {
		throw storeError(root, `it belongs to user ${uid}`);
	}

	const isOpenToOthers = (mode & writableByOthers) !== 0;
	const names = isOpenToOthers ? await readdir(root) : [];
	if (names.length > 0) {
		throw storeError(root, 'other users may write to it');
	}
}

async function refuseForeignFiles(root: string): Promise<void> {
	const names = await readdir(root);
	const foreign = names.find(name => !ownNames.test(name));
	if (foreign !== undefined) {
		throw storeError(root, `it is no store and holds ${JSON.stringify(foreign)}`);
	}
}

// What whoever was killed here had made for a moment.
async function removeAttempts(root: string): Promise<void> {
	for await (const file of glob(['.probe-*', 'content/{index.json,oci-layout}.*'], {cwd: root})) {
		await removeTree(path.join(root, file));
	}
}

/**
What the file `format` of a store holds; nothing when it is too large, or no file but something else.

@returns `undefined` where there is none
*/
export async function readFormat(root: string): Promise<string | undefined> {
	const file = path.join(root, 'format');
	try {
		const status = await lstat(file);
		return status.isFile() && status.size <= maximumFormatSize ? await readFile(file, 'utf8') : '';
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}

/** Makes a directory, in which everything else is there, a store. */
export async function writeFormat(root: string): Promise<void> {
	const temporary = path.join(root, 'format.new');
	await using file = await open(temporary, 'w', 0o644);
	await file.writeFile(`${formatVersion}\n`);
	await file.sync();
	await rename(temporary, path.join(root, 'format'));
}

function storeError(root: string, reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_STORE', `failed to open store ${root}: ${reason}`, {
		...(cause !== undefined && {cause}),
		hint: explainDiskFailure(cause) ?? 'A store is a directory for tsbuild alone: an empty or missing one is made a store.',
	});
}
