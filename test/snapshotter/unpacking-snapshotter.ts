import {spawn} from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import {watch} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {findLayer} from '../../snapshotter/layer-rows.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import {insertCacheRecord} from '../../snapshotter/cache-records.ts';
import {insertPackedSnapshot, packedSnapshots} from '../../snapshotter/packed-rows.ts';
import {prune} from '../../snapshotter/prune.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {listUsage, measureSnapshots} from '../../snapshotter/usage.ts';
import {BuildStore} from '../support/build-store.ts';
import {asRoot} from '../support/conditions.ts';

const {signal} = new AbortController();

/** A chain of two packed copies. */
async function packTwo(build: BuildStore, fileCount = 3): Promise<readonly [SnapshotId, SnapshotId]> {
	for (const folder of ['lower', 'upper']) {
		mkdirSync(path.join(build.context, folder));
		for (let number = 0; number < fileCount; number++) {
			writeFileSync(path.join(build.context, folder, String(number)), `${folder} ${number}`);
		}
	}

	const lower = await build.copy({source: '/lower', destination: '/lower'});
	return [lower, await build.copy({source: '/upper', destination: '/upper'}, {root: lower})];
}

function snapshotsIn({root}: Store): readonly string[] {
	return readdirSync(path.join(root, 'snapshots')).toSorted();
}

function blobPath({metadata, content}: Store, id: SnapshotId): string {
	return content.path(findLayer(metadata, id)!.descriptor.digest);
}

function countRows({metadata}: Store): unknown {
	return metadata.statement('SELECT count(*) AS count FROM snapshots').get()!.count;
}

/** Looks at a snapshot in another process, which is killed at a change in the folder of snapshots. */
async function viewUntilKilled(root: string, id: SnapshotId, changes: number): Promise<void> {
	const program = `
		import {openStore} from ${JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'))};
		await using store = await openStore(process.argv[1]);
		using view = await store.snapshotter.view(Number(process.argv[2]));
	`;
	const child = spawn(process.execPath, ['--input-type=module', '--eval', program, root, String(id)], {stdio: 'inherit'});
	const ended = new AbortController();
	child.once('exit', () => {
		ended.abort();
	});
	const seen: unknown[] = [];
	try {
		for await (const event of watch(path.join(root, 'snapshots'), {signal: ended.signal})) {
			seen.push(event);
			if (seen.length === changes) {
				child.kill('SIGKILL');
			}
		}
	} catch (error) {
		if (!ended.signal.aborted) {
			throw error;
		}
	}
}

asRoot('whenever a process is killed that unpacks, the next one finds all that there was', async t => {
	t.timeout(120_000);
	for (const changes of [1, 2, 3, 4]) {
		await using build = await BuildStore.open();
		const {store: {root}} = build;
		const [lower, upper] = await packTwo(build, 200);
		await viewUntilKilled(root, upper, changes);
		await using next = await openStore(root);
		using view = await next.snapshotter.view(upper);
		t.is(readdirSync(view.path, {recursive: true}).length, 402);
		t.deepEqual(snapshotsIn(next), [lower, upper].map(String).toSorted());
		t.is(countRows(next), 2);
	}
});

asRoot('a layer that is damaged is told, and nothing is left of it', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	const [lower, upper] = await packTwo(build);
	writeFileSync(blobPath(store, lower), 'damaged');
	await t.throwsAsync(store.snapshotter.view(upper), {code: 'ERR_TSBUILD_CONTENT'});
	await t.throwsAsync(store.snapshotter.prepare(upper), {code: 'ERR_TSBUILD_CONTENT'});
	t.deepEqual(snapshotsIn(store), []);
	t.is(countRows(store), 2);
});

asRoot('a layer that has gone is told', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	const [, upper] = await packTwo(build);
	rmSync(blobPath(store, upper));
	await t.throwsAsync(store.snapshotter.view(upper), {code: 'ERR_TSBUILD_CONTENT_NOT_FOUND'});
	await t.throwsAsync(new LayerStore(store).layerOf(upper), {code: 'ERR_TSBUILD_CONTENT_NOT_FOUND'});
});

asRoot('a layer that has gone after it was unpacked is made again, the same', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	const [, upper] = await packTwo(build);
	const view = await store.snapshotter.view(upper);
	view.close();
	const before = findLayer(store.metadata, upper)!;
	rmSync(blobPath(store, upper));
	const layer = await new LayerStore(store).layerOf(upper);
	t.deepEqual(layer.descriptor, before.descriptor);
	t.true(existsSync(blobPath(store, upper)));
});

asRoot('what is packed counts with its layer, what is unpacked with its files too', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	const [, upper] = await packTwo(build);
	const sizes = async () => {
		await measureSnapshots(store, {signal});
		return store.metadata.transaction(() => listUsage(store)).map(({size}) => size);
	};

	const packed = await sizes();
	t.is(packed.length, 2);
	t.true(packed.every(size => size > 0), String(packed));
	const view = await store.snapshotter.view(upper);
	view.close();
	const unpacked = await sizes();
	t.true(unpacked.every((size, index) => size > packed[index]!), String(unpacked));
});

asRoot('a layer of two snapshots goes with the last one', async t => {
	await using build = await BuildStore.open();
	const {store: {root}, store} = build;
	const [lower] = await packTwo(build);
	const {diffId, descriptor} = findLayer(store.metadata, lower)!;
	{
		await using other = await openStore(root);
		const twin = insertPackedSnapshot(other.metadata, {
			parent: undefined, diffId, blob: descriptor, times: new Uint8Array(), description: 'twin', session: other.session.id,
		});
		insertCacheRecord(other.metadata, {keys: ['twin'], snapshot: twin, description: 'twin'});
	}

	await store[Symbol.asyncDispose]();
	await using pruning = await openStore(root);
	const pruneAll = async (shouldGo: (description: string) => boolean) => {
		const removed = await prune(pruning, {canRemoveShared: true, matches: ({description}) => shouldGo(description), signal});
		return removed.map(({description}) => description);
	};

	t.deepEqual(await pruneAll(description => description !== 'twin'), ['file', 'file']);
	t.true(existsSync(pruning.content.path(descriptor.digest)));
	t.is(packedSnapshots(pruning.metadata, 3 as SnapshotId).length, 1);
	t.deepEqual(await pruneAll(() => true), ['twin']);
	t.false(existsSync(pruning.content.path(descriptor.digest)));
});
