import {Buffer} from 'node:buffer';
import {
	chmodSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {applyLayer, type AppliedLayer} from '../../snapshotter/apply.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import {openStore} from '../../snapshotter/store.ts';
import type {NewTarEntry} from '../../snapshotter/tar-entry.ts';
import {writeTar, type TarMember} from '../../snapshotter/tar-writer.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import {listExtendedAttributes} from '../../src/linux/extended-attributes.ts';
import {collect, inChunks} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree, type ListedFile} from '../support/tree-listing.ts';
import {asRoot} from '../support/conditions.ts';

type Entry = Partial<NewTarEntry> & {readonly path: string; readonly text?: string};

function member({text = '', ...entry}: Entry): TarMember {
	return {
		entry: {
			type: entry.path.endsWith('/') ? 'directory' : 'file',
			mode: entry.path.endsWith('/') ? 0o755 : 0o644,
			mtimeNanoseconds: 1_500_000_000_000_000_000n,
			...entry,
			size: text.length,
		},
		content: Buffer.from(text),
	};
}

const file = (name: string, text = name): Entry => ({path: name, text});
const directory = (name: string): Entry => ({path: `${name}/`});
const symlink = (name: string, linkTarget: string): Entry => ({
	path: name, type: 'symlink', mode: 0o777, linkTarget,
});
const hardlink = (name: string, linkTarget: string): Entry => ({path: name, type: 'hardlink', linkTarget});

type Applied = {
	/** The merged tree after the last layer. */
	readonly tree: Readonly<Record<string, ListedFile>>;
	/** Texts of the files. */
	readonly texts: Readonly<Record<string, string>>;
	readonly results: readonly AppliedLayer[];
};

/** The tar of a layer. */
function tarOf(...entries: readonly Entry[]): AsyncIterable<Uint8Array> {
	return writeTar(entries.map(entry => member(entry)));
}

/** Applies layers on each other in a fresh store. */
async function apply(layers: ReadonlyArray<readonly Entry[]>): Promise<Applied> {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const {snapshotter} = store;
	const results: AppliedLayer[] = [];
	const ids: SnapshotId[] = [];
	for (const layer of layers) {
		const top = ids.at(-1);
		using parent = top === undefined ? undefined : await snapshotter.view(top);
		await using active = await snapshotter.prepare(top);
		const result = await applyLayer(tarOf(...layer), {into: active.changesDirectory, parent});
		results.push(result);
		const id = await active.commit({description: ''});
		ids.push(id);
	}

	using view = await snapshotter.view(ids.at(-1)!);
	const tree = listTree(view.path);
	const files = Object.entries(tree).filter(([, {type}]) => type === 0o10);
	return {results, tree, texts: Object.fromEntries(files.map(([name]) => [name, readFileSync(path.join(view.path, name), 'utf8')]))};
}

