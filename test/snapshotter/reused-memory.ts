import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {ByteReader} from '../../snapshotter/byte-reader.ts';
import {releasingMemory} from '../../snapshotter/release-memory.ts';
import {readVerified} from '../../snapshotter/verified-read.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

test('a blob that is read into the same memory is the same', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'blob');
	const bytes = randomBytes(5_000_000);
	writeFileSync(file, bytes);
	const memory = new Set<ArrayBufferLike>();
	let position = 0;
	for await (const chunk of readVerified(file, digestOf(bytes), {reusesMemory: true})) {
		t.true(bytes.subarray(position, position + chunk.length).equals(chunk));
		position += chunk.length;
		memory.add(chunk.buffer);
	}

	t.is(position, bytes.length);
	t.is(memory.size, 2);
});

test('what a reader has read stays, whatever its source does with the chunk', async t => {
	const reader = new ByteReader(overwritten(['abcd', 'efgh', 'ijkl']));
	const pieces = [await reader.read(3), await reader.read(3), await reader.read(5), await reader.read(5)];
	t.deepEqual(pieces.map(piece => piece.toString()), ['abc', 'def', 'ghijk', 'l']);
});

test('the memory of a large chunk is given back once it was taken, that of small ones belongs to others', async t => {
	const [large, small] = [Buffer.from('x'.repeat(100_000)), Buffer.from('small')];
	const lengths: number[] = [];
	for await (const {length} of releasingMemory(asStream([large, small, large]))) {
		lengths.push(length);
	}

	t.deepEqual(lengths, [100_000, 5, 0]);
	t.is(small.toString(), 'small');
});

async function * asStream(chunks: readonly Buffer[]): AsyncGenerator<Uint8Array> {
	yield * chunks;
}

// Each text comes in the same memory.
async function * overwritten(texts: readonly string[]): AsyncGenerator<Uint8Array> {
	const memory = Buffer.alloc(4);
	for (const text of texts) {
		memory.write(text);
		yield memory;
	}
}
