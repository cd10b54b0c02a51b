import {Buffer} from 'node:buffer';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import {checkingDiffId} from '../../snapshotter/check-diff-id.ts';
import {diffIdFrom, digestOf} from '../../src/kernel/digest.ts';

const tar = Buffer.alloc(1_000_000, 'not much of a tar');
const claim = {diffId: diffIdFrom(digestOf(tar)), size: 1_000_000};

async function * inChunks(bytes: Uint8Array, end?: Error): AsyncGenerator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += 10_000) {
		yield bytes.subarray(start, start + 10_000);
	}

	if (end !== undefined) {
		throw end;
	}
}

/** All chunks that pass. */
async function check(bytes: Uint8Array, end?: Error): Promise<Uint8Array> {
	const chunks = checkingDiffId(inChunks(bytes, end), claim);
	return Buffer.concat(await Array.fromAsync(chunks));
}

// What begins as gzip and is none, longer than what is held of it.
const damaged = Buffer.concat([gzipSync(tar).subarray(0, 100), Buffer.alloc(500_000, 'x')]);

test('a layer that is what it claims to be passes unchanged', async t => {
	t.deepEqual(await check(tar), tar);
	const compressed = gzipSync(tar);
	t.deepEqual(await check(compressed), compressed);
});

test('a layer with another content is refused', async t => {
	const another = Buffer.from('another');
	await t.throwsAsync(check(another), {code: 'ERR_TSBUILD_LAYER'});
});

test('what cannot be decompressed is refused', async t => {
	await t.throwsAsync(check(damaged), {code: 'ERR_TSBUILD_DECOMPRESS'});
});

test('that a blob is not its digest is told before that it cannot be decompressed', async t => {
	await t.throwsAsync(check(damaged, new Error('not its digest')), {message: 'not its digest'});
});

test('whoever stops reading is not told of the rest', async t => {
	const chunks = checkingDiffId(inChunks(damaged), claim);
	const {done} = await chunks.next();
	t.false(done);
	await t.notThrowsAsync(chunks.return());
});
