import {existsSync} from 'node:fs';
import process from 'node:process';
import {testWhere} from './conditions.ts';
import {runOnDisk} from './on-disk.ts';

/** Tests that need a disk with btrfs, where files can share blocks. */
export const whereBtrfs = testWhere(process.getuid?.() === 0 && existsSync('/usr/sbin/mkfs.btrfs') && existsSync('/dev/loop-control'), 'it needs root, btrfs-progs and loop devices');

/** Runs a module with a small disk of btrfs, see `runOnDisk`. */
export async function runOnBtrfs(source: string): Promise<string> {
	return runOnDisk(`
		truncate -s 256M image
		mkfs.btrfs -q image >/dev/null
		mount -o loop image disk
	`, source);
}
