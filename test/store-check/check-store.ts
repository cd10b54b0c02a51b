import {execFileSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {
	appendFileSync,
	mkdirSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {openStore} from '../../snapshotter/store.ts';
import {
	check,
	prepareDamage,
	summarize,
	type DamagedStore,
} from '../support/damaged-store.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const {copyStore, finds} = prepareDamage(test);

function blobFile({root}: DamagedStore, digest: unknown): string {
	return path.join(root, 'content/blobs/sha256', String(digest).slice('sha256:'.length));
}

function layerOf(store: DamagedStore, condition: string): string {
	const [row] = store.query(`SELECT digest FROM layers JOIN snapshots ON snapshot = id WHERE ${condition} ORDER BY id LIMIT 1`);
	return blobFile(store, row!.digest);
}

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
