import {Buffer} from 'node:buffer';
import {readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {applyLayer, type AppliedLayer} from '../../snapshotter/apply.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import {listExtendedAttributes} from '../../src/linux/extended-attributes.ts';
import {applyLayers} from '../support/applied-layers.ts';
import {
	archiveBytes,
	archiveOf,
	directory,
	file,
	hardlink,
	symlink,
	type ArchiveEntry,
} from '../support/archive-entries.ts';
import {asRoot} from '../support/conditions.ts';
import {inChunks} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

/** Asserts what a stack of layers gives: the text of a file, `/` for a directory, `-> target` for a link. */
const gives = test.macro({
	async exec(t, layers: ReadonlyArray<readonly ArchiveEntry[]>, expected: Readonly<Record<string, string>>) {
		const {tree, texts} = await applyLayers(layers);
		const shown = Object.entries(tree).map(([name, {type, content}]) => [name, texts[name] ?? (type === 0o12 ? `-> ${content}` : (type === 0o04 ? '/' : String(type)))]);
		t.deepEqual(Object.fromEntries(shown), expected);
	},
	title: (title = '') => title,
});

asRoot('a later entry of a path replaces the earlier one', gives, [[file('a', '1'), file('a', '2')]], {a: '2'});
asRoot('a file takes the place of a directory with all in it', gives, [[directory('a'), file('a/b'), file('a', '2')]], {a: '2'});
asRoot('a directory takes the place of a file', gives, [[file('a'), directory('a'), file('a/b')]], {a: '/', 'a/b': 'a/b'});
asRoot('a directory takes the place of a symbolic link to a directory', gives, [[directory('a'), symlink('b', 'a'), directory('b'), file('b/c')]], {a: '/', b: '/', 'b/c': 'b/c'});
asRoot('two entries of a directory are one directory', gives, [[directory('a'), file('a/b'), directory('a')]], {a: '/', 'a/b': 'a/b'});
asRoot('missing directories are made', gives, [[file('a/b/c', 'x')]], {a: '/', 'a/b': '/', 'a/b/c': 'x'});
asRoot('names in front of the root and behind it mean the root', gives, [[file('/a'), file('./b'), file('../../c'), directory('.'), directory('/')]], {a: '/a', b: './b', c: '../../c'});
asRoot('a whiteout hides what is below', gives, [[file('a'), directory('d'), file('d/b')], [file('.wh.a', ''), file('d/.wh.b', '')]], {d: '/'});
asRoot('a whiteout of a directory hides all in it', gives, [[directory('d'), file('d/b')], [file('.wh.d', '')]], {});
asRoot('a whiteout of what is not there does nothing', gives, [[file('a')], [file('.wh.b', ''), file('d/.wh.b', '')]], {a: 'a'});
asRoot('a whiteout does not hide the file of its own layer, before it or behind it', gives, [
	[file('a'), file('b')],
	[file('a', '2'), file('.wh.a', ''), file('.wh.b', ''), file('b', '2')],
], {a: '2', b: '2'});
asRoot('a directory that is whited out and made again begins empty, before the whiteout or behind it', gives, [
	[directory('a'), file('a/old'), directory('b'), file('b/old')],
	[directory('a'), file('a/new', '2'), file('.wh.a', ''), file('.wh.b', ''), directory('b'), file('b/new', '2')],
], {
	a: '/', 'a/new': '2', b: '/', 'b/new': '2',
});
asRoot('a file in a directory that is whited out brings the directory back empty', gives, [
	[directory('a'), file('a/old')],
	[file('.wh.a', ''), file('a/new', '2')],
], {a: '/', 'a/new': '2'});
asRoot('an opaque mark hides what is below, and not its own layer\'s files', gives, [
	[directory('a'), file('a/old'), directory('a/sub'), file('a/sub/old')],
	[file('a/new', '2'), file('a/.wh.old', ''), file('a/.wh..wh..opq', ''), file('a/sub/new', '2')],
], {
	a: '/', 'a/new': '2', 'a/sub': '/', 'a/sub/new': '2',
});
asRoot('an opaque mark in the root hides all that is below', gives, [
	[file('a'), directory('d'), file('d/old')],
	[file('.wh..wh..opq', ''), file('d/new', '2')],
], {d: '/', 'd/new': '2'});
asRoot('records of AUFS are passed over', gives, [[file('.wh..wh.plnk'), file('.wh..wh.aufs'), file('a')]], {a: 'a'});
asRoot('a directory takes the place of a link of the layer below', gives, [
	[directory('usr'), directory('usr/lib'), file('usr/lib/a'), symlink('lib', 'usr/lib')],
	[file('lib/b', '2')],
], {
	lib: '/', 'lib/b': '2', usr: '/', 'usr/lib': '/', 'usr/lib/a': 'usr/lib/a',
});
asRoot('a link of the same layer is followed inside', gives, [
	[directory('usr'), symlink('lib', '/usr/lib'), file('lib/b', '2')],
], {
	lib: '-> /usr/lib', usr: '/', 'usr/lib': '/', 'usr/lib/b': '2',
});
asRoot('a hardlink to itself is nothing new', gives, [[file('a'), hardlink('a', 'a')]], {a: 'a'});

asRoot('a hardlink is the same file', async t => {
	const {tree} = await applyLayers([[{...file('a', 'x'), mode: 0o4755, xattrs: new Map([['user.x', Buffer.of(1)]])}, directory('d'), hardlink('d/b', '/a'), hardlink('c', './d/../a')]]);
	t.deepEqual(tree['d/b'], tree.a);
	t.is(tree.c?.sameAs, 'a');
	t.like(tree.a, {mode: '4755', xattrs: {'user.x': '01'}});
});

asRoot('a hardlink to a file of a layer below copies it, with all its attributes', async t => {
	const {tree, texts} = await applyLayers([
		[{...directory('d'), mode: 0o710, uid: 5}, {
			...file('d/a', 'x'), uid: 7, mode: 0o640, xattrs: new Map([['user.x', Buffer.of(1)]]),
		}, symlink('d/l', 'a')],
		[hardlink('b', 'd/a'), hardlink('k', 'd/l')],
	]);
	t.is(texts.b, 'x');
	t.is(tree.b?.sameAs, 'b');
	t.is(tree['d/a']?.sameAs, 'b');
	t.like(tree.b, {owner: '7:0', mode: '640', xattrs: {'user.x': '01'}});
	t.like(tree.d, {owner: '5:0', mode: '710'});
	t.like(tree.k, {content: 'a', sameAs: tree['d/l']!.sameAs});
});

asRoot('a hardlink to a symbolic link is the link itself', async t => {
	const {tree} = await applyLayers([[symlink('a', '/etc/passwd'), hardlink('b', 'a')]]);
	t.is(tree.b?.sameAs, 'a');
	t.is(tree.b?.content, '/etc/passwd');
});

asRoot('owner, mode, attributes and times are those of the entry', async t => {
	const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
	const {tree} = await applyLayers([[
		{
			...directory('d'), mode: 0o2751, uid: 3_000_000, gid: 70_000, mtimeNanoseconds: 1_234_567_890_000_000_000n,
		},
		{
			...file('d/f'), mode: 0o6755, uid: 1, gid: 2, mtimeNanoseconds: -5_000_000_000n, xattrs: new Map([['security.capability', capability], ['user.bytes', Buffer.of(0, 255)]]),
		},
		{
			path: 'd/c', type: 'character', mode: 0o660, deviceMajor: 300, deviceMinor: 70_000,
		},
		{path: 'd/p', type: 'fifo', mode: 0o620},
		{...symlink('d/s', 'f'), uid: 3},
	]]);
	t.like(tree.d, {owner: '3000000:70000', mode: '2751', mtime: 1_234_567_890n});
	t.like(tree['d/f'], {
		owner: '1:2', mode: '6755', mtime: -5n, xattrs: {'security.capability': capability.toString('hex'), 'user.bytes': '00ff'},
	});
	t.like(tree['d/c'], {type: 0o02, mode: '660'});
	t.is(tree['d/c']?.device, (300n << 8n) | (70_000n & 0xFFn) | ((70_000n & ~0xFFn) << 12n));
	t.like(tree['d/p'], {type: 0o01, mode: '620'});
	t.like(tree['d/s'], {owner: '3:0', mtime: 1_500_000_000n});
});

asRoot('a directory without an entry is like the one below', async t => {
	const {tree} = await applyLayers([
		[{
			...directory('d'), mode: 0o1777, uid: 9, xattrs: new Map([['user.x', Buffer.of(1)]]),
		}],
		[file('d/new'), file('fresh/new')],
	]);
	t.like(tree.d, {
		mode: '1777', owner: '9:0', mtime: 1_500_000_000n, xattrs: {'user.x': '01'},
	});
	t.like(tree.fresh, {mode: '755', owner: '0:0', mtime: 0n});
});

asRoot('attributes of overlayfs in a layer are not taken', async t => {
	await using temporary = await makeTemporaryDirectory();
	const xattrs = new Map(['trusted.overlay.opaque', 'trusted.overlay.redirect', 'user.overlay.opaque', 'trusted.overlay.metacopy'].map(name => [name, Buffer.from('y')]));
	const layer = archiveOf({...directory('d'), xattrs}, {...file('f'), xattrs});
	await applyLayer(layer, {into: temporary.path, parent: undefined});
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'd')), []);
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'f')), []);
});

