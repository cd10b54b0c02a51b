import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {rmSync} from 'node:fs';
import path from 'node:path';
import type {TestFn} from 'ava';
import fc from 'fast-check';
import {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotterName} from '../../snapshotter/snapshotter-choice.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore, type Store} from '../../snapshotter/store.ts';
import {layerTarOf, type Change} from './layer-entries.ts';
import {writeLayerImage} from './layer-image.ts';
import {anyStep, firstStep} from './random-changes.ts';
import {build} from './snapshotter-contract.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {listTree, type ListedFile, type ListOptions} from './tree-listing.ts';

type Tree = Readonly<Record<string, ListedFile>>;

type Stores = AsyncDisposable & {
	/** Of both. */
	readonly directory: string;
	readonly source: Store;
	readonly target: Store;
};

const pairs = [['overlay', 'overlay'], ['overlay', 'native'], ['native', 'overlay'], ['native', 'native']] as const;

const anySteps = fc.tuple(firstStep, fc.array(anyStep, {minLength: 1, maxLength: 3})).map(([first, others]) => [first, ...others]);

/** Tests that layers lose nothing: random trees, made by random steps, are the same when they are made of their layers. */
export function testDiffApply(test: TestFn, {numRuns}: {readonly numRuns: number}): void {
	const options = {numRuns, includeErrorInReport: true};
	for (const [from, to] of pairs) {
		test(`the layer of any ${from} snapshot gives the same ${to} snapshot, with the same layer`, async t => {
			await using stores = await openStores(from, to);
			const {source, target} = stores;
			await fc.assert(fc.asyncProperty(firstStep, async step => {
				const ids = await buildAll(source, [step]);
				const copy = await rebuild(stores, ids);
				assert.deepEqual(await treeOf(target, copy), await treeOf(source, ids[0]!));
				assert.deepEqual(await layerTarOf(target.snapshotter, copy), await layerTarOf(source.snapshotter, ids[0]!));
			}), options);
			t.pass();
		});

		test(`the layers of any stack of ${from} snapshots give the same stack of ${to} snapshots`, async t => {
			await using stores = await openStores(from, to);
			const {source, target} = stores;
			await fc.assert(fc.asyncProperty(anySteps, async steps => {
				const ids = await buildAll(source, steps);
				const copy = await rebuild(stores, ids);
				const listed = listOptions(from);
				assert.deepEqual(await treeOf(target, copy, listed), await treeOf(source, ids.at(-1)!, listed));
			}), options);
			t.pass();
		});
	}

	for (const from of ['overlay', 'native'] as const) {
		test(`umoci makes the same tree of the layers of any ${from} snapshots`, async t => {
			await using stores = await openStores(from, from);
			const {source} = stores;
			await fc.assert(fc.asyncProperty(anySteps, async steps => {
				const ids = await buildAll(source, steps);
				const listed = listOptions(from);
				const original = await treeOf(source, ids.at(-1)!, listed);
				assert.deepEqual(await unpackByUmoci(stores, ids, listed), withoutEmptyAttributes(original));
			}), options);
			t.pass();
		});
	}
}

// Times of directories are in no layer unless something else about them changed. Overlayfs separates the names of a file that it copies up; whether anything changed then, no layer tells.
function listOptions(from: SnapshotterName): ListOptions {
	return {withDirectoryTimes: false, withHardlinks: from === 'native'};
}

async function openStores(from: SnapshotterName, to: SnapshotterName): Promise<Stores> {
	await using opened = new AsyncDisposableStack();
	const {path: directory} = opened.use(await makeTemporaryDirectory());
	const source = opened.use(await openStore(path.join(directory, 'source'), {snapshotter: from}));
	const target = opened.use(await openStore(path.join(directory, 'target'), {snapshotter: to}));
	const kept = opened.move();
	return {
		directory, source, target, [Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

/** Builds one step on the other. */
async function buildAll(store: Store, steps: readonly Change[]): Promise<readonly SnapshotId[]> {
	const ids: SnapshotId[] = [];
	for (const step of steps) {
		const id = await build(store.snapshotter, ids.at(-1), async root => step(root));
		ids.push(id);
	}

	return ids;
}

/** Takes the layers of snapshots into the other store. */
async function rebuild({source, target}: Stores, ids: readonly SnapshotId[]): Promise<SnapshotId> {
	const [sourceLayers, targetLayers] = [new LayerStore(source), new LayerStore(target)];
	let parent: SnapshotId | undefined;
	for (const id of ids) {
		const {chainId, diffId, descriptor: blob} = await sourceLayers.layerOf(id);
		await target.content.ingest(source.content.read(blob.digest));
		parent = await targetLayers.unpack({
			parent, chainId, diffId, blob,
		});
	}

	return parent!;
}

async function unpackByUmoci({directory, source}: Stores, ids: readonly SnapshotId[], listed: ListOptions): Promise<Tree> {
	const layers = new LayerStore(source);
	const made = await Array.fromAsync(ids, async id => layers.layerOf(id));

	const [image, bundle] = [path.join(directory, 'image'), path.join(directory, 'bundle')];
	writeLayerImage(source.content, image, {blobs: made.map(({descriptor}) => descriptor), diffIds: made.map(({diffId}) => diffId)});
	execFileSync('umoci', ['unpack', '--image', `${image}:test`, bundle], {stdio: 'pipe'});
	const tree = listTree(path.join(bundle, 'rootfs'), listed);
	rmSync(image, {recursive: true});
	rmSync(bundle, {recursive: true});
	return tree;
}

async function treeOf({snapshotter}: Store, id: SnapshotId, listed: ListOptions = {}): Promise<Tree> {
	using view = await snapshotter.view(id);
	return listTree(view.path, listed);
}

// Programs in Go read an empty PAX value as none. https://github.com/golang/go/blob/go1.24.0/src/archive/tar/reader.go (mergePAX)
function withoutEmptyAttributes(tree: Tree): Tree {
	const files = Object.entries(tree).map(([name, {xattrs, ...file}]) => [
		name,
		{...file, xattrs: Object.fromEntries(Object.entries(xattrs).filter(([, value]) => value !== ''))},
	] as const);
	return Object.fromEntries(files);
}
