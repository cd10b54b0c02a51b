import {existsSync} from 'node:fs';
import {mkdir, readdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {
	openSession,
	sessionsDirectory,
	takeSessionLock,
	type SessionPlace,
} from '../../snapshotter/session.ts';
import {insertActiveSnapshot} from '../../snapshotter/snapshot-rows.ts';
import {sweep} from '../../snapshotter/sweep.ts';
import {runProgram} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

test('a session has a folder and holds its lock while it lives', async t => {
	await using place = await makePlace();
	{
		await using session = openSession(place);
		t.deepEqual(await readdir(sessionsDirectory(place.root)), [session.id]);
		t.is(takeSessionLock(place.root, session.id, {create: false}), undefined);
	}

	t.deepEqual(await readdir(sessionsDirectory(place.root)), []);
});

test('a session that ends takes along what it has not finished', async t => {
	await using place = await makePlace();
	{
		await using session = openSession(place);
		const file = session.temporaryFile();
		t.not(file, session.temporaryFile());
		await writeFile(file, '');
		await mkdir(session.temporaryFile());
		const id = insertActiveSnapshot(place.metadata, {parent: undefined, session: session.id});
		await mkdir(path.join(place.root, 'snapshots', String(id), 'fs'), {recursive: true});
		place.metadata.statement('INSERT INTO leases VALUES (?, \'blob\', \'a\')').run(session.id);
	}

	t.deepEqual(await readdir(place.root, {recursive: true}).then(names => names.filter(name => !name.startsWith('metadata'))), ['sessions', 'snapshots']);
	t.is(place.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 0);
	t.is(place.metadata.statement('SELECT count(*) AS count FROM leases').get()?.count, 0);
});

test('a living session is not swept, neither by its own process nor by another', async t => {
	await using place = await makePlace();
	await using session = openSession(place);
	const {removedSessions} = await sweep(place);
	t.deepEqual(removedSessions, []);
	const output = await runProgram(`
		import {openMetadata} from ${JSON.stringify(import.meta.resolve('../../snapshotter/metadata.ts'))};
		import {sweep} from ${JSON.stringify(import.meta.resolve('../../snapshotter/sweep.ts'))};
		using metadata = openMetadata(process.argv[1]);
		console.log(JSON.stringify(await sweep({root: process.argv[1], metadata})));
	`, [place.root]);
	t.deepEqual(JSON.parse(output), {removedSessions: [], failures: []});
	t.true(existsSync(path.join(session.directory, 'lock')));
});

test('a dead session is swept by one of several sweeps, its processes first', async t => {
	await using place = await makePlace();
	const dead = '00000000-0000-4000-8000-000000000000';
	const folder = path.join(sessionsDirectory(place.root), dead);
	await mkdir(path.join(folder, 'left'), {recursive: true});
	await writeFile(path.join(folder, 'lock'), '');
	await writeFile(path.join(folder, 'left/blob'), '');
	const killed: Array<[string, boolean]> = [];
	const killSession = async (id: string) => {
		killed.push([id, existsSync(path.join(folder, 'left/blob'))]);
	};

	const reports = await Promise.all([1, 2, 3].map(async () => sweep({...place, killSession})));
	t.deepEqual(killed, [[dead, true]]);
	t.deepEqual(reports.flatMap(report => report.removedSessions), [dead]);
	t.deepEqual(await readdir(sessionsDirectory(place.root)), []);
});

test('a session whose processes cannot be ended is kept for the next sweep', async t => {
	await using place = await makePlace();
	const dead = '00000000-0000-4000-8000-000000000000';
	const folder = path.join(sessionsDirectory(place.root), dead);
	await mkdir(folder);
	await writeFile(path.join(folder, 'lock'), '');
	const reason = new Error('it does not die');
	const report = await sweep({
		...place,
		async killSession() {
			throw reason;
		},
	});
	t.deepEqual(report, {removedSessions: [], failures: [reason]});
	t.deepEqual(await readdir(folder), ['lock']);
	const next = await sweep(place);
	t.deepEqual(next.removedSessions, [dead]);
});

test('folders that have lost their lock, and rows that have lost their folder, are swept', async t => {
	await using place = await makePlace();
	await mkdir(path.join(sessionsDirectory(place.root), 'empty'));
	const id = insertActiveSnapshot(place.metadata, {parent: undefined, session: 'lost'});
	await mkdir(path.join(place.root, 'snapshots', String(id), 'fs'), {recursive: true});
	place.metadata.statement('INSERT INTO leases VALUES (\'lost-too\', \'blob\', \'a\')').run();
	const {failures} = await sweep(place);
	t.deepEqual(failures, []);
	t.deepEqual(await readdir(sessionsDirectory(place.root)), []);
	t.deepEqual(await readdir(path.join(place.root, 'snapshots')), []);
	t.is(place.metadata.statement('SELECT count(*) AS count FROM leases').get()?.count, 0);
});

test('sessions may start and end while others sweep', async t => {
	await using place = await makePlace();
	const program = `
		import fs from 'node:fs';
		import {openMetadata} from ${JSON.stringify(import.meta.resolve('../../snapshotter/metadata.ts'))};
		import {openSession} from ${JSON.stringify(import.meta.resolve('../../snapshotter/session.ts'))};
		import {sweep} from ${JSON.stringify(import.meta.resolve('../../snapshotter/sweep.ts'))};
		const root = process.argv[1];
		using metadata = openMetadata(root);
		for (let round = 0; round < 30; round++) {
			await using session = openSession({root, metadata});
			const {failures} = await sweep({root, metadata, ownSession: session.id});
			if (failures.length > 0) throw failures[0];
			fs.writeFileSync(session.temporaryFile(), '');
			if (!fs.existsSync(session.directory + '/lock')) throw new Error('my session was swept');
		}
		console.log('fine');
	`;
	const outputs = await Promise.all(Array.from({length: 6}, async () => runProgram(program, [place.root])));
	t.deepEqual(outputs, Array.from({length: 6}, () => 'fine\n'));
	t.deepEqual(await readdir(sessionsDirectory(place.root)), []);
});

async function makePlace(): Promise<SessionPlace & AsyncDisposable> {
	const directory = await makeTemporaryDirectory();
	const root = directory.path;
	await mkdir(sessionsDirectory(root));
	await mkdir(path.join(root, 'snapshots'));
	const metadata = openMetadata(root);
	return {
		root,
		metadata,
		async [Symbol.asyncDispose]() {
			metadata[Symbol.dispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
}

test('a dead session is swept that files and rows were added to while it ended', async t => {
	await using place = await makePlace();
	const [empty, filled] = ['4d2a0d58-28d4-4c7e-a1a6-75f1a1c4dcb0', '5d2a0d58-28d4-4c7e-a1a6-75f1a1c4dcb0'];
	for (const id of [empty, filled]) {
		await mkdir(path.join(sessionsDirectory(place.root), id));
		place.metadata.statement('INSERT INTO leases VALUES (?, \'blob\', \'a\')').run(id);
	}

	await writeFile(path.join(sessionsDirectory(place.root), filled, 'blob'), '');
	await sweep(place);
	t.deepEqual(await readdir(sessionsDirectory(place.root)), []);
	t.is(place.metadata.statement('SELECT count(*) AS count FROM leases').get()?.count, 0);
});
