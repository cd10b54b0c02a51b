import {randomUUID} from 'node:crypto';
import {
	lstat,
	mkdir,
	rm,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {createDetachedOverlay} from '../src/linux/detached-overlay.ts';
import {removeTree} from './remove-tree.ts';
import {overlayAttributesHere} from './whiteout.ts';

/**
Makes sure that overlayfs can keep its changes in a directory: mounts one there and removes a file in it, which must leave a whiteout.

@throws {TsbuildError} `ERR_TSBUILD_STORE_FILE_SYSTEM` where that does not work, for example on another overlay, on NFS, or without the right to mount
*/
export async function probeOverlay(root: string): Promise<void> {
	const directory = path.join(root, `.probe-${randomUUID()}`);
	const [lower, upper, work] = ['lower', 'upper', 'work'].map(name => path.join(directory, name)) as [string, string, string];
	try {
		await mkdir(directory);
		await Promise.all([lower, upper, work].map(async name => mkdir(name)));
		await writeFile(path.join(lower, 'file'), '');
		await removeInOverlay('file', {lower, upper, work});
		const whiteout = await lstat(path.join(upper, 'file'));
		if (!whiteout.isCharacterDevice() || whiteout.rdev !== 0) {
			throw new Error('a removed file left no whiteout');
		}
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_STORE_FILE_SYSTEM', `failed to use ${root} for snapshots: ${errorMessage(error)}`, {
			cause: error,
			hint: hintFor(error),
		});
	} finally {
		await removeTree(directory);
	}
}

async function removeInOverlay(name: string, {lower, upper, work}: {readonly lower: string; readonly upper: string; readonly work: string}): Promise<void> {
	using mounted = await createDetachedOverlay({
		lowerDirectories: [lower], upperDirectory: upper, workDirectory: work, userxattr: overlayAttributesHere() === 'user',
	});
	await rm(path.join(mounted.path, name));
}

function hintFor(error: unknown): string {
	return errorCode(error) === 'EPERM'
		? 'Mounting needs root (CAP_SYS_ADMIN). "tsbuild doctor" tells what is missing.'
		: 'Overlayfs keeps its changes on ext4, xfs, btrfs or tmpfs, not on another overlay and not on NFS: choose a directory there with --root.';
}
