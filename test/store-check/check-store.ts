import {execFileSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {
	appendFileSync,
	mkdirSync,
	openSync,
	readdirSync,
	rmSync,
	writeFileSync,
	writeSync,
	closeSync,
} from 'node:fs';
import path from 'node:path';
import {DatabaseSync} from 'node:sqlite';
import test from 'ava';
import {checkStore, type CheckReport} from '../../src/store-check/check-store.ts';
import type {TsbuildError} from '../../src/kernel/errors.ts';
import {openStore} from '../../snapshotter/store.ts';
import {makeProject, type Project} from '../support/project.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

/*
Snapshots of the store: 1 base, 2 `RUN echo tools`, then in any order what the second stage adds. `dockerfile` is made so that RUN, COPY, cache mounts and packed snapshots are in it.
*/
const dockerfile = `FROM base AS tools
RUN echo tools > /tools
FROM base
COPY a /a
RUN --mount=type=cache,target=/cache echo x > /cache/x; echo run > /run
COPY --from=tools /tools /tools
`;

type Damaged = {
	readonly root: string;
	query(sql: string): ReadonlyArray<Record<string, unknown>>;
};

type Case = {
	readonly damage: (store: Damaged) => void;
	/** What is found, as `subject: remedy`; `*` stands for any text. */
	readonly finds: readonly string[];
};

let project: Project;
let template: string;

test.before(async () => {
	project = await makeProject({Dockerfile: dockerfile, a: 'x'});
	const built = await project.build('-t', 'app:1');
	if (built.exitCode !== 0) {
		throw new Error(built.stderr);
	}

	template = project.root;
});

test.after.always(async () => {
	await project[Symbol.asyncDispose]();
});

async function check(root: string, shouldRepair = false): Promise<CheckReport> {
	return checkStore(root, {shouldRepair, signal: new AbortController().signal});
}

function summarize({problems}: CheckReport): readonly string[] {
	return problems.map(({subject, remedy}) => `${subject}: ${remedy.kind}`);
}

function copyStore(root: string): Damaged {
	execFileSync('cp', ['-a', template, root]);
	return {
		root,
		query(sql) {
			using database = new DatabaseSync(path.join(root, 'metadata.db'), {enableForeignKeyConstraints: false});
			return database.prepare(sql).all();
		},
	};
}

function blobFile({root}: Damaged, digest: unknown): string {
	return path.join(root, 'content/blobs/sha256', String(digest).slice('sha256:'.length));
}

function layerOf(store: Damaged, condition: string): string {
	const [row] = store.query(`SELECT digest FROM layers JOIN snapshots ON snapshot = id WHERE ${condition} ORDER BY id LIMIT 1`);
	return blobFile(store, row!.digest);
}

function matches(found: readonly string[], wanted: readonly string[]): boolean {
	return found.length === wanted.length && wanted.every((pattern, place) => path.matchesGlob(found[place]!.replaceAll('/', '|'), pattern.replaceAll('/', '|')));
}

const finds = test.macro({
	async exec(t, {damage, finds: wanted}: Case) {
		await using directory = await makeTemporaryDirectory();
		const store = copyStore(path.join(directory.path, 'store'));
		damage(store);
		const found = summarize(await check(store.root));
		t.true(matches(found, wanted), JSON.stringify(found, undefined, 2));

		const {problems} = await check(store.root, true);
		t.deepEqual(problems.filter(({outcome}) => outcome?.isRepaired !== true), []);
		t.deepEqual(summarize(await check(store.root)), []);
		const again = await tsbuild(['build', '--root', store.root, '--progress', 'plain', '--build-context', `base=oci-layout://${project.base}`, '-t', 'app:1', '-o', `type=local,dest=${directory.path}/files`, project.context], {root: store.root});
		t.is(again.exitCode, 0, again.stderr);
		t.is(execFileSync('cat', ['a', 'run', 'tools'], {cwd: path.join(directory.path, 'files'), encoding: 'utf8'}), 'xrun\ntools\n');
		t.deepEqual(summarize(await check(store.root)), []);
	},
	title: title => `${title!} is found and repaired, and the next build is right`,
});

test('a store that a build has made is whole, and what was looked at is counted', async t => {
	await using directory = await makeTemporaryDirectory();
	const {root} = copyStore(path.join(directory.path, 'store'));
	const {problems, counts} = await check(root);
	t.deepEqual(problems, []);
	t.like(counts, {
		snapshots: 5, comparedSnapshots: 3, layers: 4, images: 1, cacheMounts: 1, sessions: 1,
	});
	t.true(counts.blobs > 4 && counts.blobBytes > 1e6 && counts.records >= 4 && counts.keys >= counts.records);
});

test('a blob that has lost its end', finds, {
	damage(store) {
		execFileSync('truncate', ['--size=-1', layerOf(store, 'is_packed = 0')]);
	},
	finds: ['blob *: remove-blob', 'layer of snapshot 1: forget-layer', 'snapshot 1: remove-snapshot', 'image docker.io/library/app:1: remove-image'],
});

test('the layer of a copy that is nothing but zeros', finds, {
	damage(store) {
		const file = layerOf(store, 'is_packed = 1');
		execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=512', 'count=3', 'conv=notrunc', 'status=none']);
	},
	finds: ['blob *: remove-blob', 'snapshot *: remove-snapshot', 'image *: remove-image'],
});

test('the layer of a copy that is missing', finds, {
	damage(store) {
		rmSync(layerOf(store, 'is_packed = 1'));
	},
	finds: ['image *: remove-image'],
});

test('a directory in the place of a blob', finds, {
	damage(store) {
		const file = layerOf(store, 'is_packed = 1');
		rmSync(file);
		mkdirSync(path.join(file, 'deep'), {recursive: true});
	},
	finds: ['blob *: remove-blob', 'snapshot *: remove-snapshot', 'image *: remove-image'],
});

test('a strange file among the blobs', finds, {
	damage({root}) {
		writeFileSync(path.join(root, 'content/blobs/sha256/x'), '');
	},
	finds: ['file *x: remove-file'],
});

test('a snapshot without files', finds, {
	damage({root}) {
		rmSync(path.join(root, 'snapshots/2'), {recursive: true});
	},
	finds: ['snapshot 2: remove-snapshot'],
});

test('a file of the base that has changed', finds, {
	damage({root}) {
		appendFileSync(path.join(root, 'snapshots/1/fs/etc/passwd'), 'x');
	},
	finds: ['snapshot 1: remove-snapshot'],
});

test('a file of a step that has become empty', finds, {
	damage({root}) {
		const id = readdirSync(path.join(root, 'snapshots')).find(name => readdirSync(path.join(root, 'snapshots', name, 'fs')).includes('run'));
		writeFileSync(path.join(root, 'snapshots', id!, 'fs/run'), '');
	},
	finds: ['snapshot *: remove-snapshot'],
});

test('a directory of no snapshot', finds, {
	damage({root}) {
		mkdirSync(path.join(root, 'snapshots/99/fs'), {recursive: true});
	},
	finds: ['directory *99: remove-file'],
});

test('a wrong chain ID', finds, {
	damage(store) {
		store.query('UPDATE layers SET chain_id = \'sha256:\' || hex(zeroblob(32)) WHERE snapshot = 1 RETURNING 1');
	},
	finds: ['layer of snapshot 1: forget-layer', 'layer of snapshot *: *'],
});

test('a digest that is none', finds, {
	damage(store) {
		store.query('INSERT INTO http_files VALUES (\'../../etc\', \'sha256:x\', NULL, NULL) RETURNING 1');
	},
	finds: ['table http_files: remove-rows', 'table http_files: remove-rows'],
});

test('a cache record that no key leads to', finds, {
	damage(store) {
		store.query('DELETE FROM cache_keys WHERE record = (SELECT min(id) FROM cache_records) RETURNING 1');
	},
	finds: ['cache record *: remove-record'],
});

test('a key of a record that is not there', finds, {
	damage(store) {
		store.query('INSERT INTO cache_keys VALUES (\'k\', 1000) RETURNING 1');
	},
	finds: ['database: make-database'],
});

test('an image without its config', finds, {
	damage(store) {
		const [image] = store.query('SELECT config_digest FROM images');
		rmSync(blobFile(store, image!.config_digest));
	},
	finds: ['image docker.io/library/app:1: remove-image'],
});

test('an index that is cut off', finds, {
	damage({root}) {
		execFileSync('truncate', ['--size=20', path.join(root, 'content/index.json')]);
	},
	finds: ['image layout: write-layout'],
});

test('an index that names nothing', finds, {
	damage({root}) {
		writeFileSync(path.join(root, 'content/index.json'), '{"schemaVersion":2,"manifests":[]}');
	},
	finds: ['image layout: write-layout'],
});

test('a layout without its mark', finds, {
	damage({root}) {
		writeFileSync(path.join(root, 'content/oci-layout'), '');
	},
	finds: ['image layout: write-layout'],
});

test('a cache mount without a lock', finds, {
	damage({root}) {
		const [hash] = readdirSync(path.join(root, 'cache-mounts'));
		rmSync(path.join(root, 'cache-mounts', hash!, '0/lock'));
	},
	finds: ['cache mount *: remove-file'],
});

test('a file in the empty directory', finds, {
	damage({root}) {
		writeFileSync(path.join(root, 'empty/x'), '');
	},
	finds: ['directory *: make-empty-directory'],
});

test('what a process has left that was killed while it made the store', finds, {
	damage({root}) {
		mkdirSync(path.join(root, `.probe-${randomUUID()}/work/work`), {recursive: true});
		writeFileSync(path.join(root, 'format.new'), '');
		writeFileSync(path.join(root, 'content', `index.json.${randomUUID()}`), '');
	},
	finds: ['file *.probe-*: remove-file', 'file *format.new: remove-file', 'file *index.json.*: remove-file'],
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

test('what a running build uses is not taken away', async t => {
	await using directory = await makeTemporaryDirectory();
	const store = copyStore(path.join(directory.path, 'store'));
	await using running = await openStore(store.root);
	running.metadata.statement('INSERT INTO leases VALUES (?, \'snapshot\', \'2\')').run(running.session.id);
	rmSync(path.join(store.root, 'snapshots/2'), {recursive: true});
	mkdirSync(path.join(store.root, 'snapshots/99'));
	const {problems, livingSessions} = await check(store.root, true);
	t.is(livingSessions, 1);
	t.like(problems, [{subject: 'snapshot 2', outcome: {isRepaired: false}}]);
	t.is(problems.length, 1);
	t.is(store.query('SELECT count(*) AS count FROM snapshots')[0]!.count, 5);
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

test('what interrupted attempts to make a store have left is gone when it is made', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	mkdirSync(path.join(root, `.probe-${randomUUID()}/work`), {recursive: true, mode: 0o700});
	mkdirSync(path.join(root, 'content'));
	writeFileSync(path.join(root, 'content', `oci-layout.${randomUUID()}`), '');
	await using _store = await openStore(root);
	t.deepEqual(summarize(await check(root)), []);
	t.deepEqual(readdirSync(path.join(root, 'content')).toSorted(), ['blobs', 'index.json', 'oci-layout']);
	t.deepEqual(readdirSync(root).filter(name => name.startsWith('.')), []);
});

test('where there is no store, none is made', async t => {
	await using directory = await makeTemporaryDirectory();
	await t.throwsAsync(check(path.join(directory.path, 'store')), {code: 'ERR_TSBUILD_STORE_NOT_FOUND'});
	t.deepEqual(readdirSync(directory.path), []);
});