asRoot('the diff ID is that of all bytes, also of those behind the end of the archive', async t => {
	await using temporary = await makeTemporaryDirectory();
	const archive = await archiveBytes(file('a'));
	const bytes = Buffer.concat([archive, Buffer.from('rest'), Buffer.alloc(100_000)]);
	const applied = await applyLayer(inChunks(bytes, 1000), {into: temporary.path, parent: undefined});
	t.deepEqual(applied, {diffId: digestOf(bytes) as string as AppliedLayer['diffId'], size: bytes.length});
});

asRoot('holes stay holes', async t => {
	await using temporary = await makeTemporaryDirectory();
	const size = 64 * 1024 * 1024;
	const entry = {
		path: 'sparse', type: 'file', mode: 0o644, size,
	} as const;
	const content = inChunks(Buffer.alloc(size), 1024 * 1024);
	await applyLayer(writeTar([{entry, content}]), {into: temporary.path, parent: undefined});
	const status = statSync(path.join(temporary.path, 'sparse'));
	t.is(status.size, size);
	t.true(status.blocks < 100);
});

asRoot('without root, device files are left out and marks are those of users', async t => {
	await using temporary = await makeTemporaryDirectory();
	const members = [{
		path: 'null', type: 'character', mode: 0o666, deviceMajor: 1, deviceMinor: 3,
	} as const, directory('d'), file('d/.wh..wh..opq', '')];
	await applyLayer(archiveOf(...members), {into: temporary.path, parent: undefined, overlayAttributes: 'user'});
	t.deepEqual(readdirSync(temporary.path), ['d']);
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'd')), ['user.overlay.opaque']);
});

