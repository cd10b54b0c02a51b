import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {writeSync} from 'node:fs';
import process from 'node:process';
import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import {PipeReader, readAvailable} from '../../../solver/executor/pipe-reader.ts';
import {libc} from '../../../src/linux/libc.ts';
import {createPipe} from '../../../src/linux/pipe.ts';

// https://man7.org/linux/man-pages/man2/F_GETPIPE_SZ.2const.html
const F_SETPIPE_SZ = 1031;

const owner = {uid: process.getuid!(), gid: process.getgid!()};

test('what the writers have left in the pipe is taken at the end, in order', t => {
	const {read, write} = createPipe(owner);
	using _read = read;
	using _write = write;
	const pieces: Uint8Array[] = [];
	using reader = new PipeReader(read, data => {
		pieces.push(data);
	});
	const written = Buffer.from('0123456789\n'.repeat(5000));
	writeSync(write.number, written);
	reader.finish();
	t.deepEqual(Buffer.concat(pieces), written);
});

// A step can make its pipe larger, and hand it to processes that outlive it, through a socket of the host's network.
test('writers that outlive the step and never stop do not keep the reader', async t => {
	const {read, write} = createPipe(owner);
	using _read = read;
	const capacity = libc().fcntl(write.number, F_SETPIPE_SZ, 2 ** 20);
	writeSync(write.number, Buffer.alloc(capacity));
	const writers = Array.from({length: 4}, () => spawn('yes', {stdio: ['ignore', write.number, 'ignore']}));
	write.close();
	try {
		await Promise.all(writers.map(async writer => once(writer, 'spawn')));
		// The pipe is full. They go on as fast as it is read.
		const size = readAvailable(read).reduce((sum, {length}) => sum + length, 0);
		t.true(size <= capacity, `${size} bytes of a pipe of ${capacity}`);
	} finally {
		for (const writer of writers) {
			writer.kill('SIGKILL');
		}
	}
});

test('without room for more the pipe is left to fill, and read on when there is', async t => {
	const {read, write} = createPipe(owner);
	using _read = read;
	using _write = write;
	const room = Promise.withResolvers<void>();
	const first = Promise.withResolvers<void>();
	const second = Promise.withResolvers<void>();
	const pieces: string[] = [];
	using _reader = new PipeReader(read, data => {
		pieces.push(Buffer.from(data).toString());
		(pieces.length === 1 ? first : second).resolve();
	}, (): Promise<void> | undefined => (pieces.length === 1 ? room.promise : undefined));
	writeSync(write.number, 'one');
	await first.promise;
	writeSync(write.number, 'two');
	// The loop has looked at the pipe meanwhile.
	await setImmediate();
	await setImmediate();
	t.deepEqual(pieces, ['one']);
	room.resolve();
	await second.promise;
	t.deepEqual(pieces, ['one', 'two']);
});

test('what was read while there was no room is taken at the end', async t => {
	const {read, write} = createPipe(owner);
	using _read = read;
	using _write = write;
	const first = Promise.withResolvers<void>();
	const pieces: string[] = [];
	using reader = new PipeReader(read, data => {
		pieces.push(Buffer.from(data).toString());
		first.resolve();
	}, async () => Promise.withResolvers<void>().promise);
	writeSync(write.number, 'one');
	await first.promise;
	writeSync(write.number, 'two');
	// The loop has looked at the pipe meanwhile.
	await setImmediate();
	await setImmediate();
	writeSync(write.number, 'three');
	reader.finish();
	t.is(pieces.join(' '), 'one two three');
});
