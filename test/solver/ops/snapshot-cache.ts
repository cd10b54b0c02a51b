import test from 'ava';
import {digestOf} from '../../../src/kernel/digest.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import {SnapshotCache} from '../../../solver/ops/snapshot-cache.ts';
import {BuildStore} from '../../support/build-store.ts';
import {testCacheStore} from '../../support/cache-store-contract.ts';

testCacheStore<BuildResult>(test, 'in a store', async () => {
	const build = await BuildStore.open();
	const snapshot = await build.snapshot(() => undefined);
	return {
		cache: new SnapshotCache(build.store),
		results: [{kind: 'snapshot', snapshot}, {kind: 'snapshot', snapshot: null}],
		async [Symbol.asyncDispose]() {
			await build[Symbol.asyncDispose]();
		},
	};
});

test('a record goes with its snapshot, also when it is gone after it was found', async t => {
	await using build = await BuildStore.open();
	const cache = new SnapshotCache(build.store);
	const snapshot = await build.snapshot(() => undefined);
	const key = digestOf('key');
	await cache.record([key], {kind: 'snapshot', snapshot}, 'step');
	const record = await cache.find(key);
	await build.store.snapshotter.remove(snapshot);
	t.is(await record?.load(new AbortController().signal), undefined);
	t.is(await cache.find(key), undefined);
});

test('a directory of the client is not recorded', async t => {
	await using build = await BuildStore.open();
	const cache = new SnapshotCache(build.store);
	await t.throwsAsync(cache.record([digestOf('key')], build.contextResult(), 'context'), {instanceOf: TypeError});
});
