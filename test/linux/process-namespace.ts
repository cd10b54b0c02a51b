import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {readlinkSync} from 'node:fs';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {spawnInNewPidNamespace} from '../../src/linux/process-namespace.ts';

test('the child is PID 1 of a namespace of its own', async t => {
	const child = spawnInNewPidNamespace(() => spawn('/bin/sh', ['-c', 'echo $$'], {stdio: ['ignore', 'pipe', 'inherit']}));
	const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
	t.is(output, '1\n');
	t.true(child.pid! > 1);
});

test('later children are in the namespace of this process again', async t => {
	const child = spawnInNewPidNamespace(() => spawn('/bin/true'));
	t.is(readlinkSync('/proc/self/ns/pid_for_children'), readlinkSync('/proc/self/ns/pid'));
	const {stdout} = spawnSync('/bin/readlink', ['/proc/self/ns/pid'], {encoding: 'utf8'});
	t.is(stdout.trim(), readlinkSync('/proc/self/ns/pid'));
	await once(child, 'exit');
});

test('an error of the start is passed on, and the namespace left', t => {
	t.throws(() => spawnInNewPidNamespace(() => {
		throw new RangeError('no start');
	}), {instanceOf: RangeError, message: 'no start'});
	t.is(readlinkSync('/proc/self/ns/pid_for_children'), readlinkSync('/proc/self/ns/pid'));
});

test('what the namespace holds ends with its PID 1', async t => {
	const child = spawnInNewPidNamespace(() => spawn('/bin/sh', ['-c', 'sleep 1000 & echo started; wait'], {stdio: ['ignore', 'pipe', 'inherit']}));
	await once(child.stdout, 'data');
	child.kill('SIGKILL');
	// The pipe ends only when the sleeping process, which has it too, is gone.
	await once(child, 'close');
	t.is(child.signalCode, 'SIGKILL');
});
