import {existsSync} from 'node:fs';
import process from 'node:process';
import {testWhere} from './conditions.ts';
import {runCommand} from './run-program.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** Tests that need a disk with btrfs, where files can share blocks. */
export const whereBtrfs = testWhere(process.getuid?.() === 0 && existsSync('/usr/sbin/mkfs.btrfs') && existsSync('/dev/loop-control'), 'it needs root, btrfs-progs and loop devices');

/**
Runs a module, as `runProgram` does, with a small disk of btrfs, whose directory is `process.argv[1]`. Nobody else sees the disk, and it ends with the process.

@returns what it wrote to stdout
*/
export async function runOnBtrfs(source: string): Promise<string> {
	await using directory = await makeTemporaryDirectory();
	return await runCommand('unshare', ['--mount', 'sh', '-ec', `
		cd "$1"
		mkdir disk
		truncate -s 256M image
		mkfs.btrfs -q image >/dev/null
		mount -o loop image disk
		exec "$2" --input-type=module-typescript --eval "$3" "$1/disk"
	`, 'sh', directory.path, process.execPath, source]);
}
