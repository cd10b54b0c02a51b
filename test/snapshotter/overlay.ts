import {
	lstat,
	mkdir,
	readdir,
	readFile,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {openStore} from '../../snapshotter/store.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {build, listInView, testSnapshotter} from '../support/snapshotter-contract.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {asRoot} from '../support/conditions.ts';

testSnapshotter(asRoot, async () => {
	const directory = await makeTemporaryDirectory();
	const store = await openStore(directory.path);
	return {
		snapshotter: store.snapshotter,
		listFiles: async () => readdir(path.join(store.root, 'snapshots')),
		async [Symbol.asyncDispose]() {
			await store[Symbol.asyncDispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
});

asRoot('the changes are those of the snapshot alone, in the form of overlayfs', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	const {snapshotter} = store;
	const parent = await build(snapshotter, undefined, async root => {
		await writeFile(path.join(root, 'kept'), '');
		await writeFile(path.join(root, 'removed'), '');
	});
	const child = await build(snapshotter, parent, async root => {
		await rm(path.join(root, 'removed'));
		await mkdir(path.join(root, 'added'));
	});
	const changes = snapshotter.changes(child);
	t.is(changes.kind, 'overlay-upper');
	const names = await readdir(changes.directory);
	t.deepEqual(names.toSorted(), ['added', 'removed']);
	const whiteout = await lstat(path.join(changes.directory, 'removed'));
	t.true(whiteout.isCharacterDevice());
	t.is(whiteout.rdev, 0);
	t.deepEqual(await readdir(path.dirname(changes.directory)), ['fs'], 'the work directory is gone');
});

asRoot('nobody can write a whiteout through a mount, also not without a parent', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	await using active = await store.snapshotter.prepare(undefined);
	using root = await active.mount();
	t.throws(() => {
		makeDeviceFile(root, 'whiteout', {kind: 'character', mode: 0o600});
	}, {code: 'EPERM'});
	makeDeviceFile(root, 'device', {
		kind: 'character',
		mode: 0o600,
		major: 1,
		minor: 3,
	});
	t.deepEqual(await readdir(active.changesDirectory), ['device']);
});

asRoot('a whiteout in the lowest layer hides nothing and is not seen', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	await using active = await store.snapshotter.prepare(undefined);
	await writeFile(path.join(active.changesDirectory, 'file'), '');
	makeDeviceFile(undefined, path.join(active.changesDirectory, 'whiteout'), {kind: 'character', mode: 0});
	const id = await active.commit({description: ''});
	t.deepEqual(await listInView(store.snapshotter, id), ['file']);
});

asRoot('mount points are seen where an image has no such file, and leave nothing in the snapshot', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path);
	const parent = await build(store.snapshotter, undefined, async root => {
		await mkdir(path.join(root, 'etc'), {mode: 0o700});
		await writeFile(path.join(root, 'etc/hosts'), 'of the image');
	});
	await using active = await store.snapshotter.prepare(parent);
	{
		using root = await active.mount({mountPoints: ['etc/hosts', 'etc/resolv.conf']});
		t.is(await readFile(path.join(root.path, 'etc/hosts'), 'utf8'), 'of the image');
		t.is(await readFile(path.join(root.path, 'etc/resolv.conf'), 'utf8'), '');
		const etc = await stat(path.join(root.path, 'etc'));
		t.is(etc.mode & 0o7777, 0o700);
	}

	t.deepEqual(await readdir(active.changesDirectory), []);
	const child = await active.commit({description: ''});
	using view = await store.snapshotter.view(child);
	t.deepEqual(await readdir(path.join(view.path, 'etc')), ['hosts']);
});
