import {existsSync} from 'node:fs';
import {
	access,
	constants,
	realpath,
	statfs,
} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import {readMountInformation, type MountInformation} from '../linux/mount-information.ts';
import {readSnapshotterChoice} from '../../snapshotter/snapshotter-choice.ts';
import type {Finding, Patient} from './finding.ts';

const topic = 'store';
const mebibyte = 1024 ** 2;

// What a build with a small base image needs, and what is soon full.
const leastSpace = 100 * mebibyte;
const littleSpace = 2048 * mebibyte;
const fewInodes = 10_000;

/** Where the store is or would be: its file system, the space there, and how the store keeps snapshots if it is there already. */
export async function examineStore({root}: Patient): Promise<readonly Finding[]> {
	let directory: string;
	try {
		directory = await existingPart(root);
		await access(directory, constants.W_OK);
	} catch (error) {
		return [{
			status: 'fault', topic, summary: `${root} cannot be written to: ${errorMessage(error)}`, advice: 'Choose another directory with --root or $TSBUILD_ROOT.',
		}];
	}

	const isNew = !existsSync(root);
	const {free, inodes} = await spaceOf(directory);
	const what = `${root}${isNew ? ', which will be made,' : ''} on ${describeMount(await mountOf(directory))}, ${formatGigabytes(free)} free`;
	const notes = isNew ? [] : await examineChoice(root);
	return [judgeSpace(what, {free, inodes}), ...notes];
}

/** The store's directory, or the nearest one above it that is there. */
export async function existingPart(root: string): Promise<string> {
	try {
		return await realpath(root);
	} catch (error) {
		if (errorCode(error) === 'ENOENT' && path.dirname(root) !== root) {
			return existingPart(path.dirname(root));
		}

		throw error;
	}
}

type Space = {
	/** Bytes for whoever runs this. */
	readonly free: number;
	/** `undefined` on a file system that makes them as they are needed. */
	readonly inodes: number | undefined;
};

async function spaceOf(directory: string): Promise<Space> {
	const {bavail, bsize, files, ffree} = await statfs(directory);
	return {free: bavail * bsize, inodes: files === 0 ? undefined : ffree};
}

function judgeSpace(what: string, {free, inodes = Infinity}: Space): Finding {
	if (inodes === 0 || free < leastSpace) {
		return {
			status: 'fault',
			topic,
			summary: inodes === 0 ? `${what}, but no inode` : what,
			advice: 'Free some space ("tsbuild prune" removes build cache), or choose a directory elsewhere with --root.',
		};
	}

	if (free < littleSpace || inodes < fewInodes) {
		return {
			status: 'warning', topic, summary: inodes < fewInodes ? `${what}, but only ${inodes} inodes` : what, advice: 'A larger build may fill it: "tsbuild prune" removes build cache.',
		};
	}

	return {status: 'ok', topic, summary: what};
}

function formatGigabytes(bytes: number): string {
	return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** The mount that a directory is in: of those on its way the last, which covers the others. */
async function mountOf(directory: string): Promise<MountInformation | undefined> {
	const mounts = await readMountInformation();
	const isWithin = (mountPoint: string) => mountPoint === '/' || directory === mountPoint || directory.startsWith(`${mountPoint}/`);
	return mounts.filter(({mountPoint}) => isWithin(mountPoint)).toSorted((left, right) => left.mountPoint.length - right.mountPoint.length).at(-1);
}

function describeMount(mount: MountInformation | undefined): string {
	if (mount === undefined) {
		return 'an unknown file system';
	}

	const restrictions = mount.options.filter(option => ['ro', 'noexec', 'nosuid', 'nodev'].includes(option));
	return restrictions.length === 0 ? mount.type : `${mount.type} (${restrictions.join(', ')})`;
}

/** A store keeps the snapshotter that it was made with, also where another would work by now. */
async function examineChoice(root: string): Promise<readonly Finding[]> {
	try {
		const {overlayFailure} = await readSnapshotterChoice(root, undefined);
		return overlayFailure === undefined
			? []
			: [{
				status: 'warning',
				topic,
				summary: `each step copies the files of the one before, because overlayfs did not work here: ${overlayFailure}`,
				advice: 'A new store finds out anew: choose a directory on ext4, xfs, btrfs or tmpfs with --root, or remove this one.',
			}];
	} catch (error) {
		return [{
			status: 'fault', topic, summary: errorMessage(error), advice: 'Choose another directory with --root, or remove this one.',
		}];
	}
}
