import {appendFile, chmod, mkdir} from 'node:fs/promises';
import {chmodSync, lstatSync, mkdirSync} from 'node:fs';
import path from 'node:path';
import {errorCode} from '../src/kernel/errors.ts';
import {listExtendedAttributes, getExtendedAttribute, setExtendedAttribute} from '../src/linux/extended-attributes.ts';
import {changeOwner, setTimes} from '../src/linux/files.ts';
import {removeTree} from './remove-tree.ts';
import type {SnapshotId} from './snapshotter.ts';

/** Where an overlay snapshot keeps its files. */
export type SnapshotDirectories = {
	readonly directory: string;
	/** The snapshot's own tree: what it changed against its parent. */
	readonly changes: string;
	/** What overlayfs needs beside it while it writes. */
	readonly work: string;
};

/** The folder of all snapshots in a store. */
export function snapshotsDirectory(root: string): string {
	return path.join(root, 'snapshots');
}

/** An empty directory, the lowest layer of a snapshot without a parent. */
export function emptyDirectory(root: string): string {
	return path.join(root, 'empty');
}

/**
Makes the layer that lies below all others when something is to be mounted on files that an image may not have. It holds these files, empty, and is the same for all snapshots and processes.

@returns the layer's directory
*/
export async function makeMountPointLayer(root: string, files: readonly string[]): Promise<string> {
	const layer = path.join(root, 'mount-points');
	for (const file of files) {
		const place = path.join(layer, file);
		await mkdir(path.dirname(place), {recursive: true});
		// Not by mkdir, whose mode loses the bits of the umask.
		await chmod(path.dirname(place), 0o755);
		await appendFile(place, '', {mode: 0o644});
	}

	return layer;
}

/** Where the files of a snapshot are, or would be. */
export function snapshotDirectories(root: string, id: SnapshotId): SnapshotDirectories {
	const directory = path.join(snapshotsDirectory(root), String(id));
	return {directory, changes: path.join(directory, 'fs'), work: path.join(directory, 'work')};
}

/**
Makes the directories of a new snapshot, whose row is there already.

The root directory gets the attributes of the parent's, because overlayfs shows those of the uppermost layer; without a parent it is 0755 and root's.
*/
export async function makeSnapshotDirectories(root: string, id: SnapshotId, parent: SnapshotId | undefined): Promise<SnapshotDirectories> {
	const directories = snapshotDirectories(root, id);
	await makeNewDirectory(directories.directory);
	mkdirSync(directories.changes);
	mkdirSync(directories.work);
	// Not by mkdir, whose mode loses the bits of the umask.
	chmodSync(directories.changes, 0o755);
	if (parent !== undefined) {
		copyRootAttributes(snapshotDirectories(root, parent).changes, directories.changes);
	}

	return directories;
}

// A power loss can take the newest rows with their ids and leave their files; the row says that the id is ours, so what is there is nobody's.
async function makeNewDirectory(directory: string): Promise<void> {
	try {
		await mkdir(directory, {mode: 0o700});
	} catch (error) {
		if (errorCode(error) !== 'EEXIST') {
			throw error;
		}

		await removeTree(directory);
		await mkdir(directory, {mode: 0o700});
	}
}

function copyRootAttributes(from: string, to: string): void {
	const status = lstatSync(from, {bigint: true});
	changeOwner(undefined, to, {uid: Number(status.uid), gid: Number(status.gid)});
	chmodSync(to, Number(status.mode & 0o7777n));
	const names = listExtendedAttributes(from).filter(name => !isOverlayAttribute(name));
	for (const name of names) {
		setExtendedAttribute(to, name, getExtendedAttribute(from, name) ?? new Uint8Array());
	}

	setTimes(undefined, to, {atimeNanoseconds: status.atimeNs, mtimeNanoseconds: status.mtimeNs});
}

// Overlayfs' own marks are about one layer only. https://docs.kernel.org/filesystems/overlayfs.html
function isOverlayAttribute(name: string): boolean {
	return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}
