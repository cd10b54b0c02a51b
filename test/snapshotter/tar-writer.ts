import {Buffer, isAscii, isUtf8} from 'node:buffer';
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
import {encodeTarEntry, writeTar, type TarMember} from '../../snapshotter/tar-writer.ts';
import type {ImageIndex, ImageManifest} from '../../src/kernel/oci-types.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile} from '../../src/linux/files.ts';
import {nameBytes} from '../../src/linux/name.ts';
import {collect, readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree, type ListedFile} from '../support/tree-listing.ts';
import {asRoot} from '../support/conditions.ts';

const mtimes = fc.oneof(
	fc.bigInt({min: 0n, max: 2_000_000_000n}).map(seconds => seconds * 1_000_000_000n),
	fc.bigInt({min: -1_000_000_000_000_000_000n, max: 4_000_000_000_000_000_000n}),
);
const ids = fc.oneof(fc.nat(70_000), fc.integer({min: 2_097_150, max: 2_097_153}), fc.nat(2 ** 31));
const nameOf = fc.uint8Array({minLength: 1, maxLength: 120}).map(bytes => Buffer.from(bytes.map(byte => byte === 0 || byte === 0x2F ? 0x41 : byte)));
const plainName = fc.string({minLength: 1, maxLength: 120, unit: fc.constantFrom(...'abcdefgh')}).map(text => Buffer.from(text));
const names = fc.oneof(plainName, nameOf).filter(name => !['.', '..'].includes(name.toString('latin1')));
const paths = fc.array(names, {minLength: 1, maxLength: 4});
const xattrs = fc.dictionary(fc.string({minLength: 1, maxLength: 20, unit: fc.constantFrom(...'abc=%')}), fc.uint8Array({maxLength: 40}), {maxKeys: 3})
	.map(values => new Map(Object.entries(values).map(([name, value]) => [`user.${name}`, Buffer.from(value)])));

const memberOf = fc.record({
	path: paths,
	type: fc.constantFrom('file', 'symlink', 'fifo', 'character'),
	mode: fc.nat(0o7777),
	uid: ids,
	gid: ids,
	mtimeNanoseconds: mtimes,
	linkTarget: paths,
	content: fc.uint8Array({maxLength: 1500}),
	deviceMajor: fc.nat(4095),
	deviceMinor: fc.nat((2 ** 20) - 1),
	xattrs,
}).map(({path: parts, linkTarget, content, ...entry}): TarMember => {
	const isDevice = entry.type === 'character';
	return {
		entry: {
			...entry,
			path: Buffer.from(parts.map(part => part.toString('latin1')).join('/'), 'latin1'),
			linkTarget: entry.type === 'symlink' ? Buffer.from(linkTarget.map(part => part.toString('latin1')).join('/'), 'latin1') : '',
			size: entry.type === 'file' ? content.length : 0,
			deviceMajor: isDevice ? entry.deviceMajor : 0,
			deviceMinor: isDevice ? Math.max(1, entry.deviceMinor) : 0,
		},
		content: entry.type === 'file' ? Buffer.from(content) : Buffer.alloc(0),
	};
});

// The order of attributes in a map says nothing.
function comparable({entry, content}: {readonly entry: NewTarEntry; readonly content?: unknown}): Record<string, unknown> {
	return {
		...entry,
		linkTarget: Buffer.from(nameBytes(entry.linkTarget ?? '')),
		xattrs: Object.fromEntries(entry.xattrs ?? []),
		content,
	};
}

test('what is written is read again, byte for byte', async t => {
	await fc.assert(fc.asyncProperty(fc.array(memberOf, {maxLength: 8}), async members => {
		const read = await readMembers(await collect(writeTar(members)));
		t.deepEqual(read.map(member => comparable(member)), members.map(member => comparable(member)));
	}), {numRuns: 200});
});