asRoot('a hardlink to what the layer hides is refused', async t => {
	await t.throwsAsync(applyLayers([[directory('d'), file('d/a')], [file('d/.wh..wh..opq', ''), hardlink('b', 'd/a')]]), {code: 'ERR_TSBUILD_LAYER', message: /not there/v});
	await t.throwsAsync(applyLayers([[file('a')], [file('.wh.a', ''), hardlink('b', 'a')]]), {code: 'ERR_TSBUILD_LAYER', message: /not there/v});
});

asRoot('the entry is named, without control characters', async t => {
	await t.throwsAsync(applyLayers([[file('a\u{1B}[31m'), file('a\u{1B}[31m/b')]]), {code: 'ERR_TSBUILD_LAYER', message: /^failed to apply layer entry "a\\u001b\[31m\/b": /v});
});

asRoot('a canceled layer ends with the reason', async t => {
	await using temporary = await makeTemporaryDirectory();
	const controller = new AbortController();
	const reason = new Error('enough');
	const archive = await archiveBytes(file('a'), file('b'));
	const source = (async function * () {
		yield archive.subarray(0, 1024);
		controller.abort(reason);
		yield archive.subarray(1024);
	})();
	await t.throwsAsync(applyLayer(source, {into: temporary.path, parent: undefined, signal: controller.signal}), {is: reason});
});
