import {readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {cloneMount} from '../src/linux/detached-mount.ts';
import {probeOverlay} from './probe-overlay.ts';
import type {Snapshotter} from './snapshotter.ts';

/** A kind of snapshotter by its name. */
export type SnapshotterName = Snapshotter['name'];

/** Which snapshotter a store has. */
export type SnapshotterChoice = {
	readonly name: SnapshotterName;
	/** Why overlayfs could not be used; `undefined` when it is used, or when somebody wanted it so. */
	readonly overlayFailure: string | undefined;
};

/** The file of a store that says which snapshotter it has; without it, it is `overlay`. The second line is why. */
const choiceFileName = 'snapshotter';

// Copies would fail of them as well.
const wholeDiskFailures: ReadonlySet<string> = new Set(['EDQUOT', 'EIO', 'ENOSPC', 'EROFS']);

const overlayChoice: SnapshotterChoice = {name: 'overlay', overlayFailure: undefined};

/**
Chooses the snapshotter of a new store and notes it there: the one that is wanted, else overlay where that works, else native, which works wherever a mount can be made.

@param root the directory of the store
@param wanted without it, what works
@throws {TsbuildError} `ERR_TSBUILD_STORE_FILE_SYSTEM` when what is wanted does not work, or neither does
*/
export async function chooseSnapshotter(root: string, wanted: SnapshotterName | undefined): Promise<SnapshotterChoice> {
	const choice = wanted === 'native' ? {name: wanted, overlayFailure: undefined} : await tryOverlay(root, wanted);
	if (choice.name === 'native') {
		await writeFile(path.join(root, choiceFileName), `${choice.name}\n${choice.overlayFailure?.replaceAll('\n', ' ') ?? ''}\n`);
	}

	return choice;
}

/**
Reads which snapshotter a store has.

@throws {TsbuildError} `ERR_TSBUILD_STORE_SNAPSHOTTER` when it is not the one that is wanted; `ERR_TSBUILD_STORE` when its note is damaged
*/
export async function readSnapshotterChoice(root: string, wanted: SnapshotterName | undefined): Promise<SnapshotterChoice> {
	const choice = parseChoice(await readNote(root));
	if (choice === undefined) {
		throw new TsbuildError('ERR_TSBUILD_STORE', `failed to open store ${root}: its file ${choiceFileName} is damaged`);
	}

	if (wanted !== undefined && wanted !== choice.name) {
		throw new TsbuildError('ERR_TSBUILD_STORE_SNAPSHOTTER', `failed to open store ${root}: its snapshotter is ${choice.name}, not ${wanted}`, {
			hint: 'A store keeps the snapshotter that it was made with: give tsbuild another one with --root.',
		});
	}

	return choice;
}

async function tryOverlay(root: string, wanted: SnapshotterName | undefined): Promise<SnapshotterChoice> {
	try {
		await probeOverlay(root);
		return overlayChoice;
	} catch (error) {
		const cause = error instanceof TsbuildError ? error.cause : undefined;
		if (wanted !== undefined || cause === undefined || wholeDiskFailures.has(errorCode(cause) ?? '') || !canMount(root)) {
			throw error;
		}

		return {name: 'native', overlayFailure: errorMessage(cause)};
	}
}

function canMount(directory: string): boolean {
	try {
		cloneMount(directory, {readOnly: true, recursive: false}).close();
		return true;
	} catch {
		return false;
	}
}

async function readNote(root: string): Promise<string> {
	try {
		return await readFile(path.join(root, choiceFileName), 'utf8');
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return 'overlay\n';
		}

		throw error;
	}
}

function parseChoice(note: string): SnapshotterChoice | undefined {
	const [name, overlayFailure = ''] = note.split('\n', 2);
	return name === 'overlay' || name === 'native'
		? {name, overlayFailure: overlayFailure === '' ? undefined : overlayFailure}
		: undefined;
}
