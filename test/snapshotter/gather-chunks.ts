import {Buffer} from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import {gatherChunks} from '../../snapshotter/gather-chunks.ts';

const parts = fc.array(fc.uint8Array({maxLength: 40}));

test('all bytes come, in their order, in chunks that are not small', async t => {
	const property = fc.asyncProperty(parts, async source => {
		const gathered: Buffer[] = [];
		for await (const chunk of gatherChunks(reusingOneBuffer(source), 16)) {
			gathered.push(Buffer.from(chunk));
		}

		const isComplete = Buffer.concat(gathered).equals(Buffer.concat(source));
		return isComplete && gathered.every((chunk, index) => index === 0 || chunk.length + gathered[index - 1]!.length > 16);
	});
	await t.notThrowsAsync(async () => fc.assert(property));
});

async function * reusingOneBuffer(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
	const buffer = Buffer.alloc(64);
	for (const chunk of chunks) {
		buffer.set(chunk);
		yield buffer.subarray(0, chunk.length);
		buffer.fill(0);
	}
}
