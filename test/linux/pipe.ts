import {spawnSync} from 'node:child_process';
import {createReadStream, fstatSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {createPipe} from '../../src/linux/pipe.ts';

test('both ends of a pipe belong to the user', t => {
	const {read, write} = createPipe({uid: 1234, gid: 2345});
	using _read = read;
	using _write = write;
	for (const end of [read, write]) {
		const {uid, gid} = fstatSync(end.number);
		t.deepEqual({uid, gid}, {uid: 1234, gid: 2345});
	}
});

test('a process of the user can open its output anew', async t => {
	const {read, write} = createPipe({uid: 65_534, gid: 65_534});
	using _read = read;
	{
		using _write = write;
		const {status} = spawnSync('/bin/sh', ['-c', 'echo a > /dev/stdout; echo b | tee /dev/stderr'], {
			uid: 65_534,
			gid: 65_534,
			cwd: '/',
			stdio: ['ignore', write.number, write.number],
		});
		t.is(status, 0);
	}

	t.is(await text(createReadStream('', {fd: read.number, autoClose: false})), 'a\nb\nb\n');
});

test('a child does not inherit a pipe that it is not given', t => {
	const {read, write} = createPipe({uid: 0, gid: 0});
	using _read = read;
	using _write = write;
	const {stdout} = spawnSync('/bin/ls', ['/proc/self/fd'], {encoding: 'utf8'});
	t.false(stdout.split('\n').includes(String(read.number)));
	t.false(stdout.split('\n').includes(String(write.number)));
});
