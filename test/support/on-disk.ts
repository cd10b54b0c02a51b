import {existsSync} from 'node:fs';
import process from 'node:process';
import {testWhere} from './conditions.ts';
import {runCommand} from './run-program.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';

/** Tests that need a disk of their own, with ext4. */
export const whereDisks = testWhere(process.getuid?.() === 0 && existsSync('/sbin/mkfs.ext4') && existsSync('/dev/loop-control'), 'it needs root, e2fsprogs and loop devices');

/**
Runs a module, as `runProgram` does, with a small disk, whose directory is `process.argv[1]`. Nobody else sees the disk, and it ends with the process.

@param make shell commands that mount the disk at `disk`, mostly from a file `image`; both are in the present directory
@param source of the module
@returns what it wrote to stdout
*/
export async function runOnDisk(make: string, source: string): Promise<string> {
	await using directory = await makeTemporaryDirectory();
	return await runCommand('unshare', ['--mount', 'sh', '-ec', `
		cd "$1"
		mkdir disk
		${make}
		exec "$2" --input-type=module-typescript --eval "$3" "$1/disk"
	`, 'sh', directory.path, process.execPath, source]);
}
