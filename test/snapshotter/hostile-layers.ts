import {Buffer} from 'node:buffer';
import {
	chmodSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import test from 'ava';
import {applyLayer} from '../../snapshotter/apply.ts';
import {decompressed} from '../../snapshotter/decompress.ts';
import {maximumUnpackedSize} from '../../snapshotter/decompression-limit.ts';
import {LayerStore} from '../../snapshotter/layers.ts';
import {encodePaxRecords} from '../../snapshotter/pax.ts';
import {openStore} from '../../snapshotter/store.ts';
import {chainIdOf, diffIdFrom, digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {listExtendedAttributes} from '../../src/linux/extended-attributes.ts';
import {applyLayers} from '../support/applied-layers.ts';
import {
	archiveBytes,
	archiveOf,
	device,
	directory,
	file,
	hardlink,
	symlink,
	type ArchiveEntry,
} from '../support/archive-entries.ts';
import {asRoot} from '../support/conditions.ts';
import {
	blocks,
	endOfArchive,
	inChunks,
	rawHeader,
} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree} from '../support/tree-listing.ts';

/** A layer that tries to leave its directory. Beside the directory stands a canary, which must stay alone. */
const staysInside = test.macro({
	async exec(t, layer: readonly ArchiveEntry[], code: string | undefined) {
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
		const applying = applyLayer(archiveOf(...placed), {into, parent: undefined});
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
	title: (title = '') => `layer: ${title} changes nothing outside`,
});

const refused = 'ERR_TSBUILD_LAYER';
asRoot('CVE-2026-28406 and kaniko#586: a path with ".."', staysInside, [file('../canary/secret', 'x'), file('../../../../tmp/tsbuild-escaped')], undefined);
asRoot('an absolute path', staysInside, [file('CANARY/secret', 'x')], undefined);
asRoot('CVE-2026-42574: a file below an absolute link', staysInside, [symlink('a', 'CANARY'), file('a/secret', 'x')], undefined);
asRoot('CVE-2026-44517: a file below a link upwards', staysInside, [symlink('a', '../canary'), file('a/secret', 'x')], undefined);
asRoot('a file in the place of a link', staysInside, [symlink('a', 'CANARY/secret'), file('a', 'x')], undefined);
asRoot('a directory in the place of a link', staysInside, [symlink('a', 'CANARY'), {...directory('a'), mode: 0o777}], undefined);
asRoot('a device in the place of a link', staysInside, [symlink('a', 'CANARY/secret'), {path: 'a', type: 'fifo', mode: 0o666}], undefined);
asRoot('a link in the place of a link', staysInside, [symlink('a', 'CANARY'), symlink('a/b', 'x')], undefined);
asRoot('CVE-2026-17106: a hardlink to an absolute path', staysInside, [hardlink('a', 'CANARY/secret'), file('a', 'x')], refused);
asRoot('CVE-2026-17106: a hardlink upwards', staysInside, [hardlink('a', '../canary/secret')], refused);
asRoot('CVE-2026-17106: a hardlink through a link', staysInside, [symlink('a', 'CANARY'), hardlink('b', 'a/secret')], refused);
asRoot('a hardlink to a link, and a file written to it', staysInside, [symlink('a', 'CANARY/secret'), hardlink('b', 'a'), file('b', 'x')], undefined);
asRoot('a whiteout upwards', staysInside, [file('../canary/.wh.secret', '')], undefined);
asRoot('a whiteout below a link', staysInside, [symlink('a', 'CANARY'), file('a/.wh.secret', '')], undefined);
asRoot('an opaque mark below a link', staysInside, [symlink('a', '../canary'), file('a/.wh..wh..opq', '')], undefined);
asRoot('a whiteout of ".."', staysInside, [file('a/.wh...', '')], refused);
asRoot('a whiteout of "."', staysInside, [file('.wh..', '')], refused);
asRoot('a whiteout without a name', staysInside, [file('.wh.', '')], refused);
asRoot('links in a circle', staysInside, [symlink('a', 'b'), symlink('b', 'a'), file('a/x')], refused);
asRoot('CVE-2026-41579 and CVE-2024-21626: a link of procfs', staysInside, [symlink('a', '/proc/self/root'), file('a/tmp/tsbuild-escaped')], undefined);
asRoot('a file below a file', staysInside, [file('a'), file('a/b')], refused);
asRoot('a file below a fifo', staysInside, [{path: 'a', type: 'fifo', mode: 0o644}, file('a/b')], refused);
asRoot('a file that replaces a directory with links', staysInside, [directory('a'), symlink('a/l', 'CANARY'), file('a', 'x')], undefined);
asRoot('a hardlink to the root', staysInside, [hardlink('a', '/')], refused);
asRoot('a hardlink to a directory', staysInside, [directory('d'), hardlink('a', 'd')], refused);
asRoot('a hardlink to what is below itself', staysInside, [directory('d'), file('d/f'), hardlink('d', 'd/f')], refused);
asRoot('a path that is too long', staysInside, [file('a/'.repeat(5000) + 'b')], refused);
asRoot('a name that is too long', staysInside, [file('a'.repeat(300))], refused);

asRoot('layer: an attribute of overlayfs does not reach the directory that overlayfs reads', async t => {
	await using temporary = await makeTemporaryDirectory();
	const names = ['opaque', 'redirect', 'metacopy', 'whiteout', 'origin', 'upper', 'overlay.opaque'].flatMap(name => [`trusted.overlay.${name}`, `user.overlay.${name}`]);
	const xattrs = new Map(names.map(name => [name, Buffer.from('y')]));
	const layer = archiveOf({...directory('d'), xattrs}, {...file('d/f', ''), xattrs}, {...symlink('l', 'd'), xattrs}, hardlink('h', 'd/f'));
	await applyLayer(layer, {into: temporary.path, parent: undefined});
	for (const name of ['d', 'd/f', 'l', 'h']) {
		const applied = Buffer.from(path.join(temporary.path, name));
		t.deepEqual(listExtendedAttributes(applied), []);
	}
});

asRoot('layer: a device 0:0 is the whiteout that overlayfs takes it for, and leaves nothing behind', async t => {
	const {tree} = await applyLayers([
		[file('a'), directory('d'), file('d/b'), file('d/c')],
		[device('a', 0, 0), device('d/b', 0, 0), device('new', 0, 0), device('fresh/new', 0, 0)],
	]);
	t.deepEqual(Object.keys(tree), ['d', 'd/c']);
	await using temporary = await makeTemporaryDirectory();
	await applyLayer(archiveOf(device('a', 0, 0), device('b', 0, 1)), {into: temporary.path, parent: undefined});
	t.deepEqual(readdirSync(temporary.path), ['b']);
});

asRoot('layer: a whiteout in a directory that hides all is not listed, whichever comes first', async t => {
	const {tree} = await applyLayers([
		[directory('a'), directory('a/b'), file('a/b/c'), directory('d'), directory('d/e'), file('d/e/f'), directory('g'), directory('g/h'), file('g/h/i')],
		[
			file('a/b/.wh.c', ''),
			file('a/.wh..wh..opq', ''),
			directory('d'),
			file('d/.wh..wh..opq', ''),
			directory('d/e'),
			file('d/e/.wh.f', ''),
			file('g/h/.wh.i', ''),
			file('.wh.g', ''),
		],
	]);
	t.deepEqual(Object.keys(tree), ['a', 'a/b', 'd', 'd/e', 'g', 'g/h']);
	const {tree: ofRoot} = await applyLayers([
		[directory('a'), directory('a/b'), file('a/b/c')],
		[file('a/b/.wh.c', ''), file('.wh..wh..opq', '')],
	]);
	t.deepEqual(Object.keys(ofRoot), ['a', 'a/b']);
});

asRoot('layer: a link in the place of a directory, to itself or to another one, changes no time', async t => {
	const old = 1_000_000_000_000_000_000n;
	const {tree} = await applyLayers([[
		{...directory('other'), mtimeNanoseconds: old},
		directory('a'),
		symlink('a', 'a/b'),
		directory('b'),
		symlink('b', 'other'),
	]]);
	t.is(tree.other?.mtime, old / 1_000_000_000n);
	t.deepEqual(Object.keys(tree), ['a', 'b', 'other']);
});

asRoot('layer: a whiteout below a link to nothing hides nothing elsewhere', async t => {
	const {tree} = await applyLayers([
		[file('a'), directory('d'), file('d/b')],
		[symlink('d', 'e'), file('d/.wh.b', '')],
	]);
	t.deepEqual(Object.keys(tree), ['a', 'd', 'e']);
});

asRoot('layer: a directory in the place of the mark that hides all without an overlay is refused', async t => {
	await using temporary = await makeTemporaryDirectory();
	await using lower = await makeTemporaryDirectory();
	mkdirSync(path.join(lower.path, 'a'));
	using parent = Descriptor.open(lower.path, O_PATH | O_DIRECTORY);
	const layer = archiveOf(file('.wh..wh..opq', ''), file('a/.wh..wh..opq/b'));
	await t.throwsAsync(applyLayer(layer, {into: temporary.path, parent, overlayAttributes: 'none'}), {code: refused, message: /^failed to apply layer entry \/: .*EEXIST/v});
});

asRoot('layer: records of AUFS and whiteouts of them hide nothing', async t => {
	const {tree} = await applyLayers([
		[file('a'), directory('d'), file('d/b')],
		[directory('.wh..wh.plnk'), file('.wh..wh.plnk/1.2'), directory('.wh..wh.orph'), file('.wh..wh.aufs', ''), file('d/.wh..wh.plnk', ''), file('.wh..wh..tmp', '')],
	]);
	t.deepEqual(Object.keys(tree).filter(name => !name.startsWith('.wh..wh.')), ['a', 'd', 'd/b']);
});

/** What the numbers of an entry may be at most, and beyond. */
const takesOrRefuses = test.macro({
	async exec(t, entry: Partial<ArchiveEntry>, records: Readonly<Record<string, string>>, code: string | undefined) {
		await using temporary = await makeTemporaryDirectory();
		const extended = encodePaxRecords(new Map(Object.entries(records)));
		const plain = await archiveBytes({...file('a', ''), ...entry});
		const archive = Buffer.concat([rawHeader({typeFlag: 'x', size: extended.length}), blocks(extended), plain]);
		const applying = applyLayer(inChunks(archive), {into: temporary.path, parent: undefined});
		await (code === undefined ? t.notThrowsAsync(applying) : t.throwsAsync(applying, {code}));
		t.notThrows(() => listTree(temporary.path), 'what was made can be read');
	},
	title: (title = '') => `layer: ${title}`,
});

asRoot('a time in the year 30,000 is taken', takesOrRefuses, {}, {mtime: '900000000000'}, undefined);
asRoot('a time long before 1970 is taken', takesOrRefuses, {}, {mtime: '-900000000000.5'}, undefined);
asRoot('the largest owner is taken', takesOrRefuses, {}, {uid: '4294967294', gid: '4294967294'}, undefined);
asRoot('an owner that means "do not change" is refused', takesOrRefuses, {}, {uid: '4294967295'}, 'ERR_TSBUILD_TAR');
asRoot('an attribute with a NUL byte in its name is refused', takesOrRefuses, {}, {'SCHILY.xattr.user.a\0b': 'x'}, 'ERR_TSBUILD_TAR');
asRoot('an attribute without a name is refused', takesOrRefuses, {}, {'SCHILY.xattr.': 'x'}, 'ERR_TSBUILD_LAYER');
asRoot('an attribute of which the name is too long is refused', takesOrRefuses, {}, {[`SCHILY.xattr.user.${'a'.repeat(300)}`]: 'x'}, 'ERR_TSBUILD_LAYER');
asRoot('an attribute that is too large is refused', takesOrRefuses, {}, {'SCHILY.xattr.user.a': 'x'.repeat(70_000)}, 'ERR_TSBUILD_LAYER');
asRoot('capabilities that are none are refused', takesOrRefuses, {}, {'SCHILY.xattr.security.capability': 'x'}, 'ERR_TSBUILD_LAYER');
asRoot('capabilities without a byte are left out', takesOrRefuses, {}, {'SCHILY.xattr.security.capability': ''}, undefined);
asRoot('a link to nothing is refused', takesOrRefuses, {type: 'symlink', linkTarget: ''}, {}, 'ERR_TSBUILD_LAYER');
asRoot('a link that is too long is refused', takesOrRefuses, {type: 'symlink'}, {linkpath: 'a/'.repeat(3000)}, 'ERR_TSBUILD_LAYER');

asRoot('layer: device numbers that are none are refused', async t => {
	await using temporary = await makeTemporaryDirectory();
	for (const major of [Buffer.alloc(8, 0xFF), Buffer.from('8000000000001000', 'hex'), Buffer.from('7777777\0')]) {
		const header = rawHeader({typeFlag: '3'}, [{offset: 329, bytes: major}]);
		await t.throwsAsync(applyLayer(inChunks(header), {into: temporary.path, parent: undefined}), {code: 'ERR_TSBUILD_TAR', message: /device/v});
	}
});

// 64 GiB
const hugeHole = rawHeader({typeFlag: 'S'}, [{offset: 483, bytes: Buffer.from('777777777777')}]);

/** Unpacks a layer as that of an image, by its blob. */
async function unpackImageLayer(blob: Buffer): Promise<void> {
	await using temporary = await makeTemporaryDirectory();
	await using store = await openStore(temporary.path);
	const {digest, size} = await store.content.ingest(inChunks(blob), {});
	const diffId = diffIdFrom(digestOf(blob));
	await new LayerStore(store).unpack({
		parent: undefined, chainId: chainIdOf(undefined, diffId), diffId, blob: {mediaType: mediaTypes.layer, digest, size},
	});
}

asRoot('layer: a file of holes that would be far larger than the blob is refused', async t => {
	const blob = Buffer.concat([hugeHole, endOfArchive]);
	await t.throwsAsync(unpackImageLayer(blob), {code: 'ERR_TSBUILD_LAYER', message: /more than \d+ bytes come out of it/v});
});

asRoot('layer: files without content count, too: a million of them are a few kilobytes of gzip', async t => {
	await using temporary = await makeTemporaryDirectory();
	const layer = await archiveBytes(...Array.from({length: 300}, (_, index) => file(`a${index}`, '')));
	await t.throwsAsync(applyLayer(inChunks(layer), {into: temporary.path, parent: undefined, maximumSize: 1_000_000}), {code: 'ERR_TSBUILD_UNPACKED_SIZE'});
	t.is(readdirSync(temporary.path).length, 244);
});

for (const [name, compress] of [['gzip', gzipSync], ['zstd', zstdCompressSync]] as const) {
	asRoot(`layer: a bomb in ${name} is refused before it fills the disk`, async t => {
		await using temporary = await makeTemporaryDirectory();
		const large = file('large', 'x'.repeat(20_000_000));
		const bomb = compress(await archiveBytes(file('a'), large));
		const layer = decompressed(inChunks(bomb), {maximumSize: 1_000_000});
		await t.throwsAsync(applyLayer(layer, {into: temporary.path, parent: undefined}), {code: 'ERR_TSBUILD_UNPACKED_SIZE'});
		t.true(listTree(temporary.path).a !== undefined);
	});
}

test('what may come out of a layer grows with its size, from a bound that no honest one misses', t => {
	t.is(maximumUnpackedSize(0), 16 * (2 ** 30));
	t.is(maximumUnpackedSize(2 ** 30), 272 * (2 ** 30));
});
