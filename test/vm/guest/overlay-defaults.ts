import {
	chmodSync,
	mkdirSync,
	readFileSync,
	renameSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {listExtendedAttributes} from '../../../src/linux/extended-attributes.ts';
import {BuildStore} from '../../support/build-store.ts';

for (const parameter of ['redirect_dir', 'metacopy']) {
	test(`overlayfs has ${parameter} on by default`, t => {
		t.is(readFileSync(`/sys/module/overlay/parameters/${parameter}`, 'utf8'), 'Y\n');
	});
}

test('a file whose mode changes is in the layer whole', async t => {
	await using builds = await BuildStore.open();
	const parent = await builds.snapshot(directory => {
		writeFileSync(path.join(directory, 'file'), 'content', {mode: 0o644});
	});
	const {snapshotter} = builds.store;
	await using active = await snapshotter.prepare(parent);
	{
		using root = await active.mount();
		chmodSync(path.join(root.path, 'file'), 0o600);
	}

	const changed = path.join(active.changesDirectory, 'file');
	t.is(readFileSync(changed, 'utf8'), 'content');
	t.deepEqual(listExtendedAttributes(changed).filter(name => /redirect|metacopy/v.test(name)), []);
});

test('a directory of the layer below cannot be renamed in place, as programs know it of file systems', async t => {
	await using builds = await BuildStore.open();
	const parent = await builds.snapshot(directory => {
		mkdirSync(path.join(directory, 'old'));
		writeFileSync(path.join(directory, 'old/file'), 'content');
	});
	const {snapshotter} = builds.store;
	await using active = await snapshotter.prepare(parent);
	using root = await active.mount();
	t.throws(() => {
		renameSync(path.join(root.path, 'old'), path.join(root.path, 'new'));
	}, {code: 'EXDEV'});
});
