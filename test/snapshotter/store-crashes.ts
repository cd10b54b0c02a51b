import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	mkdir,
	readdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {createInterface} from 'node:readline/promises';
import type {ExecutionContext} from 'ava';
import {insertCacheRecord, findCacheRecord} from '../../snapshotter/cache-records.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {asRoot} from '../support/conditions.ts';
import {build} from '../support/snapshotter-contract.ts';
import {runProgram} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const storeModule = JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'));

asRoot('many processes may make and use the same store at once', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import fs from 'node:fs';
		import {openStore} from ${storeModule};
		await using store = await openStore(process.argv[1]);
		if (store.sweepReport.failures.length > 0) throw store.sweepReport.failures[0];
		let parent;
		for (let number = 0; number < 20; number++) {
			await using active = await store.snapshotter.prepare(parent);
			{
				using root = await active.mount();
				fs.writeFileSync(root.path + '/' + process.argv[2] + '-' + number, '');
			}
			parent = await active.commit({description: process.argv[2]});
		}
		using view = await store.snapshotter.view(parent);
		console.log(fs.readdirSync(view.path).length);
	`;
	const outputs = await Promise.all(Array.from({length: 8}, async (_, number) => runProgram(program, [directory.path, String(number)])));
	t.deepEqual(outputs, Array.from({length: 8}, () => '20\n'));
	await using store = await openStore(directory.path);
	const rows = store.metadata.statement('SELECT description, count(*) AS count FROM snapshots WHERE state = \'committed\' GROUP BY description').all();
	t.deepEqual(rows.map(row => row.count), Array.from({length: 8}, () => 20));
	await assertConsistent(t, store);
});

asRoot('after a SIGKILL in the middle the next start removes what was not finished', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import fs from 'node:fs';
		import {openStore} from ${storeModule};
		const store = await openStore(process.argv[1]);
		const base = await store.snapshotter.prepare(undefined);
		const committed = await base.commit({description: 'kept'});
		const active = await store.snapshotter.prepare(committed);
		const root = await active.mount();
		fs.mkdirSync(root.path + '/folder');
		fs.writeFileSync(root.path + '/folder/file', 'text');
		const source = async function * () {
			yield Buffer.from('part of a blob');
			console.log(store.session.id);
			await new Promise(() => setInterval(() => {}, 1000));
		};
		await store.content.ingest(source());
	`;
	const id = await runUntilLine(program, [directory.path]);
	const mounts = await readFile('/proc/self/mounts', 'utf8');
	t.false(mounts.includes(directory.path));

	const killed: string[] = [];
	await using store = await openStore(directory.path, {
		async killSession(session) {
			killed.push(session);
		},
	});
	t.deepEqual(killed, [id]);
	t.deepEqual(store.sweepReport, {removedSessions: [id], failures: []});
	t.deepEqual(await readdir(path.join(store.root, 'sessions')), [store.session.id]);
	t.deepEqual(await Array.fromAsync(store.content.list()), []);
	const rows = store.metadata.statement('SELECT description FROM snapshots').all();
	t.deepEqual(rows.map(row => row.description), ['kept']);
	await assertConsistent(t, store);
});

asRoot('a SIGKILL at any moment leaves a store that can be used', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import fs from 'node:fs';
		import {openStore} from ${storeModule};
		console.log('started');
		for (;;) {
			await using store = await openStore(process.argv[1]);
			const active = await store.snapshotter.prepare(undefined);
			{
				using root = await active.mount();
				fs.writeFileSync(root.path + '/file', '');
			}
			const id = await active.commit({description: ''});
			await store.content.write(Buffer.from(String(id)));
			if (id % 2 === 0) await store.snapshotter.remove(id);
		}
	`;
	for (let round = 0; round < 5; round++) {
		await runUntilLine(program, [directory.path]);
		await using store = await openStore(directory.path);
		t.deepEqual(store.sweepReport.failures, []);
		await assertConsistent(t, store);
		const id = await build(store.snapshotter, undefined, async () => {/* An empty tree. */});
		t.is(store.snapshotter.info(id)?.state, 'committed');
	}
});

asRoot('after a power loss only what was synced is kept', async t => {
	await using directory = await makeTemporaryDirectory();
	const found: boolean[] = [];
	{
		await using store = await openStore(directory.path);
		const synced = await build(store.snapshotter, undefined, async () => {/* An empty tree. */});
		store.metadata.statement('UPDATE snapshots SET created_at = created_at - 60000').run();
		store.sync();
		const unsynced = await build(store.snapshotter, synced, async () => {/* An empty tree. */});
		await build(store.snapshotter, unsynced, async () => {/* An empty tree. */});
		insertCacheRecord(store.metadata, {keys: ['synced'], snapshot: synced, description: ''});
		insertCacheRecord(store.metadata, {keys: ['unsynced'], snapshot: unsynced, description: ''});
	}

	{
		await using store = await openStore(directory.path);
		found.push(findCacheRecord(store.metadata, 'unsynced') !== undefined);
		store.metadata.statement('UPDATE snapshots SET unsynced_boot = \'earlier\' WHERE unsynced_boot IS NOT NULL').run();
	}

	await using store = await openStore(directory.path);
	found.push(findCacheRecord(store.metadata, 'unsynced') !== undefined, findCacheRecord(store.metadata, 'synced') !== undefined);
	t.deepEqual(found, [true, false, true]);
	t.is(store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 1);
	await assertConsistent(t, store);
});

asRoot('directories that belong to no snapshot are removed, and their ids not given', async t => {
	await using directory = await makeTemporaryDirectory();
	{
		await using store = await openStore(directory.path);
		await mkdir(path.join(store.root, 'snapshots/70/fs'), {recursive: true});
		await mkdir(path.join(store.root, 'snapshots/stray'));
		await mkdir(path.join(store.root, 'sessions/dead'));
		await writeFile(path.join(store.root, 'sessions/dead/lock'), '');
	}

	await using store = await openStore(directory.path);
	t.deepEqual(await readdir(path.join(store.root, 'snapshots')), []);
	const id = await build(store.snapshotter, undefined, async () => {/* An empty tree. */});
	t.true(id > 70);
});

/** Runs a program until it has written a line, ends it by SIGKILL, and gives the line. */
async function runUntilLine(program: string, parameters: readonly string[]): Promise<string> {
	const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program, ...parameters], {stdio: ['ignore', 'pipe', 'inherit']});
	const [line] = await once(createInterface({input: child.stdout}), 'line') as [string];
	child.kill('SIGKILL');
	await once(child, 'close');
	return line;
}

/** Every directory has its row, every row its directory, and nobody else is there. */
async function assertConsistent(t: ExecutionContext, store: Store): Promise<void> {
	const directories = await readdir(path.join(store.root, 'snapshots'));
	const rows = store.metadata.statement('SELECT id FROM snapshots').all();
	t.deepEqual(directories.toSorted(), rows.map(row => String(row.id)).toSorted());
	t.deepEqual(await readdir(path.join(store.root, 'sessions')), [store.session.id]);
	t.is(store.metadata.statement('PRAGMA integrity_check').get()?.integrity_check, 'ok');
	t.deepEqual(store.metadata.statement('PRAGMA foreign_key_check').all(), []);
}
