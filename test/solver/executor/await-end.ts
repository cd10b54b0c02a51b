import process from 'node:process';
import test from 'ava';
import {awaitEnd} from '../../../solver/executor/await-end.ts';
import {startProgram, type StartedProgram} from '../../../src/linux/child-process.ts';
import {createPipe} from '../../../src/linux/pipe.ts';

/** Waits for itself: it has both ends of the pipe that it reads. */
function startWaiting(): StartedProgram {
	const {read, write} = createPipe({uid: process.getuid!(), gid: process.getgid!()});
	using input = read;
	using output = write;
	return startProgram({file: '/bin/cat', name: 'cat', descriptors: [input.number, output.number, output.number]});
}

// Nothing that a test can do keeps a process from ending, so this stands for one that waits for a broken disk.
function endless(): StartedProgram & {readonly calls: string[]} {
	const calls: string[] = [];
	return {
		calls,
		ended: Promise.withResolvers<never>().promise,
		kill() {
			calls.push('kill');
		},
		abandon() {
			calls.push('abandon');
		},
	};
}

test('a program ends when its time is over', async t => {
	t.like(await awaitEnd(startWaiting(), {time: 1}), {exitCode: 137, outOfTime: true});
});

test('a program ends with the signal', async t => {
	const controller = new AbortController();
	const end = awaitEnd(startWaiting(), {signal: controller.signal, time: 2 ** 40});
	controller.abort();
	t.like(await end, {exitCode: 137, outOfTime: false});
});

test('a program that does not even end after SIGKILL is left to the kernel', async t => {
	const program = endless();
	await t.throwsAsync(awaitEnd(program, {time: 0, patience: 0}), {code: 'ERR_TSBUILD_PROCESS_STUCK'});
	t.deepEqual(program.calls, ['kill', 'abandon']);
});
