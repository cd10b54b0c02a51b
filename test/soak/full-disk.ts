import process from 'node:process';
import {asRoot} from '../support/conditions.ts';
import {runOnDisk, whereDisks} from '../support/on-disk.ts';
import type {FullDiskOutcome} from './support/full-disk-rounds.ts';

// 50 take two minutes for each file system.
const levels = Number(process.env.TSBUILD_FULL_DISK_LEVELS ?? 15);

async function fillDisk(make: string): Promise<FullDiskOutcome> {
	const output = await runOnDisk(make, `
		import {fillDisk} from ${JSON.stringify(import.meta.resolve('./support/full-disk-rounds.ts'))};
		console.log(JSON.stringify(await fillDisk(process.argv[1], ${levels})));
	`);
	return JSON.parse(output) as FullDiskOutcome;
}

whereDisks(`a disk with ext4 that is full at ${levels} levels ends builds with a clear error, and the store stays whole`, async t => {
	t.timeout(3600 * 1000);
	const {faults, failedBuilds} = await fillDisk(`
		truncate --size=64M image
		mkfs.ext4 -q -m 0 image
		mount -o loop image disk
	`);
	t.log(`${failedBuilds} of ${levels} builds failed`);
	t.deepEqual(faults, []);
	t.true(failedBuilds > levels / 2);
});

asRoot(`a disk in memory that is full at ${levels} levels ends builds with a clear error, and the store stays whole`, async t => {
	t.timeout(3600 * 1000);
	const {faults, failedBuilds} = await fillDisk('mount -t tmpfs -o size=48M tmpfs disk');
	t.log(`${failedBuilds} of ${levels} builds failed`);
	t.deepEqual(faults, []);
	t.true(failedBuilds > levels / 2);
});
