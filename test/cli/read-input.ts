import {Buffer} from 'node:buffer';
import {PassThrough} from 'node:stream';
import test from 'ava';
import {readInput} from '../../src/cli/read-input.ts';

const never = new AbortController().signal;

test('the input is read to its end', async t => {
	const pieces = await Array.fromAsync(readInput({input: () => new PassThrough().end('all'), signal: never}));
	t.is(Buffer.concat(pieces).toString(), 'all');
});

test('who waits for input that does not come can give up', async t => {
	const controller = new AbortController();
	const reason = new Error('given up');
	const reading = readInput({input: () => new PassThrough(), signal: controller.signal}).next();
	controller.abort(reason);
	await t.throwsAsync(reading, {is: reason});
});

test('who has read enough closes the input', async t => {
	const input = new PassThrough();
	input.write('first');
	const reading = readInput({input: () => input, signal: never});
	const first = await reading.next();
	t.is(String(first.value), 'first');
	await reading.return(undefined);
	t.true(input.destroyed);
});
