import {Buffer} from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {encodePaxRecords} from '../../snapshotter/pax.ts';
import {readTar} from '../../snapshotter/tar-reader.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	blocks,
	collect,
	endOfArchive,
	inChunks,
	paxHeader,
	rawHeader,
	readMembers,
} from '../support/tar-bytes.ts';

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

const longName = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`;
const mtime = 1_500_000_000_987_654_321n;

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
