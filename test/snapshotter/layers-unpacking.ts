import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {chmodSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {
	chainIdOf,
	chainIdOfAll,
	digestOf,
	diffIdFrom,
	type Digest,
} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {asRoot} from '../support/conditions.ts';
import {readInView} from '../support/snapshotter-contract.ts';
import {collect} from '../support/tar-bytes.ts';
import {listTree} from '../support/tree-listing.ts';
import {
	addBlob,
	buildTwo,
	openLayerFixture,
	tarOf,
} from '../support/layer-fixture.ts';

async function namesOfSnapshots({root}: Store): Promise<readonly string[]> {
	return readdirSync(path.join(root, 'snapshots'));
}

for (const compression of ['none', 'gzip', 'zstd'] as const) {
	asRoot(`layers that go to another store with compression ${compression} give the same tree there`, async t => {
		await using source = await openLayerFixture();
		await using target = await openLayerFixture();
		const ids = await buildTwo(source.store);
		let parent: SnapshotId | undefined;
		for (const id of ids) {
			const {diffId, chainId, descriptor} = await source.layers.layerOf(id);
			const blob = await source.layers.compress(descriptor, compression);
			await target.store.content.ingest(source.store.content.read(blob.digest));
			parent = await target.layers.unpack({
				parent, chainId, diffId, blob,
			});
			const unpacked = await target.layers.layerOf(parent);
			t.deepEqual(unpacked, {chainId, diffId, descriptor: blob}, 'and the layer keeps its blob');
		}

		using original = await source.store.snapshotter.view(ids[1]);
		using copy = await target.store.snapshotter.view(parent!);
		t.deepEqual(listTree(copy.path), listTree(original.path));
	});
}

asRoot('a chain that is known is not unpacked again, whoever asks', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const bytes = await collect(tarOf('a', 'text'));
	const diffId = diffIdFrom(digestOf(bytes));
	const layer = {
		parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob: await addBlob(store, bytes),
	};
	const ids = await Promise.all([layers.unpack(layer), layers.unpack(layer), layers.unpack(layer)]);
	await store.content.remove(layer.blob.digest);
	ids.push(await new LayerStore(store).unpack(layer));
	t.is(new Set(ids).size, 1);
	t.is(await readInView(store.snapshotter, ids[0], 'a'), 'text');
});

asRoot('a blob that has gone comes back with the next image of its chain, after a check', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const bytes = await collect(tarOf('a', 'text'));
	const diffId = diffIdFrom(digestOf(bytes));
	const layer = {parent: undefined, chainId: chainIdOf(undefined, diffId), diffId};
	const blob = await addBlob(store, bytes);
	const id = await layers.unpack({...layer, blob});
	await store.content.remove(blob.digest);
	const otherArchive = await collect(tarOf('b', 'text'));
	const other = await addBlob(store, otherArchive);
	await t.throwsAsync(layers.unpack({...layer, blob: other}), {code: 'ERR_TSBUILD_LAYER', message: /diff ID/v});
	const compressed = await addBlob(store, gzipSync(bytes), mediaTypes.layerGzip);
	t.is(await layers.unpack({...layer, blob: compressed}), id);
	t.deepEqual(await layers.layerOf(id), {chainId: layer.chainId, diffId, descriptor: compressed});
});

asRoot('a snapshot that was built is found by its chain', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const [first, second] = await buildTwo(store);
	const [lower, upper] = [await layers.layerOf(first), await layers.layerOf(second)];
	t.is(await layers.unpack({
		parent: first, chainId: chainIdOfAll([lower.diffId, upper.diffId])!, diffId: upper.diffId, blob: upper.descriptor,
	}), second);
});

const unknownDiffId = diffIdFrom(digestOf('something else'));

asRoot('a layer with another diff ID leaves nothing', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const blob = await addBlob(store, await collect(tarOf('a', 'text')));
	await t.throwsAsync(layers.unpack({
		parent: undefined, chainId: chainIdOf(undefined, unknownDiffId), diffId: unknownDiffId, blob,
	}), {code: 'ERR_TSBUILD_LAYER', message: /^failed to unpack layer sha256:[\da-f]{64}: its content has the diff ID/v});
	t.deepEqual(await namesOfSnapshots(store), []);
});

for (const [what, spoil, code] of [
	['is not what its digest says', (bytes: Buffer) => bytes.fill('x', 512, 516), 'ERR_TSBUILD_LAYER'],
	['is longer than its descriptor says', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)]), 'ERR_TSBUILD_LAYER'],
	['is cut', (bytes: Buffer) => bytes.subarray(0, 700), 'ERR_TSBUILD_LAYER'],
] as const) {
	asRoot(`a blob that ${what} leaves nothing`, async t => {
		await using fixture = await openLayerFixture();
		const {store, layers} = fixture;
		const bytes = await collect(tarOf('a', 'text'));
		const blob = await addBlob(store, bytes);
		chmodSync(store.content.path(blob.digest), 0o644);
		writeFileSync(store.content.path(blob.digest), spoil(Buffer.from(bytes)));
		const diffId = diffIdFrom(digestOf(bytes));
		await t.throwsAsync(layers.unpack({
			parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob,
		}), {code});
		t.deepEqual(await namesOfSnapshots(store), []);
	});
}

asRoot('a hostile layer leaves nothing', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const archive = await collect(writeTar([
		{entry: {path: 'a', type: 'file', mode: 0o644}},
		{
			entry: {
				path: 'b', type: 'hardlink', mode: 0o644, linkTarget: '/etc/passwd',
			},
		},
	]));
	const diffId = diffIdFrom(digestOf(archive));
	const blob = await addBlob(store, gzipSync(archive), mediaTypes.layerGzip);
	await t.throwsAsync(layers.unpack({
		parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob,
	}), {code: 'ERR_TSBUILD_LAYER', message: /layer entry b: the file that it links to, etc\/passwd, is not there/v});
	t.deepEqual(await namesOfSnapshots(store), []);
});

asRoot('a missing blob and a canceled unpack are told as such', async t => {
	await using fixture = await openLayerFixture();
	const {layers} = fixture;
	const layer = {
		parent: undefined,
		chainId: chainIdOf(undefined, unknownDiffId),
		diffId: unknownDiffId,
		blob: {mediaType: mediaTypes.layer, digest: unknownDiffId as string as Digest, size: 14},
	};
	await t.throwsAsync(layers.unpack(layer), {code: 'ERR_TSBUILD_CONTENT_NOT_FOUND'});
	const reason = new Error('enough');
	await t.throwsAsync(layers.unpack({...layer, signal: AbortSignal.abort(reason)}), {is: reason});
});

asRoot('random bytes are no layer', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const bytes = randomBytes(5000);
	const diffId = diffIdFrom(digestOf(bytes));
	await t.throwsAsync(layers.unpack({
		parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob: await addBlob(store, bytes),
	}), {code: 'ERR_TSBUILD_LAYER'});
});
