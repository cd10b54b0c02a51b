import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {execFileSync} from 'node:child_process';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import test from 'ava';
import {compressed} from '../../snapshotter/compress.ts';
import {decompressed, detectCompression} from '../../snapshotter/decompress.ts';
import {collect, inChunks} from '../support/tar-bytes.ts';

const text = Buffer.from('some text '.repeat(1000));
const noise = randomBytes(300_000);
const joined = Buffer.concat([noise, text]);
const skippable = Buffer.from('502a4d1804000000deadbeef', 'hex');

const gives = test.macro({
	async exec(t, bytes: Uint8Array, expected: Buffer) {
		for (const size of [1000, 70_000, bytes.length]) {
			const plain = await collect(decompressed(inChunks(bytes, size)));
			t.true(plain.equals(expected));
		}
	},
	title: (title = '') => `${title} is understood`,
});

test('what is not compressed', gives, text, text);
test('an empty stream', gives, Buffer.alloc(0), Buffer.alloc(0));
test('a stream of one byte', gives, Buffer.of(0x1F), Buffer.of(0x1F));
test('gzip', gives, gzipSync(text), text);
test('gzip of several members', gives, Buffer.concat([gzipSync(noise), gzipSync(text)]), joined);
test('gzip with zeros behind it', gives, Buffer.concat([gzipSync(text), Buffer.alloc(2000)]), text);
test('zstd', gives, zstdCompressSync(text), text);
test('zstd of several frames', gives, Buffer.concat([zstdCompressSync(noise), zstdCompressSync(text)]), joined);
test('zstd with frames without data', gives, Buffer.concat([skippable, zstdCompressSync(noise), skippable, zstdCompressSync(text), skippable]), joined);
test('zstd with one byte again and again, and with a checksum', gives, execFileSync('zstd', ['--check', '-19', '-c'], {input: Buffer.alloc(1_000_000)}), Buffer.alloc(1_000_000));
test('zstd of a stream of unknown size', gives, execFileSync('sh', ['-c', 'cat | zstd -c --long=27'], {input: joined}), joined);

for (const [what, bytes] of [
	['gzip that is cut', gzipSync(noise).subarray(0, 1000)],
	['gzip with a wrong checksum', Buffer.concat([gzipSync(text).subarray(0, -8), Buffer.alloc(8)])],
	['gzip with text behind it', Buffer.concat([gzipSync(text), text])],
	['zstd that is cut', zstdCompressSync(noise).subarray(0, 1000)],
	['zstd with text behind it', Buffer.concat([zstdCompressSync(text), text])],
	['zstd of which a later frame is cut', Buffer.concat([zstdCompressSync(text), zstdCompressSync(noise).subarray(0, 1000)])],
] as const) {
	test(`${what} is an error`, async t => {
		const plain = decompressed(inChunks(bytes, 500));
		await t.throwsAsync(collect(plain), {code: 'ERR_TSBUILD_DECOMPRESS'});
	});
}

test('more bytes than are wanted are an error', async t => {
	const bomb = gzipSync(Buffer.alloc(10_000_000));
	const tooLong = decompressed(inChunks(bomb), {maximumSize: 9_999_999});
	await t.throwsAsync(collect(tooLong), {code: 'ERR_TSBUILD_UNPACKED_SIZE', message: /more than 9999999 bytes/v});
	const plain = await collect(decompressed(inChunks(bomb), {maximumSize: 10_000_000}));
	t.is(plain.length, 10_000_000);
});

test('an error of the source comes through as it is', async t => {
	const reason = new Error('connection lost');
	const source = (async function * () {
		yield gzipSync(noise).subarray(0, 100_000);
		throw reason;
	})();
	await t.throwsAsync(collect(decompressed(source)), {is: reason});
});

test('the source is read to its end, where it may be checked', async t => {
	const reason = new Error('wrong digest');
	const source = (async function * () {
		yield gzipSync(text);
		yield Buffer.alloc(100_000);
		throw reason;
	})();
	await t.throwsAsync(collect(decompressed(source)), {is: reason});
});

test('a source that nobody reads to its end is closed', async t => {
	let isClosed = false;
	const source = async function * () {
		try {
			for (;;) {
				yield noise;
			}
		} finally {
			isClosed = true;
		}
	};

	const plain = decompressed(source());
	await plain.next();
	await plain.return(undefined);
	t.true(isClosed);
});

for (const compression of ['gzip', 'zstd'] as const) {
	test(`a stream in ${compression} is what other programs understand`, async t => {
		const large = Buffer.concat([text, ...Array.from({length: 40}, () => noise), text]);
		const bytes = await collect(compressed(inChunks(large), {compression}));
		const plain = execFileSync(compression, ['-dc'], {input: bytes, maxBuffer: 2 ** 26});
		t.true(plain.equals(large));
		const again = await collect(compressed(inChunks(large, 777_777), {compression}));
		t.true(again.equals(bytes), 'and the same whatever the chunks');
		const found = await detectCompression(inChunks(bytes));
		t.is(found.compression, compression);
	});

	test(`an empty stream in ${compression} is a whole one`, async t => {
		const empty = inChunks(Buffer.alloc(0));
		const bytes = await collect(compressed(empty, {compression}));
		t.is(execFileSync(compression, ['-dc'], {input: bytes}).length, 0);
	});

	test(`the level of ${compression} counts`, async t => {
		const compress = async (level: number) => collect(compressed(inChunks(text), {compression, level}));
		const [fast, small] = [await compress(1), await compress(9)];
		t.true(small.length <= fast.length);
		t.false(small.equals(fast));
	});
}
