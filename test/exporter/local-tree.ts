import {
	chmodSync,
	chownSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {writeLocalTree} from '../../src/exporter/local-tree.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {BuildStore} from '../support/build-store.ts';

/** Exports what `write` puts into an image to `destination`. */
async function exportTree(build: BuildStore, destination: string, write: (root: string) => void): Promise<void> {
	using view = await build.store.snapshotter.view(await build.snapshot(write));
	await writeLocalTree(view, destination, {signal: new AbortController().signal});
}

function modeOf(file: string): string {
	return (lstatSync(file).mode & 0o7777).toString(8);
}

test('links that an earlier export has left lead nowhere', async t => {
	await using build = await BuildStore.open();
	const destination = path.join(build.context, 'out');
	await exportTree(build, destination, root => {
		mkdirSync(path.join(root, 'sub'));
		symlinkSync(build.outside, path.join(root, 'link'));
		symlinkSync(path.join(build.outside, 'canary'), path.join(root, 'sub/file'));
		symlinkSync('../../../outside', path.join(root, 'sub/up'));
	});
	await exportTree(build, destination, root => {
		for (const name of ['link', 'sub', 'sub/up']) {
			mkdirSync(path.join(root, name));
			writeFileSync(path.join(root, name, 'canary'), 'evil');
		}

		writeFileSync(path.join(root, 'sub/file'), 'evil');
	});
	t.deepEqual(readdirSync(build.outside), ['canary']);
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
	t.is(readFileSync(path.join(destination, 'link/canary'), 'utf8'), 'evil');
});

test('a program that some user of the image made set-ID does not become one of root', async t => {
	await using build = await BuildStore.open();
	const destination = path.join(build.context, 'out');
	await exportTree(build, destination, root => {
		for (const [name, uid, gid] of [['root', 0, 0], ['user', 1000, 1000], ['group', 0, 1000]] as const) {
			const file = path.join(root, name);
			writeFileSync(file, '');
			chownSync(file, uid, gid);
			chmodSync(file, 0o6755);
		}
	});
	t.deepEqual(['root', 'user', 'group'].map(name => modeOf(path.join(destination, name))), ['6755', '755', '4755']);
});

test('a device file of the image is not for everybody', async t => {
	await using build = await BuildStore.open();
	const destination = path.join(build.context, 'out');
	await exportTree(build, destination, root => {
		makeDeviceFile(undefined, path.join(root, 'disk'), {
			kind: 'block', mode: 0o666, major: 7, minor: 250,
		});
		chmodSync(path.join(root, 'disk'), 0o666);
	});
	t.is(modeOf(path.join(destination, 'disk')), '600');
});
