import {runOnDisk, whereDisks} from '../support/on-disk.ts';

whereDisks('a full disk with blocks that are smaller than pages fails the database with an error, however little room is left', async t => {
	t.timeout(120_000);
	// Where SQLite finds no room for its shared memory, the process ends by SIGBUS.
	const output = await runOnDisk(`
		truncate --size=4M image
		mkfs.ext4 -q -m 0 -b 1024 -O ^has_journal image
		mount -o loop image disk
	`, `
		import {rmSync, statfsSync, writeFileSync} from 'node:fs';
		import process from 'node:process';
		const {openMetadata} = await import(${JSON.stringify(import.meta.resolve('../../snapshotter/metadata.ts'))});
		const disk = process.argv[1];
		openMetadata(disk)[Symbol.dispose]();
		const filler = disk + '/filler';
		const outcomes = [];
		for (let room = 0; room < 200; room += 6) {
			leaveRoom(room * 1024);
			try {
				using metadata = openMetadata(disk);
				metadata.transaction(() => metadata.statement('INSERT OR REPLACE INTO images VALUES (?, ?, ?, 1)').run('a', 'c', 'm'));
				outcomes.push('done');
			} catch ({code, hint}) {
				outcomes.push(code + ': ' + hint);
			}
			rmSync(filler);
		}
		console.log(JSON.stringify([...new Set(outcomes)]));
		function leaveRoom(size) {
			const {bavail, bsize} = statfsSync(disk);
			try {
				writeFileSync(filler, Buffer.alloc(bavail * bsize - size));
			} catch (error) {
				// The file itself takes a block more.
				if (error.code !== 'ENOSPC') {
					throw error;
				}
			}
		}
		using metadata = openMetadata(disk);
		console.log(JSON.stringify(metadata.statement('PRAGMA integrity_check').all()));
	`);
	t.is(output, '["ERR_TSBUILD_STORE: The disk is full.","done"]\n[{"integrity_check":"ok"}]\n');
});
