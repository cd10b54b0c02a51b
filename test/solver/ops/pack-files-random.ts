import type {Buffer} from 'node:buffer';
import fc from 'fast-check';
import {LayerStore} from '../../../snapshotter/layers.ts';
import {packedSnapshots} from '../../../snapshotter/packed-rows.ts';
import type {SnapshotId} from '../../../snapshotter/snapshotter.ts';
import type {Store} from '../../../snapshotter/store.ts';
import {copy} from '../../../solver/ops/copy.ts';
import {lookUpOwner} from '../../../solver/ops/owner.ts';
import {openSourceTree} from '../../../solver/ops/source-tree.ts';
import type {CopyAction} from '../../../src/definition/operations.ts';
import {digestOf} from '../../../src/kernel/digest.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {asRoot} from '../../support/conditions.ts';
import {layerTarOf} from '../../support/layer-entries.ts';
import {anyStep, firstStep} from '../../support/random-changes.ts';
import {build as buildStep} from '../../support/snapshotter-contract.ts';
import {collect, readMembers} from '../../support/tar-bytes.ts';

const {signal} = new AbortController();

function isPacked({metadata}: Store, id: SnapshotId): boolean {
	return packedSnapshots(metadata, id).some(packed => packed.id === id);
}

/** The layer that is made of a snapshot's files. */
async function diffOf({snapshotter}: Store, id: SnapshotId): Promise<Buffer> {
	const view = await snapshotter.view(id);
	view.close();
	return layerTarOf(snapshotter, id);
}

/** Copies into a mounted tree. */
async function copyMounted(build: BuildStore, action: CopyAction, root: SnapshotId | undefined): Promise<SnapshotId> {
	const {store} = build;
	await using active = await store.snapshotter.prepare(root);
	{
		using mounted = await active.mount();
		using tree = await openSourceTree(build.contextResult(), store);
		await copy(action, {
			root: mounted,
			tree,
			owner: action.owner === undefined ? undefined : lookUpOwner(action.owner, mounted),
			onChangedSource() {
				// Nothing is recorded.
			},
			signal,
		});
	}

	return await active.commit({description: ''});
}

/** What is in a layer; the times of directories that were just changed are not told. */
async function describeLayer(tar: Uint8Array): Promise<readonly unknown[]> {
	const now = BigInt(Date.now()) * 1_000_000n;
	const members = await readMembers(tar);
	return members.map(({entry, content}) => ({
		...entry,
		path: entry.path.toString('latin1'),
		linkTarget: entry.linkTarget.toString('latin1'),
		xattrs: [...entry.xattrs],
		mtimeNanoseconds: entry.type === 'directory' && now - entry.mtimeNanoseconds < 120_000_000_000n && now > entry.mtimeNanoseconds ? 'now' : entry.mtimeNanoseconds,
		// AVA would look for the differences of megabytes for hours.
		content: content.length > 1000 ? digestOf(content) : content.toString('latin1'),
	}));
}

const anyCopy: fc.Arbitrary<CopyAction> = fc.record({
	source: fc.constantFrom('/', '/x', '/*', '/y*'),
	destination: fc.constantFrom('/', '/x', '/new/', '/x/y/z/', '/y'),
	exclude: fc.constantFrom([], ['x'], ['*/y']),
	options: fc.constantFrom({}, {owner: '12:34'}, {mode: '0705'}, {mode: 'u+x,go-r'}),
	keepParents: fc.boolean(),
}).map(({source, destination, exclude, options, keepParents}) => ({
	...plainCopy,
	...options,
	destination,
	exclude,
	...(keepParents && source !== '/' ? {source: '/', keepParents, include: [source.slice(1)]} : {source}),
}));

async function resultOf(make: () => Promise<SnapshotId>): Promise<{readonly id: SnapshotId} | {readonly message: string}> {
	try {
		return {id: await make()};
	} catch (error) {
		return {message: (error as Error).message};
	}
}

asRoot('a copy is packed as the layer that its files in a mounted tree would give, and unpacked as these files', async t => {
	let packed = 0;
	await fc.assert(fc.asyncProperty(firstStep, firstStep, fc.array(anyStep, {maxLength: 1}), anyCopy, async (makeRoot, makeContext, steps, action) => {
		await using build = await BuildStore.open();
		const {store} = build;
		await makeContext(build.context);
		const first = await build.snapshot(directory => makeRoot(directory) as undefined);
		let root = first;
		for (const step of steps) {
			root = await buildStep(store.snapshotter, root, async directory => step(directory));
		}

		const [expected, actual] = [
			await resultOf(async () => copyMounted(build, action, root)),
			await resultOf(async () => build.change([action], {root})),
		];
		if ('message' in expected || 'message' in actual) {
			t.deepEqual(actual, expected);
			return;
		}

		const layer = await new LayerStore(store).layerOf(actual.id);
		const tar = await collect(store.content.read(layer.descriptor.digest));
		t.deepEqual(await describeLayer(tar), await describeLayer(await layerTarOf(store.snapshotter, expected.id)));
		packed += isPacked(store, actual.id) ? 1 : 0;
		t.is(digestOf(await diffOf(store, actual.id)), digestOf(tar));
	}), {numRuns: 60});
	t.true(packed > 30, `${packed} copies were packed`);
});

