import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {
	chmodSync,
	chownSync,
	linkSync,
	mkdirSync,
	readdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {
	chainIdOf,
	chainIdOfAll,
	digestOf,
	diffIdFrom,
	type Digest,
} from '../../src/kernel/digest.ts';
import {mediaTypes, type Descriptor} from '../../src/kernel/oci-types.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {asRoot} from '../support/conditions.ts';
import {runProgram} from '../support/run-program.ts';
import {writeLayerImage} from '../support/layer-image.ts';
import {build, readInView} from '../support/snapshotter-contract.ts';
import {collect} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree} from '../support/tree-listing.ts';

type Fixture = AsyncDisposable & {
	readonly store: Store;
	readonly layers: LayerStore;
};

async function openFixture(): Promise<Fixture> {
	const directory = await makeTemporaryDirectory();
	const store = await openStore(directory.path);
	return {
		store,
		layers: new LayerStore(store),
		async [Symbol.asyncDispose]() {
			await store[Symbol.asyncDispose]();
			await directory[Symbol.asyncDispose]();
		},
	};
}

async function buildTwo({snapshotter}: Store): Promise<readonly [SnapshotId, SnapshotId]> {
	const first = await build(snapshotter, undefined, async root => {
		mkdirSync(path.join(root, 'directory'));
		writeFileSync(path.join(root, 'directory/file'), 'text');
		linkSync(path.join(root, 'directory/file'), path.join(root, 'hardlink'));
		symlinkSync('directory', path.join(root, 'symlink'));
		writeFileSync(path.join(root, 'removed'), '');
		chmodSync(path.join(root, 'directory/file'), 0o4755);
		setExtendedAttribute(path.join(root, 'directory/file'), 'user.bytes', Buffer.of(0, 255));
	});
	const second = await build(snapshotter, first, async root => {
		rmSync(path.join(root, 'removed'));
		writeFileSync(path.join(root, 'added'), 'more');
		chownSync(path.join(root, 'added'), 3_000_000, 5);
	});
	return [first, second];
}

function tarOf(name: string, text: string): AsyncIterable<Uint8Array> {
	const entry = {
		path: name, type: 'file', mode: 0o644, size: text.length,
	} as const;
	return writeTar([{entry, content: Buffer.from(text)}]);
}

async function addBlob({content}: Store, bytes: Uint8Array, mediaType: string = mediaTypes.layer): Promise<Descriptor> {
	return {mediaType, ...await content.write(bytes)};
}

async function namesOfSnapshots({root}: Store): Promise<readonly string[]> {
	return readdirSync(path.join(root, 'snapshots'));
}

asRoot('the layer of a snapshot is a blob with its digest as diff ID', async t => {
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const [, second] = await buildTwo(store);
	const made = await Promise.all(Array.from({length: 5}, async () => layers.layerOf(second)));
	const later = await new LayerStore(store).layerOf(second);
	t.deepEqual(new Set(made.map(({diffId}) => diffId)), new Set([later.diffId]));
	const blobs = await Array.fromAsync(store.content.list());
	t.is(blobs.length, 2);
});

asRoot('a blob that has gone is made again, the same', async t => {
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const [first] = await buildTwo(store);
	const layer = await layers.layerOf(first);
	await store.content.remove(layer.descriptor.digest);
	t.deepEqual(await layers.layerOf(first), layer);
	t.true(await store.content.has(layer.descriptor.digest));
});

for (const compression of ['none', 'gzip', 'zstd'] as const) {
	asRoot(`layers that go to another store with compression ${compression} give the same tree there`, async t => {
		await using source = await openFixture();
		await using target = await openFixture();
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
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const [first, second] = await buildTwo(store);
	const [lower, upper] = [await layers.layerOf(first), await layers.layerOf(second)];
	t.is(await layers.unpack({
		parent: first, chainId: chainIdOfAll([lower.diffId, upper.diffId])!, diffId: upper.diffId, blob: upper.descriptor,
	}), second);
});

const unknownDiffId = diffIdFrom(digestOf('something else'));

asRoot('a layer with another diff ID leaves nothing', async t => {
	await using fixture = await openFixture();
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
		await using fixture = await openFixture();
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
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
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

asRoot('a variant is made once, and again when it has gone', async t => {
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const tar = await collect(tarOf('a', 'text of some length '.repeat(5000)));
	const blob = await addBlob(store, tar);
	const [plain, fast, small] = [await layers.compress(blob, 'gzip'), await layers.compress(blob, 'gzip', {level: 1}), await layers.compress(blob, 'gzip', {level: 9})];
	t.true(small.size < fast.size);
	t.deepEqual(await layers.compress(blob, 'gzip'), plain);
	t.deepEqual(await layers.compress(blob, 'gzip', {level: 1}), fast);
});

asRoot('umoci unpacks our layers to the same tree', async t => {
	await using fixture = await openFixture();
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
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const id = await build(store.snapshotter, undefined, async root => {
		for (let folder = 0; folder < 100; folder++) {
			mkdirSync(path.join(root, String(folder)));
			for (let file = 0; file < 100; file++) {
				writeFileSync(path.join(root, String(folder), String(file)), `${folder}/${file}`);
			}
		}
	});
	await using target = await openFixture();
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

asRoot('random bytes are no layer', async t => {
	await using fixture = await openFixture();
	const {store, layers} = fixture;
	const bytes = randomBytes(5000);
	const diffId = diffIdFrom(digestOf(bytes));
	await t.throwsAsync(layers.unpack({
		parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob: await addBlob(store, bytes),
	}), {code: 'ERR_TSBUILD_LAYER'});
});
