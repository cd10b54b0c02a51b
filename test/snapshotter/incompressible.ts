import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {gunzipSync, gzipSync} from 'node:zlib';
import test from 'ava';
import {compressed} from '../../snapshotter/compress.ts';
import {isIncompressible} from '../../snapshotter/incompressible.ts';

const size = 4 * 1024 * 1024;
const text = Buffer.alloc(size, 'some text, again and again, ');

const judges = test.macro({
	exec(t, _title: string, block: Buffer, isExpected: boolean) {
		t.is(isIncompressible(block), isExpected);
	},
	title: (_, title: string, _block: Buffer, isExpected: boolean) => `${title} is ${isExpected ? 'not ' : ''}worth compressing`,
});

test(judges, 'noise', randomBytes(size), true);
test(judges, 'a little noise', randomBytes(100), true);
test(judges, 'what is compressed already', gzipSync(randomBytes(size)), true);
test(judges, 'text', text, false);
test(judges, 'noise with text in its middle', Buffer.concat([randomBytes(size / 2), text.subarray(0, size / 4), randomBytes(size / 4)]), false);
test(judges, 'nothing', Buffer.alloc(0), false);

async function compress(bytes: Buffer, level?: number): Promise<Buffer> {
	const source = (async function * () {
		yield bytes;
	})();
	// A chunk is valid until the next one is asked for.
	return Buffer.concat(await Array.fromAsync(compressed(source, {compression: 'gzip', level}), chunk => Buffer.from(chunk)));
}

test('noise takes no more room in gzip than before, and comes out of it again', async t => {
	const bytes = Buffer.concat([randomBytes(size + 1000), text, randomBytes(size)]);
	const gzip = await compress(bytes);
	t.true(gunzipSync(gzip).equals(bytes));
	t.true(gzip.length < (2.1 * size));
	t.true(gzip.equals(await compress(bytes)));
});

test('a level that was asked for counts for noise too', async t => {
	const bytes = randomBytes(size);
	const [fast, best] = await Promise.all([compress(bytes, 1), compress(bytes, 9)]);
	t.true(gunzipSync(fast).equals(bytes));
	t.false(fast.equals(best));
});
