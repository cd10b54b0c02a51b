import {execFileSync} from 'node:child_process';
import {
	closeSync,
	mkdirSync,
	openSync,
	rmSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import type {TsbuildError} from '../../src/kernel/errors.ts';
import {openStore} from '../../snapshotter/store.ts';
import {check, prepareDamage, summarize} from '../support/damaged-store.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

const {copyStore, finds} = prepareDamage(test);

test('a store without the folders of snapshots and sessions', finds, {
	damage({root}) {
		rmSync(path.join(root, 'snapshots'), {recursive: true});
		rmSync(path.join(root, 'sessions'), {recursive: true});
	},
	finds: ['directory *sessions: make-directory', 'directory *snapshots: make-directory'],
});

test('a key of a record that is not there', finds, {
	damage(store) {
		store.query('INSERT INTO cache_keys VALUES (\'k\', 1000) RETURNING 1');
	},
	finds: ['database: make-database'],
});

test('a file format that is empty', finds, {
	damage({root}) {
		writeFileSync(path.join(root, 'format'), '');
	},
	finds: ['format: write-format'],
});

test('a fifo in the place of the file format', finds, {
	damage({root}) {
		rmSync(path.join(root, 'format'));
		execFileSync('mkfifo', [path.join(root, 'format')]);
	},
	finds: ['format: write-format'],
});

test('a database that is missing', finds, {
	damage({root}) {
		rmSync(path.join(root, 'metadata.db'));
	},
	finds: ['database: make-database'],
});

test('a database that is empty', finds, {
	damage({root}) {
		execFileSync('truncate', ['--size=0', path.join(root, 'metadata.db')]);
	},
	finds: ['database: make-database'],
});

test('a database with the tables of another program', finds, {
	damage(store) {
		const [{version}] = store.query('SELECT user_version AS version FROM pragma_user_version') as [{version: number}];
		rmSync(path.join(store.root, 'metadata.db'));
		using database = new DatabaseSync(path.join(store.root, 'metadata.db'));
		database.exec(`CREATE TABLE users (name TEXT); PRAGMA user_version = ${version}`);
	},
	finds: ['database: make-database'],
});

test('a directory in the place of the memory that processes share', finds, {
	damage({root}) {
		mkdirSync(path.join(root, 'metadata.db-shm/deep'), {recursive: true});
	},
	finds: ['database: make-database'],
});

test('a database in which pages are overwritten', finds, {
	damage({root}) {
		const file = openSync(path.join(root, 'metadata.db'), 'r+');
		writeSync(file, new Uint8Array(4096 * 3).fill(0xA5), 0, 4096 * 3, 4096 * 4);
		closeSync(file);
	},
	finds: ['database: make-database'],
});

test('an index of the database that does not agree with its table', finds, {
	damage({root}) {
		using database = new DatabaseSync(path.join(root, 'metadata.db'), {defensive: false});
		database.exec('PRAGMA writable_schema = ON');
		database.exec('UPDATE sqlite_schema SET sql = \'CREATE INDEX snapshots_by_parent ON snapshots (created_at)\' WHERE name = \'snapshots_by_parent\'');
	},
	finds: ['database: make-database'],
});

test('a database that has lost everything is told, and not made anew without the names of images', async t => {
	await using directory = await makeTemporaryDirectory();
	const {root} = copyStore(path.join(directory.path, 'store'));
	execFileSync('truncate', ['--size=0', path.join(root, 'metadata.db')]);
	const error = await t.throwsAsync<TsbuildError>(openStore(root), {code: 'ERR_TSBUILD_STORE', message: `failed to open metadata ${root}/metadata.db: it is empty`});
	t.regex(error.hint!, /store check --repair/v);
	await check(root, true);
	const images = await tsbuild(['images', '-q'], {root});
	t.is(new TextDecoder().decode(images.stdout).split('\n').length, 2);
});

test('a damaged database is not replaced under a running build', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = copyStore(path.join(directory.path, 'store'));
	await using running = await openStore(store.root);
	running.metadata.statement('PRAGMA foreign_keys = OFF').get();
	running.metadata.statement('INSERT INTO cache_keys VALUES (\'k\', 1000)').run();
	t.deepEqual(summarize(await check(store.root)), ['database: make-database']);
	await t.throwsAsync(check(store.root, true), {code: 'ERR_TSBUILD_STORE_IN_USE'});
});
