import {existsSync} from 'node:fs';
import process from 'node:process';
import {testWhere} from '../support/conditions.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import type {FullDiskOutcome} from './support/full-disk-rounds.ts';

// 50 take two minutes for each file system.
const levels = Number(process.env.TSBUILD_FULL_DISK_LEVELS ?? 15);

const whereLoopDevices = testWhere(process.getuid?.() === 0 && existsSync('/sbin/mkfs.ext4') && existsSync('/dev/loop-control'), 'it needs root, e2fsprogs and loop devices');
const whereMounts = testWhere(process.getuid?.() === 0, 'it needs root');

/** Runs the rounds with a disk that nobody else sees, and that ends with the process. */
async function runOnDisk(makeDisk: string): Promise<FullDiskOutcome> {
	await using directory = await makeTemporaryDirectory();
	const source = `
		import {fillDisk} from ${JSON.stringify(import.meta.resolve('./support/full-disk-rounds.ts'))};
		console.log(JSON.stringify(await fillDisk(process.argv[1], ${levels})));
	`;
	const output = await runCommand('unshare', ['--mount', 'sh', '-ec', `
		cd "$1"
		mkdir disk
		${makeDisk}
		exec "$2" --input-type=module-typescript --eval "$3" "$1/disk"
	`, 'sh', directory.path, process.execPath, source]);
	return JSON.parse(output) as FullDiskOutcome;
}

// Blocks as large as pages, as on any disk above 512 MB: SQLite makes sure that each page of its shared memory has room, not each smaller block.
whereLoopDevices(`a disk with ext4 that is full at ${levels} levels ends builds with a clear error, and the store stays whole`, async t => {
	t.timeout(3600 * 1000);
	const {faults, failedBuilds} = await runOnDisk(`
		truncate --size=64M image
		mkfs.ext4 -q -m 0 -b 4096 image
		mount -o loop image disk
	`);
	t.log(`${failedBuilds} of ${levels} builds failed`);
	t.deepEqual(faults, []);
	t.true(failedBuilds > levels / 2);
});

whereMounts(`a disk in memory that is full at ${levels} levels ends builds with a clear error, and the store stays whole`, async t => {
	t.timeout(3600 * 1000);
	const {faults, failedBuilds} = await runOnDisk('mount -t tmpfs -o size=48M tmpfs disk');
	t.log(`${failedBuilds} of ${levels} builds failed`);
	t.deepEqual(faults, []);
	t.true(failedBuilds > levels / 2);
});