test('the same members give the same bytes, however their content is cut', async t => {
	await fc.assert(fc.asyncProperty(fc.array(memberOf, {maxLength: 8}), async members => {
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

// In a folder each, so that random names never meet.
function inFolders(members: readonly TarMember[]): TarMember[] {
	return members.flatMap(({entry, content}, index): TarMember[] => {
		const name = Buffer.from(nameBytes(entry.path).map(byte => byte === 0x2F ? 0x5F : byte)).subarray(0, 200);
		const ownPath = Buffer.concat([Buffer.from(`${index}/`), name]);
		const ownXattrs = entry.type === 'file' ? entry.xattrs ?? new Map<string, Buffer>() : new Map<string, Buffer>();
		return [
			{entry: {path: `${index}/`, type: 'directory', mode: 0o755}},
			{entry: {...entry, path: ownPath, xattrs: ownXattrs}, content: content ?? Buffer.alloc(0)},
		];
	});
}

const unpacksWith = test.macro({
	async exec(t, command: readonly string[], canHold: (member: TarMember) => boolean) {
		await fc.assert(fc.asyncProperty(fc.array(memberOf, {minLength: 1, maxLength: 6}), async random => {
			await using directory = await makeTemporaryDirectory();
			const members = inFolders(random.filter(member => canHold(member)));
			const archive = path.join(directory.path, 'archive.tar');
			const root = path.join(directory.path, 'root');
			mkdirSync(root);
			writeFileSync(archive, await collect(writeTar(members)));
			const [program, ...parameters] = command as [string, ...string[]];
			execFileSync(program, [...parameters, archive, '-C', root], {stdio: 'pipe', cwd: directory.path});
			const listed = listTree(root);
			for (const {entry, content} of members) {
				const name = Buffer.from(nameBytes(entry.path)).toString('latin1').replace(/\/$/v, '');
				checkFile(t, listed[name]!, {entry, content: content ?? Buffer.alloc(0)});
			}
		}), {numRuns: 25});
	},
	title: (title, command: readonly string[]) => `${title ?? command[0]} unpacks what is written`,
});

function checkFile(t: {is(actual: unknown, expected: unknown): unknown; deepEqual(actual: unknown, expected: unknown): unknown}, file: ListedFile, {entry}: TarMember): void {
	t.is(file.owner, `${entry.uid ?? 0}:${entry.gid ?? 0}`);
	if (entry.type !== 'directory') {
		t.is(file.mtime, (entry.mtimeNanoseconds ?? 0n) / 1_000_000_000n);
	}

	if (entry.type === 'symlink') {
		t.is(file.content, Buffer.from(nameBytes(entry.linkTarget!)).toString('latin1'));
	} else {
		t.is(file.mode, entry.mode.toString(8));
		const expected = [...entry.xattrs ?? []].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
		t.deepEqual(file.xattrs, Object.fromEntries(expected) as Record<string, string>);
	}
}

asRoot(unpacksWith, ['tar', '--numeric-owner', '--same-owner', '--xattrs', '--xattrs-include=*', '-p', '-xf'], () => true);
const hasPlainAttributes = ({xattrs: attributes}: NewTarEntry) => [...attributes ?? []].every(([name]) => !/[%=]/v.test(name));
const namesOf = ({path: name, linkTarget = ''}: NewTarEntry) => [nameBytes(name), nameBytes(linkTarget)];

// Libarchive takes keys of attributes as they are, without an escape, and names that are not ASCII depend on the locale; it rounds times before 1970 upwards.
asRoot(unpacksWith, ['bsdtar', '--numeric-owner', '-p', '-xf'], ({entry}) => hasPlainAttributes(entry) && namesOf(entry).every(name => isAscii(name)) && entry.mtimeNanoseconds! >= 0n);

// As the layer of an image. Programs of Go know no escape either, and take names for text.
const umociScript = `
	umoci init --layout image && umoci new --image image:t && umoci raw add-layer --image image:t "$1"
	umoci unpack --image image:t bundle && rmdir "$3" && mv bundle/rootfs "$3"
`;
asRoot('umoci', unpacksWith, ['sh', '-ec', umociScript, 'sh'], ({entry}) => hasPlainAttributes(entry) && namesOf(entry).every(name => isUtf8(name)));

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
