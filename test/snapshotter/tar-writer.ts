import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	chownSync,
	linkSync,
	mkdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {gunzipSync} from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import {extract, pack} from 'tar-stream';
import type {NewTarEntry} from '../../snapshotter/tar-entry.ts';
import {encodeTarEntry, writeTar} from '../../snapshotter/tar-writer.ts';
import type {ImageIndex, ImageManifest} from '../../src/kernel/oci-types.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {comparableMember, randomMember} from '../support/random-members.ts';
import {collect, readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {asRoot} from '../support/conditions.ts';

test('what is written is read again, byte for byte', async t => {
	await fc.assert(fc.asyncProperty(fc.array(randomMember, {maxLength: 8}), async members => {
		const read = await readMembers(await collect(writeTar(members)));
		t.deepEqual(read.map(member => comparableMember(member)), members.map(member => comparableMember(member)));
	}), {numRuns: 200});
});

test('the same members give the same bytes, however their content is cut', async t => {
	await fc.assert(fc.asyncProperty(fc.array(randomMember, {maxLength: 8}), async members => {
		const cut = members.map(({entry, content}) => ({entry, content: bytewise(content as Buffer)}));
		const [first, second] = [await collect(writeTar(members)), await collect(writeTar(cut))];
		t.true(first.equals(second));
	}), {numRuns: 50});
});

async function * bytewise(content: Buffer): AsyncGenerator<Uint8Array> {
	for (const byte of content) {
		yield Buffer.of(byte);
	}
}

const sizeOf = (entry: Partial<NewTarEntry>) => encodeTarEntry({
	path: 'file', type: 'file', mode: 0o644, ...entry,
}).length;

test('a plain header is enough for what ustar can hold', t => {
	t.is(sizeOf({uid: 2_097_151, gid: 2_097_151, mtimeNanoseconds: 8_589_934_591_000_000_000n}), 512);
	t.is(sizeOf({path: 'a'.repeat(100), size: 8_589_934_591}), 512);
	t.is(sizeOf({path: `${'a'.repeat(155)}/${'b'.repeat(100)}`}), 512);
	t.is(sizeOf({path: `${'a'.repeat(99)}/`, type: 'directory'}), 512);
});

test('records stand before what ustar cannot hold', t => {
	for (const entry of [
		{uid: 2_097_152},
		{gid: 2_097_152},
		{mtimeNanoseconds: 1n},
		{mtimeNanoseconds: -1_000_000_000n},
		{mtimeNanoseconds: 8_589_934_592_000_000_000n},
		{size: 8_589_934_592},
		{path: 'a'.repeat(101)},
		{path: `${'a'.repeat(156)}/b`},
		{path: 'ä'},
		{linkTarget: 'a'.repeat(101), type: 'symlink' as const},
		{xattrs: new Map([['user.a', Buffer.alloc(0)]])},
	]) {
		t.is(sizeOf(entry), 1536);
	}
});

test('records have the bytes and order of Go\'s archive/tar', t => {
	const encoded = encodeTarEntry({
		path: 'dir/ä', type: 'file', mode: 0o644, uid: 3_000_000, mtimeNanoseconds: 1_500_000_000n, xattrs: new Map([['user.b', Buffer.from('2')], ['user.a', Buffer.from('1')]]),
	});
	t.is(encoded.toString('utf8', 0, 20).replaceAll('\0', ''), 'dir/PaxHeaders.0');
	t.is(encoded.toString('utf8', 512, 1024).replaceAll('\0', ''), '25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n13 mtime=1.5\n15 path=dir/ä\n15 uid=3000000\n');
	t.is(encoded.toString('latin1', 1024, 1034).replaceAll('\0', ''), 'dir/');
	t.is(encoded.toString('latin1', 1024 + 100, 1024 + 148), '0000644\u{0}0000000\u{0}0000000\u{0}00000000000\u{0}00000000001\u{0}');
});

// What tar-stream can hold: names of text, small owners, whole seconds, no attributes.
test('tar-stream reads what is written, and the other way round', async t => {
	const texts = ['file', 'a'.repeat(150), 'ä'];
	const members = texts.map(name => ({
		entry: {
			path: name, type: 'file' as const, mode: 0o640, uid: 5, gid: 6, mtimeNanoseconds: 1_500_000_000_000_000_000n, size: name.length,
		},
		content: Buffer.alloc(name.length, 'x'),
	}));
	const archive = await collect(writeTar(members));
	const packed = pack();
	const extracted = extract();
	extracted.end(archive);
	for await (const source of extracted) {
		const {name, mode, uid, gid, mtime, size} = source.header;
		t.deepEqual([mode, uid, gid, mtime?.getTime(), size], [0o640, 5, 6, 1_500_000_000_000, name.length]);
		packed.entry({
			name, mode, uid, gid, mtime: new Date(1_500_000_000_000),
		}, await collect(source as AsyncIterable<Uint8Array>));
	}

	packed.finalize();
	const read = await readMembers(await collect(packed as AsyncIterable<Uint8Array>));
	t.deepEqual(read.map(({entry, content}) => [entry.path.toString(), entry.uid, entry.mtimeNanoseconds, content.length]), texts.map(name => [name, 5, 1_500_000_000_000_000_000n, name.length]));
});

asRoot('what a program of Go wrote is written again byte for byte', async t => {
	await using directory = await makeTemporaryDirectory();
	const tree = path.join(directory.path, 'tree');
	const long = path.join(tree, 'd'.repeat(90), 'e'.repeat(60));
	const image = path.join(directory.path, 'image');
	mkdirSync(long, {recursive: true});
	mkdirSync(path.join(tree, 'ä'));
	writeFileSync(path.join(long, 'f'.repeat(40)), 'split by ustar');
	writeFileSync(path.join(long, 'f'.repeat(140)), 'too long for ustar');
	writeFileSync(path.join(tree, 'ä/ü'), 'not ASCII');
	writeFileSync(path.join(tree, 'special'), '');
	linkSync(path.join(tree, 'special'), path.join(tree, 'hardlink'));
	symlinkSync('g'.repeat(140), path.join(tree, 'link'));
	makeDeviceFile(undefined, path.join(tree, 'device'), {
		kind: 'character', mode: 0o600, major: 5, minor: 300,
	});
	chownSync(path.join(tree, 'special'), 3_000_000, 5);
	chmodSync(path.join(tree, 'special'), 0o6755);
	setExtendedAttribute(path.join(tree, 'special'), 'user.b', Buffer.of(0, 0xFF));
	setExtendedAttribute(path.join(tree, 'special'), 'user.a', Buffer.from('1'));
	for (const parameters of [['init', '--layout', image], ['new', '--image', `${image}:test`], ['insert', '--image', `${image}:test`, tree, '/tree']]) {
		execFileSync('umoci', parameters, {stdio: 'pipe'});
	}

	const read = async (digest: string): Promise<Buffer> => readFileSync(path.join(image, 'blobs', digest.replace(':', '/')));
	const index = JSON.parse(readFileSync(path.join(image, 'index.json'), 'utf8')) as ImageIndex;
	const manifest = JSON.parse(String(await read(index.manifests[0]!.digest))) as ImageManifest;
	const archive = gunzipSync(await read(manifest.layers[0]!.digest));
	const written = await collect(writeTar(await readMembers(archive)));
	t.true(archive.length > 10_000);
	// This umoci leaves out the end of the archive.
	t.true(written.subarray(0, archive.length).equals(archive));
});

for (const [what, content] of [['shorter', 'ab'], ['longer', 'abcd']] as const) {
	test(`a content that is ${what} than its entry says is an error`, async t => {
		const entry = {
			path: 'file', type: 'file', mode: 0o644, size: 3,
		} as const;
		const archive = writeTar([{entry, content: Buffer.from(content)}]);
		await t.throwsAsync(collect(archive), {code: 'ERR_TSBUILD_TAR_CONTENT'});
	});
}

test('10,000 small files are written and read', async t => {
	const members = Array.from({length: 10_000}, (_, index) => ({
		entry: {
			path: `directory/${index}`, type: 'file' as const, mode: 0o644, size: 4,
		},
		content: Buffer.from('text'),
	}));
	const read = await readMembers(await collect(writeTar(members)));
	t.is(read.length, 10_000);
	t.is(read.at(-1)?.content.toString(), 'text');
});
