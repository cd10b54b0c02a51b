import {statfsSync} from 'node:fs';

/** Bytes that the disk below a directory has left for whoever asks. */
export function freeSpace(directory: string): number {
	const {bavail, bsize} = statfsSync(directory);
	return bavail * bsize;
}

/** Bytes of the whole disk below a directory. */
export function diskSize(directory: string): number {
	const {blocks, bsize} = statfsSync(directory);
	return blocks * bsize;
}
