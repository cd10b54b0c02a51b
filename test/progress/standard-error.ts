import {once} from 'node:events';
import {setImmediate} from 'node:timers/promises';
import {Writable} from 'node:stream';
import {spawn} from 'node:child_process';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {StandardError} from '../../src/progress/standard-error.ts';

const module = import.meta.resolve('../../src/progress/standard-error.ts');
const size = 20 * (2 ** 20);

const program = `
import process from 'node:process';
import {StandardError} from ${JSON.stringify(module)};
const {write, room} = new StandardError(process.stderr);
for (let index = 0; index < 20; index++) {
	write('ä'.repeat(${size / 40}));
	await room();
}
process.stdout.write('written');
`;

test('all is written to a pipe that is slower than the writer', async t => {
	const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {stdio: ['ignore', 'pipe', 'pipe']});
	let received = 0;
	child.stderr.on('data', (data: Uint8Array) => {
		received += data.length;
	});
	const [output] = await Promise.all([text(child.stdout), once(child.stderr, 'close')]);
	t.is(output, 'written');
	t.is(received, size);
});

test('nothing happens when nobody reads any more', async t => {
	const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {stdio: ['ignore', 'pipe', 'pipe']});
	child.stderr.once('data', () => {
		child.stderr.destroy();
	});
	t.is(await text(child.stdout), 'written');
});

/** A stream whose reader takes a piece when it is told to. */
function slowStream() {
	const reads: Array<() => void> = [];
	const stream = new Writable({
		write(_chunk, _encoding, done) {
			reads.push(done);
		},
	});
	return {stream, reads};
}

test('there is room until much waits for the reader, and again when nothing does', async t => {
	const {stream, reads} = slowStream();
	const {write, room, isBehind} = new StandardError(stream);
	t.false(isBehind());
	write('x'.repeat(1000));
	t.true(isBehind());
	t.is(room(), undefined);
	write('x'.repeat(2 ** 20));
	const waiting = room();
	t.not(waiting, undefined);
	t.is(room(), waiting);
	reads.shift()!();
	await setImmediate();
	t.is(room(), waiting);
	reads.shift()!();
	await waiting;
	t.is(room(), undefined);
	t.false(isBehind());
});

test('who waits for room goes on when the reader goes', async t => {
	const {stream} = slowStream();
	const {write, room} = new StandardError(stream);
	write('x'.repeat(2 ** 21));
	const waiting = room();
	stream.destroy(new Error('EPIPE'));
	await waiting;
	t.is(room(), undefined);
	t.notThrows(() => {
		write('more');
	});
});
