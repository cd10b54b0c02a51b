import {readdir, utimes, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {findCacheRecord, insertCacheRecord, useCacheRecord} from '../../snapshotter/cache-records.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import {prune} from '../../snapshotter/prune.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {listUsage, type UsageRecord} from '../../snapshotter/usage.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

async function commit(store: Store, content: string, parent?: SnapshotId): Promise<SnapshotId> {
	await using active = await store.snapshotter.prepare(parent);
	const file = path.join(active.changesDirectory, 'file');
	await writeFile(file, content);
	// The same content makes the same layer, whenever that is.
	await utimes(file, 0, 0);
	const id = await active.commit({description: content});
	insertCacheRecord(store.metadata, {keys: [`key of ${content}`], snapshot: id, description: content});
	return id;
}

/** What sessions made that are over. */
async function fill(root: string, make: (store: Store) => Promise<void>): Promise<void> {
	await using store = await openStore(root);
	await make(store);
}

async function pruneAll(store: Store, shouldGo: (record: UsageRecord) => boolean = () => true): Promise<readonly string[]> {
	const removed = await prune(store, {canRemoveShared: true, matches: shouldGo, signal: new AbortController().signal});
	return removed.map(({description}) => description);
}

async function blobsIn({content}: Store): Promise<readonly string[]> {
	const digests = await Array.fromAsync(content.list());
	return digests.toSorted();
}

async function snapshotsIn({root}: Store): Promise<readonly string[]> {
	const names = await readdir(path.join(root, 'snapshots'));
	return names.toSorted();
}

test('what a living session made, found or stands on is left', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await fill(root, async store => {
		const base = await commit(store, 'base');
		await commit(store, 'found', base);
		await commit(store, 'unused', base);
	});
	await using store = await openStore(root);
	await using pruning = await openStore(root);
	const record = findCacheRecord(store.metadata, 'key of found')!;
	useCacheRecord(store.metadata, record.id, {session: store.session.id});
	await commit(store, 'made');
	await using _active = await store.snapshotter.prepare(undefined);
	t.deepEqual(await pruneAll(pruning), ['unused']);
	t.deepEqual(await snapshotsIn(store), ['1', '2', '4', '5']);
	const usage = listUsage(store).map(({id, isInUse, isMutable}) => [id, isInUse, isMutable]);
	t.deepEqual(usage, [['1', true, false], ['2', true, false], ['4', true, false], ['5', true, true]]);
});

test('a record that was found is gone, not broken, when it is pruned before it is used', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await fill(root, async store => {
		await commit(store, 'found');
	});
	await using store = await openStore(root);
	const record = findCacheRecord(store.metadata, 'key of found')!;
	await using pruning = await openStore(root);
	t.deepEqual(await pruneAll(pruning), ['found']);
	t.is(useCacheRecord(store.metadata, record.id, {session: store.session.id}), undefined);
	t.is(findCacheRecord(store.metadata, 'key of found'), undefined);
});

test('a snapshot stays as long as one that stands on it stays', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await fill(root, async store => {
		const base = await commit(store, 'base');
		await commit(store, 'upper', await commit(store, 'middle', base));
	});
	await using store = await openStore(root);
	t.deepEqual(await pruneAll(store, ({description}) => description !== 'upper'), []);
	t.deepEqual(await pruneAll(store, ({description}) => description !== 'base'), ['upper', 'middle']);
	t.deepEqual(await pruneAll(store), ['base']);
	t.deepEqual(await snapshotsIn(store), []);
});

test('a blob goes with the last snapshot that it is the layer of, and so does its compressed form', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await fill(root, async store => {
		const layers = new LayerStore(store);
		const one = await commit(store, 'same');
		const other = await commit(store, 'same', await commit(store, 'base'));
		const [{descriptor}] = [await layers.layerOf(one), await layers.layerOf(other)];
		await layers.compress(descriptor, 'gzip');
	});
	await using store = await openStore(root);
	const blobs = await blobsIn(store);
	await pruneAll(store, ({id}) => id === '1');
	t.deepEqual(await blobsIn(store), blobs);
	await pruneAll(store);
	t.deepEqual(await blobsIn(store), []);
	t.deepEqual(store.metadata.statement('SELECT * FROM blob_variants').all(), []);
});

test('a blob that a session asked for or took in stays while the session lives', async t => {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'store');
	await fill(root, async store => {
		await store.content.write(new TextEncoder().encode('asked for'));
		await store.content.write(new TextEncoder().encode('left'));
	});
	await using pruning = await openStore(root);
	await fill(root, async store => {
		const taken = await store.content.write(new TextEncoder().encode('taken in'));
		const asked = await store.content.write(new TextEncoder().encode('asked for'));
		t.true(await store.content.has(asked.digest));
		t.deepEqual(await pruneAll(pruning), [`blob ${digestOf('left')}`]);
		t.true(await store.content.has(asked.digest));
		t.true(await store.content.has(taken.digest));
	});
	t.deepEqual(await pruneAll(pruning, () => false), []);
	await pruneAll(pruning);
	t.deepEqual(await blobsIn(pruning), []);
});
