import {
	lstatSync,
	mkdirSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {findLayer} from '../../../snapshotter/layer-rows.ts';
import {LayerStore} from '../../../snapshotter/layers.ts';
import {packedSnapshots} from '../../../snapshotter/packed-rows.ts';
import type {SnapshotId} from '../../../snapshotter/snapshotter.ts';
import {snapshotOf} from '../../../solver/ops/build-result.ts';
import {createMergeOp} from '../../../solver/ops/merge.ts';
import {BuildStore, silentExecution} from '../../support/build-store.ts';
import {asRoot} from '../../support/conditions.ts';

async function merge({store}: BuildStore, root: SnapshotId | null, layer: SnapshotId): Promise<SnapshotId> {
	const op = createMergeOp({kind: 'merge', root: 0, layer: 1}, {store, layers: new LayerStore(store), name: 'merge'});
	const result = await op.execute([{kind: 'snapshot', snapshot: root}, {kind: 'snapshot', snapshot: layer}], silentExecution());
	return snapshotOf(result)!;
}

asRoot('a layer is put onto a root as it is: directories take the place of links, and become one with directories', async t => {
	await using build = await BuildStore.open();
	const root = await build.snapshot(directory => {
		mkdirSync(path.join(directory, 'etc'));
		writeFileSync(path.join(directory, 'etc/kept'), '');
		mkdirSync(path.join(directory, 'both'));
		writeFileSync(path.join(directory, 'both/kept'), '');
		symlinkSync('etc', path.join(directory, 'link'));
	});
	writeFileSync(path.join(build.context, 'a'), 'A');
	for (const destination of ['/link/', '/both/']) {
		const layer = await build.copy({source: '/a', destination});
		const merged = await merge(build, root, layer);
		t.deepEqual(await build.list(merged), destination === '/link/'
			? ['/both 0755 0:0 directory', '/both/kept 0644 0:0 file', '/etc 0755 0:0 directory', '/etc/kept 0644 0:0 file', '/link 0755 0:0 directory', '/link/a 0644 0:0 file "A"']
			: [
				'/both 0755 0:0 directory',
				'/both/a 0644 0:0 file "A"',
				'/both/kept 0644 0:0 file',
				'/etc 0755 0:0 directory',
				'/etc/kept 0644 0:0 file',
				'/link 0777 0:0 -> etc',
				'/link/kept 0644 0:0 file',
			]);
	}
});

asRoot('the same layer on two roots is one blob, and a layer of each chain', async t => {
	await using build = await BuildStore.open();
	const {store} = build;
	writeFileSync(path.join(build.context, 'a'), 'A');
	const layer = await build.copy({source: '/a', destination: '/a'});
	const roots = await Promise.all(['one', 'two'].map(async name => build.snapshot(directory => {
		writeFileSync(path.join(directory, name), name);
	})));
	const layers = new LayerStore(store);
	const merged = await Promise.all(roots.map(async root => merge(build, root, layer)));
	const found = await Promise.all(merged.map(async id => layers.layerOf(id)));
	t.is(found[0]!.descriptor.digest, findLayer(store.metadata, layer)!.descriptor.digest);
	t.is(found[0]!.descriptor.digest, found[1]!.descriptor.digest);
	t.not(found[0]!.chainId, found[1]!.chainId);
	t.deepEqual(merged.map(id => packedSnapshots(store.metadata, id).map(packed => packed.id)), merged.map(id => [id]), 'nothing is unpacked');
});

asRoot('a layer that was unpacked meanwhile is merged with exact times', async t => {
	await using build = await BuildStore.open();
	writeFileSync(path.join(build.context, 'a'), 'A');
	const layer = await build.copy({source: '/a', destination: '/a'});
	const before = await build.list(layer);
	const merged = await merge(build, null, layer);
	t.deepEqual(await build.list(merged), before);
	const [first, second] = await Promise.all([layer, merged].map(async id => build.visit(id, root => lstatSync(path.join(root, 'a'), {bigint: true}).mtimeNs)));
	t.is(first, second);
});
