import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {migrations} from '../../snapshotter/schema.ts';
import {runProgram} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const insertImage = 'INSERT INTO images (name, config_digest, manifest_digest, created_at) VALUES (?, \'c\', \'m\', 1)';
const countImages = 'SELECT count(*) AS count FROM images';

test('what one connection has written, another one reads', async t => {
	await using directory = await makeTemporaryDirectory();
	using first = openMetadata(directory.path);
	using second = openMetadata(directory.path);
	first.statement(insertImage).run('a');
	t.is(second.statement(countImages).get()?.count, 1);
});

test('a transaction that throws changes nothing, and the next one works', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const error = t.throws(() => {
		metadata.transaction(() => {
			metadata.statement(insertImage).run('a');
			throw new Error('stop');
		});
	});
	t.is(error.message, 'stop');
	const count = metadata.transaction(() => metadata.statement(countImages).get()?.count);
	t.is(count, 0);
});

for (const version of migrations.keys().drop(1)) {
	test(`a database of version ${version} is brought to the present one, and keeps what is in it`, async t => {
		await using directory = await makeTemporaryDirectory();
		{
			using old = new DatabaseSync(path.join(directory.path, 'metadata.db'));
			for (const step of migrations.slice(0, version)) {
				old.exec(step);
			}

			old.exec(`PRAGMA user_version = ${version}`);
			old.prepare(insertImage).run('a');
			old.exec('INSERT INTO snapshots (state, created_at) VALUES (\'committed\', 1)');
			old.exec('INSERT INTO leases VALUES (\'s\', \'blob\', \'b\')');
		}

		using metadata = openMetadata(directory.path);
		t.is(metadata.statement('PRAGMA user_version').get()?.user_version, migrations.length);
		t.is(metadata.statement(countImages).get()?.count, 1);
		t.is(metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 1);
		t.is(metadata.statement('SELECT count(*) AS count FROM leases').get()?.count, 1);
		t.deepEqual(metadata.statement('PRAGMA integrity_check').all().map(row => row.integrity_check), ['ok']);
		await using other = await makeTemporaryDirectory();
		using fresh = openMetadata(other.path);
		const schema = 'SELECT name FROM sqlite_schema ORDER BY name';
		t.deepEqual(metadata.statement(schema).all(), fresh.statement(schema).all());
	});
}

test('a database of a newer schema is refused', async t => {
	await using directory = await makeTemporaryDirectory();
	{
		using metadata = openMetadata(directory.path);
		metadata.statement('PRAGMA user_version = 1000').run();
	}

	t.throws(() => openMetadata(directory.path), {code: 'ERR_TSBUILD_STORE_VERSION'});
});

test('a file that is no database is refused with its name', async t => {
	await using directory = await makeTemporaryDirectory();
	await writeFile(path.join(directory.path, 'metadata.db'), 'something else, and long enough to be read as a header of a database'.repeat(20));
	t.throws(() => openMetadata(directory.path), {code: 'ERR_TSBUILD_STORE', message: /metadata\.db/v});
});

test('many processes may make the same database at once', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import {openMetadata} from ${JSON.stringify(import.meta.resolve('../../snapshotter/metadata.ts'))};
		using metadata = openMetadata(process.argv[1]);
		metadata.transaction(() => metadata.statement(${JSON.stringify(insertImage)}).run(String(process.pid)));
	`;
	await Promise.all(Array.from({length: 8}, async () => runProgram(program, [directory.path])));
	using metadata = openMetadata(directory.path);
	t.is(metadata.statement(countImages).get()?.count, 8);
});
