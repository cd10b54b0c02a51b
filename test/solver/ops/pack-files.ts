import type {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {findLayer} from '../../../snapshotter/layer-rows.ts';
import {LayerStore} from '../../../snapshotter/layers.ts';
import {packedSnapshots} from '../../../snapshotter/packed-rows.ts';
import type {SnapshotId} from '../../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../../snapshotter/store.ts';
import {SnapshotCache} from '../../../solver/ops/snapshot-cache.ts';
import type {CacheKey} from '../../../solver/vertex.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {asRoot} from '../../support/conditions.ts';
import {collect, readMembers} from '../../support/tar-bytes.ts';

function isPacked({metadata}: Store, id: SnapshotId): boolean {
	return packedSnapshots(metadata, id).some(packed => packed.id === id);
}

function hasFiles({root}: Store, id: SnapshotId): boolean {
	return existsSync(path.join(root, 'snapshots', String(id)));
}

/** The blob that a snapshot was packed as. */
async function blobOf({metadata, content}: Store, id: SnapshotId): Promise<Buffer> {
	return collect(content.read(findLayer(metadata, id)!.descriptor.digest));
}

function fill(directory: string, files: Readonly<Record<string, string>>): void {
	for (const [name, content] of Object.entries(files)) {
		mkdirSync(path.dirname(path.join(directory, name)), {recursive: true});
		writeFileSync(path.join(directory, name), content);
	}
}

asRoot('a copy has files when somebody needs them', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	fill(build.context, {'a/b': 'text'});
	const id = await build.copy({destination: '/srv/'});
	t.true(isPacked(store, id));
	t.false(hasFiles(store, id));
	const {descriptor} = await new LayerStore(store).layerOf(id);
	t.is(descriptor.digest, findLayer(store.metadata, id)!.descriptor.digest);
	t.false(hasFiles(store, id), 'its layer needs no files');
	t.is(await build.visit(id, root => readFileSync(path.join(root, 'srv/a/b'), 'utf8')), 'text');
	t.false(isPacked(store, id));
	t.true(hasFiles(store, id));
	t.deepEqual(readdirSync(path.join(store.root, 'snapshots')), [String(id)]);
});

asRoot('a copy onto copies sees what they hold, and unpacks none', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	const base = await build.snapshot(directory => {
		fill(directory, {'old/file': '', 'etc/x': ''});
		symlinkSync('etc', path.join(directory, 'link'));
	});
	fill(build.context, {file: 'F', 'd/inner': 'I'});
	symlinkSync('/srv/d', path.join(build.context, 'to-srv'));
	const first = await build.copy({source: '/', destination: '/srv/', followSymlinks: false}, {root: base});
	const second = await build.change([
		{...plainCopy, source: '/file', destination: '/srv'},
		{...plainCopy, source: '/file', destination: '/srv/to-srv/'},
		{...plainCopy, source: '/file', destination: '/link/'},
		{...plainCopy, source: '/file', destination: '/old'},
	], {root: first});
	const third = await build.change([{
		action: 'make-directory', path: '/srv/d/work', mode: 0o755,
	}], {root: second});
	t.deepEqual([first, second, third].map(id => hasFiles(store, id)), [false, false, false]);
	t.deepEqual(await build.list(third), [
		'/etc 0755 0:0 directory',
		'/etc/file 0644 0:0 file "F"',
		'/etc/x 0644 0:0 file',
		'/link 0777 0:0 -> etc',
		'/link/file 0644 0:0 file "F"',
		'/link/x 0644 0:0 file',
		'/old 0755 0:0 directory',
		'/old/file 0644 0:0 file "F"',
		'/srv 0755 0:0 directory',
		'/srv/d 0755 0:0 directory',
		'/srv/d/file 0644 0:0 file "F"',
		'/srv/d/inner 0644 0:0 file "I"',
		'/srv/d/work 0755 0:0 directory',
		'/srv/file 0644 0:0 file "F"',
		'/srv/to-srv 0777 0:0 -> /srv/d',
	]);
});

