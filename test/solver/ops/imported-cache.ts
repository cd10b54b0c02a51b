import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import test from 'ava';
import {chainIdOf, diffIdFrom, digestOf} from '../../../src/kernel/digest.ts';
import {mediaTypes} from '../../../src/kernel/oci-types.ts';
import {CachedLayers, type CachedResult} from '../../../snapshotter/cached-layers.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import {ImportedCache, type CacheSource} from '../../../solver/ops/imported-cache.ts';
import {SnapshotCache} from '../../../solver/ops/snapshot-cache.ts';
import {BuildStore} from '../../support/build-store.ts';
import {testCacheStore} from '../../support/cache-store-contract.ts';

const {signal} = new AbortController();
const [canonical, other, below, aliasOfBelow] = [digestOf('canonical'), digestOf('other'), digestOf('below'), digestOf('alias')] as const;

// An empty tar: two blocks of zeros. https://www.gnu.org/software/tar/manual/html_node/Standard.html
const tar = Buffer.alloc(1024);
const diffId = diffIdFrom(digestOf(tar));

const result: CachedResult = {
	keys: [canonical, other],
	layers: [{
		diffId, chainId: chainIdOf(undefined, diffId), blob: {mediaType: mediaTypes.layer, digest: digestOf(tar), size: tar.length}, createdAt: 5000,
	}],
};

function sourceOf(cachedLayers: CachedLayers, {isThere = true, bytes = tar}: {readonly isThere?: boolean; readonly bytes?: Buffer} = {}): CacheSource {
	const keysAlone: CachedResult = {keys: [below, aliasOfBelow]};
	return {
		name: 'elsewhere',
		find: key => [result, keysAlone].find(({keys}) => keys.includes(key)),
		async hasLayers({layers = []}) {
			cachedLayers.provide(isThere ? layers : [], async function * () {
				yield bytes;
			});
			return isThere;
		},
	};
}

testCacheStore<BuildResult>(test, 'with nothing behind it', async () => {
	const build = await BuildStore.open();
	const snapshot = await build.snapshot(() => undefined);
	return {
		cache: new ImportedCache({store: build.store, cachedLayers: new CachedLayers(build.store), sources: []}),
		results: [{kind: 'snapshot', snapshot}, {kind: 'snapshot', snapshot: null}],
		async [Symbol.asyncDispose]() {
			await build[Symbol.asyncDispose]();
		},
	};
});

test('a result from elsewhere is a snapshot whose layer comes when it is read', async t => {
	await using build = await BuildStore.open();
	await using cachedLayers = new CachedLayers(build.store);
	const cache = new ImportedCache({store: build.store, cachedLayers, sources: [sourceOf(cachedLayers)]});
	const record = await cache.find(other);
	t.is(record?.canonicalKey, canonical);
	const loaded = await record?.load(signal);
	const snapshot = loaded?.kind === 'snapshot' ? loaded.snapshot! : undefined;
	t.is(build.store.snapshotter.info(snapshot!)?.createdAt, 5000);
	t.is(await build.store.content.size(digestOf(tar)), undefined);
	using view = await build.store.snapshotter.view(snapshot!);
	t.truthy(view);
	t.is(await build.store.content.size(digestOf(tar)), tar.length);
});

test('a result whose layers are gone is none, and one that lies is refused', async t => {
	await using build = await BuildStore.open();
	await using cachedLayers = new CachedLayers(build.store);
	const gone = new ImportedCache({store: build.store, cachedLayers, sources: [sourceOf(cachedLayers, {isThere: false})]});
	const record = await gone.find(canonical);
	t.is(await record?.load(signal), undefined);
	const lying = new ImportedCache({store: build.store, cachedLayers, sources: [sourceOf(cachedLayers, {bytes: Buffer.alloc(1024, 1)})]});
	const lie = await lying.find(canonical);
	const loaded = await lie?.load(signal);
	await t.throwsAsync(build.store.snapshotter.view(loaded?.kind === 'snapshot' ? loaded.snapshot! : (0 as never)));
	t.is(await build.store.content.size(digestOf(tar)), undefined);
});

test('when one layer cannot be had, the download of the others ends', async t => {
	await using build = await BuildStore.open();
	await using cachedLayers = new CachedLayers(build.store);
	const [lowest] = result.layers!;
	const upper = {...lowest, chainId: chainIdOf(lowest.chainId, diffId), blob: {...lowest.blob, digest: digestOf('upper')}};
	let begun = 0;
	cachedLayers.provide([lowest, upper], async function * ({digest}, options) {
		if (digest === upper.blob.digest) {
			throw new Error('gone');
		}

		// Does not come, but is given up.
		options.signal!.throwIfAborted();
		await once(options.signal!, 'abort');
		options.signal!.throwIfAborted();
		yield tar;
	}, () => {
		begun++;
		return {
			signal,
			status: () => undefined,
			[Symbol.dispose]() {
				begun--;
			},
		};
	});
	const snapshot = await cachedLayers.snapshotOf([lowest, upper], 'test');
	await t.throwsAsync(build.store.snapshotter.view(snapshot), {message: 'gone'});
	t.is(begun, 0);
});

test('what nobody has needed is removed at the end, and other keys are known as long as a record stands on them', async t => {
	await using build = await BuildStore.open();
	{
		await using cachedLayers = new CachedLayers(build.store);
		const cache = new ImportedCache({store: build.store, cachedLayers, sources: [sourceOf(cachedLayers)]});
		const keysAlone = await cache.find(aliasOfBelow);
		t.is(keysAlone?.canonicalKey, below);
		t.is(await keysAlone?.load(signal), undefined);
		const record = await cache.find(canonical);
		await record?.load(signal);
		const local = new SnapshotCache(build.store);
		const known = await local.find(aliasOfBelow);
		t.is(known?.canonicalKey, below);
		t.deepEqual(cache.usedKeys, new Map([[below, new Set([below, aliasOfBelow])], [canonical, new Set([canonical])]]));
	}

	const local = new SnapshotCache(build.store);
	t.is(await local.find(canonical), undefined);
	t.is(await local.find(aliasOfBelow), undefined);
});