/** Asserts what a stack of layers gives: the text of a file, `/` for a directory, `-> target` for a link. */
const gives = test.macro({
	async exec(t, layers: ReadonlyArray<readonly Entry[]>, expected: Readonly<Record<string, string>>) {
		const {tree, texts} = await apply(layers);
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
	const {tree} = await apply([[{...file('a', 'x'), mode: 0o4755, xattrs: new Map([['user.x', Buffer.of(1)]])}, directory('d'), hardlink('d/b', '/a'), hardlink('c', './d/../a')]]);
	t.deepEqual(tree['d/b'], tree.a);
	t.is(tree.c?.sameAs, 'a');
	t.like(tree.a, {mode: '4755', xattrs: {'user.x': '01'}});
});

asRoot('a hardlink to a file of a layer below copies it, with all its attributes', async t => {
	const {tree, texts} = await apply([
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
	const {tree} = await apply([[symlink('a', '/etc/passwd'), hardlink('b', 'a')]]);
	t.is(tree.b?.sameAs, 'a');
	t.is(tree.b?.content, '/etc/passwd');
});

asRoot('owner, mode, attributes and times are those of the entry', async t => {
	const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
	const {tree} = await apply([[
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
	const {tree} = await apply([
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
	const layer = tarOf({...directory('d'), xattrs}, {...file('f'), xattrs});
	await applyLayer(layer, {into: temporary.path, parent: undefined});
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'd')), []);
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'f')), []);
});

asRoot('the diff ID is that of all bytes, also of those behind the end of the archive', async t => {
	await using temporary = await makeTemporaryDirectory();
	const archive = await collect(tarOf(file('a')));
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
	await applyLayer(tarOf(...members), {into: temporary.path, parent: undefined, overlayAttributes: 'user'});
	t.deepEqual(readdirSync(temporary.path), ['d']);
	t.deepEqual(listExtendedAttributes(path.join(temporary.path, 'd')), ['user.overlay.opaque']);
});

/** A layer that tries to leave its directory. Beside the directory stands a canary, which must stay alone. */
const staysInside = test.macro({
	async exec(t, layer: readonly Entry[], code: string | undefined) {
		await using temporary = await makeTemporaryDirectory();
		const canary = path.join(temporary.path, 'canary');
		const into = path.join(temporary.path, 'into');
		mkdirSync(into);
		mkdirSync(canary);
		writeFileSync(path.join(canary, 'secret'), 'alive');
		chmodSync(path.join(canary, 'secret'), 0o600);
		const before = listTree(canary);
		const outside = (text: string) => text.split('CANARY').join(canary);
		const placed = layer.map(entry => ({...entry, path: outside(entry.path), ...(entry.linkTarget !== undefined && {linkTarget: outside(String(entry.linkTarget))})}));
		const applying = applyLayer(tarOf(...placed), {into, parent: undefined});
		if (code === undefined) {
			await t.notThrowsAsync(applying);
		} else {
			await t.throwsAsync(applying, {code});
		}

		t.deepEqual(listTree(canary), before);
		t.is(readFileSync(path.join(canary, 'secret'), 'utf8'), 'alive');
		t.deepEqual(readdirSync(temporary.path).toSorted(), ['canary', 'into']);
		t.deepEqual(readdirSync('/tmp').filter(name => name === 'tsbuild-escaped'), []);
	},
	title: (title = '') => `outside nothing changes by ${title}`,
});

const refused = 'ERR_TSBUILD_LAYER';
asRoot('a path with ".."', staysInside, [file('../canary/secret', 'x'), file('../../../../tmp/tsbuild-escaped')], undefined);
asRoot('an absolute path', staysInside, [file('CANARY/secret', 'x')], undefined);
asRoot('a file below an absolute link', staysInside, [symlink('a', 'CANARY'), file('a/secret', 'x')], undefined);
asRoot('a file below a link upwards', staysInside, [symlink('a', '../canary'), file('a/secret', 'x')], undefined);
asRoot('a file in the place of a link', staysInside, [symlink('a', 'CANARY/secret'), file('a', 'x')], undefined);
asRoot('a directory in the place of a link', staysInside, [symlink('a', 'CANARY'), {...directory('a'), mode: 0o777}], undefined);
asRoot('a device in the place of a link', staysInside, [symlink('a', 'CANARY/secret'), {path: 'a', type: 'fifo', mode: 0o666}], undefined);
asRoot('a link in the place of a link', staysInside, [symlink('a', 'CANARY'), symlink('a/b', 'x')], undefined);
asRoot('a hardlink to an absolute path', staysInside, [hardlink('a', 'CANARY/secret'), file('a', 'x')], refused);
asRoot('a hardlink upwards', staysInside, [hardlink('a', '../canary/secret')], refused);
asRoot('a hardlink through a link', staysInside, [symlink('a', 'CANARY'), hardlink('b', 'a/secret')], refused);
asRoot('a hardlink to a link, and a file written to it', staysInside, [symlink('a', 'CANARY/secret'), hardlink('b', 'a'), file('b', 'x')], undefined);
asRoot('a whiteout upwards', staysInside, [file('../canary/.wh.secret', '')], undefined);
asRoot('a whiteout below a link', staysInside, [symlink('a', 'CANARY'), file('a/.wh.secret', '')], undefined);
asRoot('an opaque mark below a link', staysInside, [symlink('a', '../canary'), file('a/.wh..wh..opq', '')], undefined);
asRoot('a whiteout of ".."', staysInside, [file('a/.wh...', '')], refused);
asRoot('a whiteout of "."', staysInside, [file('.wh..', '')], refused);
asRoot('a whiteout without a name', staysInside, [file('.wh.', '')], refused);
asRoot('links in a circle', staysInside, [symlink('a', 'b'), symlink('b', 'a'), file('a/x')], refused);
asRoot('a link of procfs', staysInside, [symlink('a', '/proc/self/root'), file('a/tmp/tsbuild-escaped')], undefined);
asRoot('a file below a file', staysInside, [file('a'), file('a/b')], refused);
asRoot('a file below a fifo', staysInside, [{path: 'a', type: 'fifo', mode: 0o644}, file('a/b')], refused);
asRoot('a file that replaces a directory with links', staysInside, [directory('a'), symlink('a/l', 'CANARY'), file('a', 'x')], undefined);
asRoot('a hardlink to the root', staysInside, [hardlink('a', '/')], refused);
asRoot('a hardlink to a directory', staysInside, [directory('d'), hardlink('a', 'd')], refused);
asRoot('a hardlink to what is below itself', staysInside, [directory('d'), file('d/f'), hardlink('d', 'd/f')], refused);
asRoot('a path that is too long', staysInside, [file('a/'.repeat(5000) + 'b')], refused);
asRoot('a name that is too long', staysInside, [file('a'.repeat(300))], refused);

asRoot('a hardlink to what the layer hides is refused', async t => {
	await t.throwsAsync(apply([[directory('d'), file('d/a')], [file('d/.wh..wh..opq', ''), hardlink('b', 'd/a')]]), {code: refused, message: /not there/v});
	await t.throwsAsync(apply([[file('a')], [file('.wh.a', ''), hardlink('b', 'a')]]), {code: refused, message: /not there/v});
});

asRoot('the entry is named, without control characters', async t => {
	await t.throwsAsync(apply([[file('a\u{1B}[31m'), file('a\u{1B}[31m/b')]]), {code: refused, message: /^failed to apply layer entry "a\\u001b\[31m\/b": /v});
});

asRoot('a canceled layer ends with the reason', async t => {
	await using temporary = await makeTemporaryDirectory();
	const controller = new AbortController();
	const reason = new Error('enough');
	const members = (function * () {
		yield member(file('a'));
		controller.abort(reason);
		yield member(file('b'));
	})();
	await t.throwsAsync(applyLayer(writeTar(members), {into: temporary.path, parent: undefined, signal: controller.signal}), {is: reason});
});