asRoot('what a packed copy holds already is not in the next one', async t => {
	await using build = await BuildStore.open();
	fill(build.context, {one: '1', two: '2'});
	const first = await build.copy({source: '/one', destination: '/app/'});
	const second = await build.copy({source: '/', destination: '/app/'}, {root: first});
	const members = await readMembers(await blobOf(build.store, second));
	t.deepEqual(members.map(({entry}) => entry.path.toString()), ['app/', 'app/two']);
});

asRoot('what ADD takes is packed unless it is an archive', async t => {
	await using build = await BuildStore.open();
	const {store, context} = build;
	fill(context, {'file.tar': 'no archive', 'a/b': 'text'});
	symlinkSync('a/archive.tar', path.join(context, 'link'));
	execFileSync('tar', ['-cf', 'a/archive.tar', 'a/b'], {cwd: context});
	const add = {attemptUnpack: true, directoryContentsOnly: true};
	const file = await build.copy({...add, source: '/file.tar', destination: '/'});
	t.true(isPacked(store, file));
	t.deepEqual(await build.list(file), ['/file.tar 0644 0:0 file "no archive"']);
	const directory = await build.copy({...add, source: '/a', destination: '/'});
	t.true(isPacked(store, directory));
	for (const source of ['/a/archive.tar', '/link']) {
		const unpacked = await build.copy({...add, source, destination: '/'});
		t.false(isPacked(store, unpacked));
		t.deepEqual(await build.list(unpacked), ['/a 0755 0:0 directory', '/a/b 0644 0:0 file "text"']);
	}
});

asRoot('processes that unpack a copy at the same time agree, and leave nothing', async t => {
	await using build = await BuildStore.open();
	fill(build.context, Object.fromEntries(Array.from({length: 50}, (_, number) => [`d/${number}`, String(number)])));
	const lower = await build.copy({destination: '/lower/'});
	const upper = await build.copy({destination: '/upper/'}, {root: lower});
	await using others = new AsyncDisposableStack();
	const stores = [build.store];
	for (let number = 0; number < 3; number++) {
		stores.push(others.use(await openStore(build.store.root)));
	}

	const counts = await Promise.all(stores.flatMap(store => [upper, lower].map(async id => {
		using view = await store.snapshotter.view(id);
		return readdirSync(view.path, {recursive: true}).length;
	})));
	t.deepEqual(counts, stores.flatMap(() => [104, 52]));
	t.deepEqual(readdirSync(path.join(build.store.root, 'snapshots')).toSorted(), [lower, upper].map(String).toSorted());
	t.is(build.store.metadata.statement('SELECT count(*) AS count FROM snapshots').get()?.count, 2);
});

asRoot('files that a killed process had moved before it could say so are not used', async t => {
	await using build = await BuildStore.open();
	fill(build.context, {file: 'right'});
	const id = await build.copy({destination: '/'});
	fill(path.join(build.store.root, 'snapshots', String(id), 'fs'), {file: 'wrong', other: ''});
	t.deepEqual(await build.list(id), ['/file 0644 0:0 file "right"']);
});

asRoot('a copy whose layer has gone is made again', async t => {
	await using build = await BuildStore.open();
	fill(build.context, {file: 'F'});
	const id = await build.copy({destination: '/'});
	const cache = new SnapshotCache(build.store);
	const {signal} = new AbortController();
	const key = `sha256:${'0'.repeat(64)}` as CacheKey;
	await cache.record([key], {kind: 'snapshot', snapshot: id}, '');
	const found = await cache.find(key);
	t.deepEqual(await found?.load(signal), {kind: 'snapshot', snapshot: id});
	rmSync(build.store.content.path(findLayer(build.store.metadata, id)!.descriptor.digest));
	const lost = await cache.find(key);
	t.is(await lost?.load(signal), undefined);
});

asRoot('times are exact where files are looked at, and whole seconds in the layer', async t => {
	await using build = await BuildStore.open();
	fill(build.context, {file: 'F'});
	utimesSync(path.join(build.context, 'file'), 1.25, 1.25);
	const id = await build.copy({destination: '/'});
	const [member] = await readMembers(await blobOf(build.store, id));
	t.is(member?.entry.mtimeNanoseconds, 1_000_000_000n);
	t.is(await build.visit(id, root => statSync(path.join(root, 'file')).mtimeMs), 1250);
});
