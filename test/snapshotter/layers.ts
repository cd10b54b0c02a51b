import {execFileSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {LayerStore} from '../../snapshotter/layers.ts';
import {chainIdOf, digestOf, diffIdFrom} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {asRoot} from '../support/conditions.ts';
import {runProgram} from '../support/run-program.ts';
import {writeLayerImage} from '../support/layer-image.ts';
import {build, readInView} from '../support/snapshotter-contract.ts';
import {collect} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree} from '../support/tree-listing.ts';
import {
	addBlob,
	buildTwo,
	openLayerFixture,
	tarOf,
} from '../support/layer-fixture.ts';

asRoot('the layer of a snapshot is a blob with its digest as diff ID', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const [first, second] = await buildTwo(store);
	const [lower, upper] = await Promise.all([layers.layerOf(first), layers.layerOf(second)]);
	t.deepEqual([lower.chainId], [chainIdOf(undefined, lower.diffId)]);
	t.is(upper.chainId, chainIdOf(lower.chainId, upper.diffId));
	for (const {descriptor, diffId} of [lower, upper]) {
		t.is(descriptor.mediaType, mediaTypes.layer);
		t.is(diffIdFrom(descriptor.digest), diffId);
		const bytes = await collect(store.content.read(descriptor.digest));
		t.is(bytes.length, descriptor.size);
		t.is(digestOf(bytes), descriptor.digest);
	}
});

asRoot('a layer is made once, for callers at the same time and later', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const [, second] = await buildTwo(store);
	const made = await Promise.all(Array.from({length: 5}, async () => layers.layerOf(second)));
	const later = await new LayerStore(store).layerOf(second);
	t.deepEqual(new Set(made.map(({diffId}) => diffId)), new Set([later.diffId]));
	const blobs = await Array.fromAsync(store.content.list());
	t.is(blobs.length, 2);
});

asRoot('a blob that has gone is made again, the same', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const [first] = await buildTwo(store);
	const layer = await layers.layerOf(first);
	await store.content.remove(layer.descriptor.digest);
	t.deepEqual(await layers.layerOf(first), layer);
	t.true(await store.content.has(layer.descriptor.digest));
});

asRoot('a variant is made once, and again when it has gone', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const archive = await collect(tarOf('a', 'text'.repeat(1000)));
	const blob = await addBlob(store, archive);
	const [first, second] = await Promise.all([layers.compress(blob, 'gzip'), layers.compress(blob, 'gzip')]);
	t.deepEqual(first, second);
	t.is(first.mediaType, mediaTypes.layerGzip);
	t.deepEqual(await layers.compress(first, 'gzip'), first);
	t.deepEqual(await layers.compress(first, 'none'), blob);
	await store.content.remove(first.digest);
	t.deepEqual(await layers.compress(blob, 'gzip'), first);
	t.true(await store.content.has(first.digest));
});

asRoot('each level of a compression is a variant of its own', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const tar = await collect(tarOf('a', 'text of some length '.repeat(5000)));
	const blob = await addBlob(store, tar);
	const [plain, fast, small] = [await layers.compress(blob, 'gzip'), await layers.compress(blob, 'gzip', {level: 1}), await layers.compress(blob, 'gzip', {level: 9})];
	t.true(small.size < fast.size);
	t.deepEqual(await layers.compress(blob, 'gzip'), plain);
	t.deepEqual(await layers.compress(blob, 'gzip', {level: 1}), fast);
});

asRoot('umoci unpacks our layers to the same tree', async t => {
	await using fixture = await openLayerFixture();
	await using directory = await makeTemporaryDirectory();
	const {store, layers} = fixture;
	const ids = await buildTwo(store);
	const made = [await layers.layerOf(ids[0]), await layers.layerOf(ids[1])];
	const blobs = await Promise.all(made.map(async ({descriptor}) => layers.compress(descriptor, 'gzip')));
	writeLayerImage(store.content, path.join(directory.path, 'image'), {blobs, diffIds: made.map(({diffId}) => diffId)});
	const bundle = path.join(directory.path, 'bundle');
	execFileSync('umoci', ['unpack', '--image', `${path.join(directory.path, 'image')}:test`, bundle], {stdio: 'pipe'});
	using view = await store.snapshotter.view(ids[1]);
	t.deepEqual(listTree(path.join(bundle, 'rootfs')), listTree(view.path));
});

asRoot('10,000 files make a layer and come back', async t => {
	await using fixture = await openLayerFixture();
	const {store, layers} = fixture;
	const id = await build(store.snapshotter, undefined, async root => {
		for (let folder = 0; folder < 100; folder++) {
			mkdirSync(path.join(root, String(folder)));
			for (let file = 0; file < 100; file++) {
				writeFileSync(path.join(root, String(folder), String(file)), `${folder}/${file}`);
			}
		}
	});
	await using target = await openLayerFixture();
	const {diffId, chainId, descriptor} = await layers.layerOf(id);
	await target.store.content.ingest(store.content.read(descriptor.digest));
	const copy = await target.layers.unpack({
		parent: undefined, chainId, diffId, blob: descriptor,
	});
	t.is(await readInView(target.store.snapshotter, copy, '99/99'), '99/99');
	const again = await target.layers.layerOf(copy);
	t.is(again.diffId, diffId);
});

asRoot('a large layer does not need its size in memory', async t => {
	await using directory = await makeTemporaryDirectory();
	const program = `
		import process from 'node:process';
		import {randomBytes} from 'node:crypto';
		import {writeFileSync, closeSync, openSync, writeSync} from 'node:fs';
		const {openStore} = await import(${JSON.stringify(import.meta.resolve('../../snapshotter/store.ts'))});
		const {LayerStore} = await import(${JSON.stringify(import.meta.resolve('../../snapshotter/layers.ts'))});
		await using store = await openStore(process.argv[1]);
		await using active = await store.snapshotter.prepare(undefined);
		{
			using root = await active.mount();
			const file = openSync(root.path + '/large', 'w');
			const chunk = randomBytes(2 ** 20);
			for (let index = 0; index < 300; index++) {
				chunk.writeUInt32LE(index);
				writeSync(file, chunk);
			}
			closeSync(file);
		}
		const id = await active.commit({description: ''});
		const layers = new LayerStore(store);
		const {descriptor, diffId, chainId} = await layers.layerOf(id);
		const blob = await layers.compress(descriptor, 'zstd');
		store.metadata.statement('DELETE FROM layers').run();
		await layers.unpack({parent: undefined, chainId, diffId, blob});
		console.log(process.resourceUsage().maxRSS);
	`;
	const maximumKilobytes = Number(await runProgram(program, [directory.path]));
	t.true(maximumKilobytes < 280 * 1024, `it took ${maximumKilobytes} kB`);
});
