import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	linkSync,
	lutimesSync,
	mkdirSync,
	openSync,
	closeSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile, setTimes} from '../../src/linux/files.ts';
import {encodePaxRecords} from '../../snapshotter/pax.ts';
import {readTar} from '../../snapshotter/tar-reader.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	blocks,
	collect,
	endOfArchive,
	inChunks,
	rawHeader,
	readMembers,
} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {asRoot} from '../support/conditions.ts';

function paxHeader(typeFlag: 'g' | 'x', records: Readonly<Record<string, string>>): Buffer {
	const content = encodePaxRecords(new Map(Object.entries(records)));
	return Buffer.concat([rawHeader({typeFlag, size: content.length}), blocks(content)]);
}

const longName = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`;
const mtime = 1_500_000_000_987_654_321n;

/** A tree with one of everything that each format can hold. */
function makeTree(root: string): void {
	mkdirSync(path.join(root, 'directory'), {mode: 0o750});
	writeFileSync(path.join(root, 'directory/file'), 'content');
	linkSync(path.join(root, 'directory/file'), path.join(root, 'directory/hardlink'));
	symlinkSync('file', path.join(root, 'directory/symlink'));
	writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x62, 0xFF, 0xFE])]), 'not UTF-8');
	setTimes(undefined, path.join(root, 'directory/file'), {mtimeNanoseconds: mtime});
	lutimesSync(path.join(root, 'directory/symlink'), 1, 1_000_000_000);
}

function makeWhatV7CannotHold(root: string): void {
	makeDeviceFile(undefined, path.join(root, 'fifo'), {kind: 'fifo', mode: 0o600});
	mkdirSync(path.join(root, path.dirname(longName)), {recursive: true});
	writeFileSync(path.join(root, longName), 'long');
	symlinkSync(longName, path.join(root, 'long-link'));
}

const readsArchive = test.macro({
	async exec(t, command: readonly string[], {isLong, hasNanoseconds}: {readonly isLong: boolean; readonly hasNanoseconds: boolean}) {
		await using directory = await makeTemporaryDirectory();
		makeTree(directory.path);
		if (isLong) {
			makeWhatV7CannotHold(directory.path);
		}

		const [program, ...parameters] = command as [string, ...string[]];
		const archive = execFileSync(program, [...parameters, '-C', directory.path, '.'], {stdio: 'pipe'});
		const members = await readMembers(archive);
		const byName = new Map(members.map(member => [member.entry.path.toString('latin1'), member]));
		const [first, second] = ['./directory/file', './directory/hardlink'].map(name => byName.get(name)!);
		const [file, hardlink] = first!.entry.type === 'file' ? [first!, second!] : [second!, first!];
		t.is(file.content.toString(), 'content');
		t.is(file.entry.mode, 0o644);
		t.is(file.entry.mtimeNanoseconds, hasNanoseconds ? mtime : 1_500_000_000_000_000_000n);
		t.is(hardlink.entry.type, 'hardlink');
		t.deepEqual(hardlink.entry.linkTarget, file.entry.path);
		t.is(byName.get('./directory/')?.entry.mode, 0o750);
		t.like(byName.get('./directory/symlink')?.entry, {type: 'symlink', linkTarget: Buffer.from('file'), mtimeNanoseconds: 1_000_000_000_000_000_000n});
		t.is(byName.get('./b\u{FF}\u{FE}')?.content.toString(), 'not UTF-8');
		if (!isLong) {
			return;
		}

		t.is(byName.get(`./${longName}`)?.content.toString(), 'long');
		t.deepEqual(byName.get('./long-link')?.entry.linkTarget, Buffer.from(longName));
	},
	title: (_title, command: readonly string[]) => `an archive of ${command.join(' ')} is read`,
});

for (const [format, isLong, hasNanoseconds] of [['v7', false, false], ['oldgnu', true, false], ['gnu', true, false], ['ustar', false, false], ['posix', true, true]] as const) {
	test(readsArchive, ['tar', `--format=${format}`, '--create'], {isLong, hasNanoseconds});
}

for (const [format, isLong, hasNanoseconds] of [['ustar', false, false], ['gnutar', true, false], ['pax', true, true]] as const) {
	test(readsArchive, ['bsdtar', `--format=${format}`, '-cf', '-'], {isLong, hasNanoseconds});
}

const readsSparse = test.macro({
	async exec(t, parameters: readonly string[], segments: number) {
		await using directory = await makeTemporaryDirectory();
		const file = path.join(directory.path, 'sparse');
		const content = Buffer.alloc((segments * 200_000) + 123_456);
		writeFileSync(file, '');
		const descriptor = openSync(file, 'r+');
		for (let index = 0; index < segments; index++) {
			const data = Buffer.from(`segment ${index}`);
			data.copy(content, index * 200_000);
			writeSync(descriptor, data, 0, data.length, index * 200_000);
		}

		closeSync(descriptor);
		truncateSync(file, content.length);
		const archive = execFileSync('tar', ['--create', '--sparse', '--hole-detection=seek', ...parameters, '-C', directory.path, 'sparse'], {maxBuffer: 2 ** 26});
		t.true(archive.length < content.length, 'the archive is sparse');
		const [member] = await readMembers(archive);
		t.is(member!.entry.path.toString(), 'sparse');
		t.is(member!.entry.size, content.length);
		t.true(member!.content.equals(content));
	},
	title: (_title, parameters: readonly string[], segments: number) => `a sparse file of ${segments} segments in the format ${parameters.join(' ')} is expanded`,
});

for (const format of [['--format=gnu'], ['--format=posix', '--sparse-version=0.0'], ['--format=posix', '--sparse-version=0.1'], ['--format=posix', '--sparse-version=1.0']]) {
	for (const segments of [1, 3, 5, 100]) {
		test(readsSparse, format, segments);
	}
}

asRoot('extended attributes are bytes', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'file');
	const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
	writeFileSync(file, '');
	setExtendedAttribute(file, 'user.bytes', Buffer.from([0xFF, 0x00, 0x0A, 0x3D]));
	setExtendedAttribute(file, 'user.a=b', Buffer.from('equals'));
	setExtendedAttribute(file, 'security.capability', capability);
	const archive = execFileSync('tar', ['--create', '--format=posix', '--xattrs', '--xattrs-include=*', '-C', directory.path, 'file']);
	const [member] = await readMembers(archive);
	t.deepEqual(member!.entry.xattrs, new Map([
		['user.bytes', Buffer.from([0xFF, 0x00, 0x0A, 0x3D])],
		['user.a=b', Buffer.from('equals')],
		['security.capability', capability],
	]));
});

for (const format of ['gnu', 'posix']) {
	test(`large owners and times before 1970 in the format ${format} are read`, async t => {
		await using directory = await makeTemporaryDirectory();
		writeFileSync(path.join(directory.path, 'file'), '');
		const archive = execFileSync('tar', ['--create', `--format=${format}`, '--owner=:3000000', '--group=:4294967294', '--mtime=@-1', '-C', directory.path, 'file']);
		const [member] = await readMembers(archive);
		t.like(member!.entry, {uid: 3_000_000, gid: 4_294_967_294, mtimeNanoseconds: -1_000_000_000n});
	});
}

test('global records count for all that follows, and an entry\'s own records go before them', async t => {
	const members = await readMembers(Buffer.concat([
		paxHeader('g', {uid: '7', mtime: '1.5', comment: 'x'}),
		rawHeader({}),
		paxHeader('x', {uid: '8', mtime: ''}),
		rawHeader({mtime: 3}),
		rawHeader({}),
		endOfArchive,
	]));
	t.deepEqual(members.map(({entry}) => [entry.uid, entry.mtimeNanoseconds]), [[7, 1_500_000_000n], [8, 3_000_000_000n], [7, 1_500_000_000n]]);
});

test('global records may be all that an archive holds', async t => {
	const archive = Buffer.concat([paxHeader('g', {comment: 'a commit'}), endOfArchive]);
	t.deepEqual(await readMembers(archive), []);
});

test('records of Solaris are read', async t => {
	const records = encodePaxRecords(new Map([['uid', '9']]));
	const solarisHeader = rawHeader({typeFlag: 'X', size: records.length});
	const archive = Buffer.concat([solarisHeader, blocks(records), rawHeader({})]);
	const [member] = await readMembers(archive);
	t.is(member?.entry.uid, 9);
});

for (const format of ['gnu', 'posix']) {
	test(`the label of an archive in the format ${format} is passed over`, async t => {
		await using directory = await makeTemporaryDirectory();
		writeFileSync(path.join(directory.path, 'file'), 'content');
		const archive = execFileSync('tar', ['--create', `--format=${format}`, '--label=backup', '-C', directory.path, 'file']);
		const members = await readMembers(archive);
		t.deepEqual(members.map(({entry, content}) => `${entry.path.toString()} ${content.toString()}`), ['file content']);
	});
}

test('what follows the end of an archive is left alone', async t => {
	const archive = Buffer.concat([rawHeader({}), endOfArchive, Buffer.from('anything')]);
	const members = await readMembers(archive);
	t.is(members.length, 1);
});

test('an archive may end without its blocks of zeros', async t => {
	const members = await readMembers(Buffer.concat([rawHeader({size: 3}), Buffer.from('abc')]));
	t.deepEqual(members.map(({content}) => content.toString()), ['abc']);
	t.deepEqual(await readMembers(Buffer.alloc(0)), []);
});

test('content that nobody reads is passed over', async t => {
	const members = [1, 2, 3].map(index => ({
		entry: {
			path: `${index}`, type: 'file' as const, mode: 0o644, size: index * 1000,
		},
		content: Buffer.alloc(index * 1000, index),
	}));
	const archive = await collect(writeTar(members));
	const names: string[] = [];
	for await (const {entry} of readTar(inChunks(archive))) {
		names.push(entry.path.toString());
	}

	t.deepEqual(names, ['1', '2', '3']);
});

const refuses = test.macro({
	async exec(t, archive: Uint8Array, message: RegExp) {
		await t.throwsAsync(readMembers(archive), {code: 'ERR_TSBUILD_TAR', message});
	},
	title: (title = '') => `${title} is refused`,
});

const negative = Buffer.from('ffffffffffffffffffffffff', 'hex');
const beyondPrecision = Buffer.from('807fffffffffffffffffffff', 'hex');
const header = rawHeader({});
const manyGlobals = ['a', 'b'].map(key => paxHeader('g', {[key]: 'x'.repeat(700_000)}));
const extendedSparseHeader = rawHeader({typeFlag: 'S'}, [{offset: 482, bytes: Buffer.of(1)}]);
const extensions = Array.from({length: 5000}, () => Buffer.alloc(512, '0').fill(1, 504, 505));

function withRecords(records: string): Buffer {
	return Buffer.concat([rawHeader({typeFlag: 'x', size: Buffer.byteLength(records)}), blocks(records), header]);
}

function withSize(size: Uint8Array | string, typeFlag = '0'): Buffer {
	return rawHeader({typeFlag}, [{offset: 124, bytes: Buffer.from(size)}]);
}

function sparse(size: string, map: string): Buffer {
	return Buffer.concat([
		paxHeader('x', {'GNU.sparse.name': 'x', 'GNU.sparse.size': size, 'GNU.sparse.map': map}),
		rawHeader({size: 512}),
		Buffer.alloc(512),
		endOfArchive,
	]);
}

const hostileArchives: ReadonlyArray<readonly [what: string, archive: Uint8Array, message: RegExp]> = [
	['a wrong checksum', header.map((byte, index) => index === 0 ? byte + 1 : byte), /checksum/v],
	['text that is no archive', Buffer.alloc(1000, '#!/bin/sh\n'), /checksum|octal/v],
	['an unknown type', rawHeader({typeFlag: 'Z'}), /unknown type "Z"/v],
	['a multi-volume archive', rawHeader({typeFlag: 'M'}), /unknown type/v],
	['a negative size', withSize(negative), /negative/v],
	['a size beyond 2^53', withSize(beyondPrecision), /too large/v],
	['a size that is no number', withSize('00000000x00\0'), /octal/v],
	['an extended header of more than 1 MiB', rawHeader({typeFlag: 'x', size: 2 ** 30}), /larger than 1 MiB/v],
	['a long name of more than 1 MiB', rawHeader({typeFlag: 'L', size: 2 ** 21}), /larger than 1 MiB/v],
	['an extended header with a negative size', withSize(negative, 'x'), /larger than 1 MiB/v],
	['a record that is longer than its header', withRecords('99 path=x\n'), /malformed/v],
	['a record without an end of line', withRecords('10 path=xy'), /malformed/v],
	['a record without a key', withRecords('7 =abc\n'), /malformed/v],
	['a record without a length', withRecords('path=x\n'), /malformed/v],
	['a record of length zero', withRecords('0 path=x\n'), /malformed/v],
	['a path with a NUL byte', withRecords('12 path=x\0y\n'), /NUL/v],
	['a negative size in a record', withRecords('11 size=-1\n'), /number in a PAX record/v],
	['a size in a record that the archive does not hold', withRecords('15 size=999999\n'), /ends within file/v],
	['a time that is none', withRecords('15 mtime=1e300\n'), /time/v],
	['an owner beyond 32 bits', withRecords('18 uid=4294967295\n'), /owner/v],
	['an end within a header', header.subarray(0, 100), /within a header/v],
	['an end within a content', Buffer.concat([rawHeader({size: 1000}), Buffer.alloc(512)]), /ends within file/v],
	['an end after an extended header', Buffer.concat([paxHeader('x', {uid: '1'}), endOfArchive]), /next entry/v],
	['a sparse map that goes backwards', sparse('1000', '600,256,0,256'), /order/v],
	['a sparse map beyond the file', sparse('100', '0,512'), /order/v],
	['a sparse map that is not what the archive holds', sparse('1000', '0,100'), /match/v],
	['a sparse map of an odd number of numbers', sparse('1000', '0,512,600'), /pairs/v],
	['a sparse file of an exbibyte', sparse('1152921504606846976', '0,512'), /number/v],
	['a sparse file of two tebibytes', sparse('2199023255552', '0,512'), /larger than 1 TiB/v],
	['an old sparse map that never ends', Buffer.concat([extendedSparseHeader, ...extensions]), /does not end/v],
	['global records of more than 1 MiB together', Buffer.concat(manyGlobals), /global/v],
];

for (const [what, archive, message] of hostileArchives) {
	test(what, refuses, archive, message);
}

const sampleXattrs = new Map([['user.x', Buffer.from('y')]]);
const sample = async () => collect(writeTar([
	{
		entry: {
			path: 'directory/', type: 'directory', mode: 0o755, mtimeNanoseconds: mtime,
		},
	},
	{
		entry: {
			path: longName, type: 'file', mode: 0o644, size: 700, xattrs: sampleXattrs,
		},
		content: Buffer.alloc(700, 'z'),
	},
	{
		entry: {
			path: 'link', type: 'symlink', mode: 0o777, linkTarget: 'target', uid: 3_000_000,
		},
	},
]));

test('the size of the chunks makes no difference', async t => {
	const archive = await sample();
	const expected = await readMembers(archive);
	for (const size of [1, 7, 100, 511, 512, 513, 4096]) {
		t.deepEqual(await readMembers(archive, size), expected);
	}
});

async function codeOfReading(archive: Uint8Array): Promise<unknown> {
	try {
		await readMembers(archive);
		return undefined;
	} catch (error) {
		return errorCode(error) ?? error;
	}
}

test('any damage is either not noticed or refused as an archive\'s', async t => {
	const archive = await sample();
	const change = fc.record({offset: fc.nat(archive.length - 1), byte: fc.nat(255)});
	const changes = fc.array(change, {minLength: 1, maxLength: 20});
	await fc.assert(fc.asyncProperty(changes, fc.nat(archive.length), async (made, length) => {
		const damaged = Buffer.from(archive);
		for (const {offset, byte} of made) {
			damaged[offset] = byte;
		}

		const code = await codeOfReading(damaged.subarray(0, length));
		t.true(code === undefined || code === 'ERR_TSBUILD_TAR');
	}), {numRuns: 500});
});

test('the source is closed when the reader stops early', async t => {
	let isClosed = false;
	const archive = await sample();
	const source = async function * () {
		try {
			yield archive.subarray(0, 1024);
			yield archive.subarray(1024);
		} finally {
			isClosed = true;
		}
	};

	const reader = readTar(source());
	await reader.next();
	await reader.return(undefined);
	t.true(isClosed);
});
