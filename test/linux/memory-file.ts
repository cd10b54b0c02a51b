import {Buffer} from 'node:buffer';
import {spawnSync} from 'node:child_process';
import {
	ftruncateSync,
	constants,
	readFileSync,
	writeSync,
} from 'node:fs';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {createSealedExecutable} from '../../src/linux/memory-file.ts';

test('a sealed executable runs', t => {
	using file = createSealedExecutable(readFileSync('/bin/true'), 'init');
	t.is(spawnSync(file.path).status, 0);
});

test('a sealed executable cannot be written, by its descriptor or opened anew', t => {
	using file = createSealedExecutable(Buffer.from('original'), 'init');
	t.throws(() => writeSync(file.number, 'x'), {code: 'EBADF'});
	using again = Descriptor.open(file.path, constants.O_RDWR);
	t.throws(() => writeSync(again.number, 'x'), {code: 'EPERM'});
	t.throws(() => {
		ftruncateSync(again.number, 0);
	}, {code: 'EPERM'});
	t.is(readFileSync(file.path, 'utf8'), 'original');
});

test('a process cannot overwrite itself through /proc/self/exe', t => {
	using file = createSealedExecutable(readFileSync('/bin/sh'), 'init');
	const {stderr} = spawnSync(file.path, ['-c', 'echo overwritten > /proc/self/exe'], {encoding: 'utf8'});
	t.regex(stderr, /\/proc\/self\/exe/v);
	t.deepEqual(readFileSync(file.path), readFileSync('/bin/sh'));
});

test('a large file is written whole', t => {
	const bytes = Buffer.alloc(5_000_000, 'tsbuild');
	using file = createSealedExecutable(bytes, 'init');
	t.true(readFileSync(file.path).equals(bytes));
});

test('a name that is too long is refused', t => {
	t.throws(() => createSealedExecutable(Buffer.alloc(0), 'x'.repeat(250)), {code: 'EINVAL'});
});
