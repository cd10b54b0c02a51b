import {
	appendFileSync,
	cpSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	renameSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {applyLayer} from '../../snapshotter/apply.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {writeTar, type TarMember} from '../../snapshotter/tar-writer.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {asRoot} from '../support/conditions.ts';
import {layerEntries, layerTarOf, type Change} from '../support/layer-entries.ts';
import {runOnBtrfs, whereBtrfs} from '../support/on-btrfs.ts';
import {
	build,
	listInView,
	readInView,
	testSnapshotter,
} from '../support/snapshotter-contract.ts';
import {readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

testSnapshotter(asRoot, async () => {
	const directory = await makeTemporaryDirectory();
	const store = await openStore(directory.path, {snapshotter: 'native'});
	return {
		snapshotter: store.snapshotter,
		listFiles: async () => readdir(path.join(store.root, 'snapshots')),
		async [Symbol.asyncDispose]() {
			await store[Symbol.asyncDispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
});

const oldTime = 1_500_000_000;

function writingAt(time: number, text: string): Change {
	return root => {
		writeFileSync(path.join(root, 'file'), text);
		utimesSync(path.join(root, 'file'), time, time);
	};
}

asRoot('a file that gets other content, and back its size and time, has changed', async t => {
	t.deepEqual(await layerEntries('native', writingAt(oldTime, 'same'), writingAt(oldTime, 'diff')), ['file 644 file']);
	t.deepEqual(await layerEntries('native', writingAt(oldTime, 'same'), writingAt(oldTime, 'same')), []);
});

asRoot('what has changed is found in a store that was copied as well', async t => {
	await using directory = await makeTemporaryDirectory();
	const [original, copy] = [path.join(directory.path, 'original'), path.join(directory.path, 'copy')];
	let child: SnapshotId;
	{
		await using store = await openStore(original, {snapshotter: 'native'});
		const parent = await build(store.snapshotter, undefined, async root => writingAt(oldTime, 'same')(root));
		child = await build(store.snapshotter, parent, async root => writingAt(oldTime, 'diff')(root));
		t.is(copiedAt(store, parent), undefined);
		t.is(typeof copiedAt(store, child), 'bigint');
	}

	cpSync(original, copy, {recursive: true, preserveTimestamps: true});
	await using store = await openStore(copy);
	t.is(copiedAt(store, child), undefined, 'the times of the copy tell nothing');
	const members = await readMembers(await layerTarOf(store.snapshotter, child));
	t.deepEqual(members.map(({entry}) => entry.path.toString()), ['file']);
});

function copiedAt({snapshotter}: Store, id: SnapshotId): bigint | undefined {
	const changes = snapshotter.changes(id);
	return changes.kind === 'tree' ? changes.copiedAt : undefined;
}

asRoot('a device that overlayfs would take for a whiteout gets into no layer', async t => {
	t.deepEqual(await layerEntries('native', root => {
		makeDeviceFile(undefined, path.join(root, 'device'), {kind: 'character', mode: 0o600});
		writeFileSync(path.join(root, 'file'), '');
	}), ['file 644 file']);
});

asRoot('a layer follows no link that its parent has', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(path.join(directory.path, 'store'), {snapshotter: 'native'});
	const outside = path.join(directory.path, 'outside');
	mkdirSync(outside);
	writeFileSync(path.join(outside, 'canary'), 'sings');
	const parent = await build(store.snapshotter, undefined, async root => {
		symlinkSync(outside, path.join(root, 'link'));
		mkdirSync(path.join(root, 'directory'));
		symlinkSync(path.join(outside, 'canary'), path.join(root, 'directory/link'));
	});
	const child = await applyTo(store, parent, [
		{entry: {path: 'link/', type: 'directory', mode: 0o755}},
		{entry: {path: 'link/canary', type: 'file', mode: 0o644}},
		{entry: {path: 'link/.wh.other', type: 'file', mode: 0o644}},
		{entry: {path: 'directory/link', type: 'file', mode: 0o600}},
	]);
	t.deepEqual(await listInView(store.snapshotter, child), ['directory', 'directory/link', 'link', 'link/canary']);
	t.is(await readInView(store.snapshotter, child, 'directory/link'), '');
	t.deepEqual(readdirSync(outside), ['canary']);
	t.is(readFileSync(path.join(outside, 'canary'), 'utf8'), 'sings');
});

async function applyTo({snapshotter}: Store, parent: SnapshotId, members: readonly TarMember[]): Promise<SnapshotId> {
	await using active = await snapshotter.prepare(parent);
	using view = await snapshotter.view(parent);
	await applyLayer(writeTar(members), {into: active.changesDirectory, overlayAttributes: active.overlayAttributes, parent: view});
	return await active.commit({description: ''});
}

asRoot('what is written into a mount after a layer stands on the layer', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(directory.path, {snapshotter: 'native'});
	await using active = await store.snapshotter.prepare(undefined);
	writeFileSync(path.join(active.changesDirectory, 'file'), 'layer');
	{
		using root = await active.mount();
		appendFileSync(path.join(root.path, 'file'), ' and step');
	}

	const id = await active.commit({description: ''});
	t.is(await readInView(store.snapshotter, id, 'file'), 'layer and step');
	const kept = readdirSync(path.join(directory.path, 'snapshots', String(id)));
	t.deepEqual(kept, ['fs'], 'nothing else is left');
});

asRoot('a directory that is moved keeps what is below its parent', async t => {
	t.deepEqual(await layerEntries('native', root => {
		mkdirSync(path.join(root, 'a/b'), {recursive: true});
		writeFileSync(path.join(root, 'a/b/file'), '');
	}, root => {
		renameSync(path.join(root, 'a'), path.join(root, 'c'));
	}), ['file 0 .wh.a', 'directory 755 c/', 'directory 755 c/b/', 'file 644 c/b/file']);
});

whereBtrfs('copies share their blocks where the file system can do that', async t => {
	const output = await runOnBtrfs(`
		import process from 'node:process';
		import {writeFileSync} from 'node:fs';
		const {openStore} = await import(${JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'))});
		const {build, readInView} = await import(${JSON.stringify(import.meta.resolve('../support/snapshotter-contract.ts'))});
		await using store = await openStore(process.argv[1] + '/store', {snapshotter: 'native'});
		let top;
		for (let number = 0; number < 5; number++) {
			top = await build(store.snapshotter, top, async root => writeFileSync(root + '/' + number, Buffer.alloc(number === 0 ? 100 * 1024 * 1024 : 1, 'x')));
		}
		const text = await readInView(store.snapshotter, top, '0');
		console.log(text.length);
	`);
	t.is(output, `${100 * 1024 * 1024}\n`, 'five times as much has room on the disk');
});
