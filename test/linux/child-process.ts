import {constants, readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {startProgram, type ProgramEnd} from '../../src/linux/child-process.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {createPipe} from '../../src/linux/pipe.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const owner = {uid: process.getuid!(), gid: process.getgid!()};

/** Runs a script by a shell that reads it from its standard input. */
async function runShell(script: string): Promise<ProgramEnd & {readonly output: string}> {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'script');
	await writeFile(file, script);
	using input = Descriptor.open(file, constants.O_RDONLY);
	const {read, write} = createPipe(owner);
	using output = read;
	const {ended} = startProgram({file: '/bin/sh', name: 'sh', descriptors: [input.number, write.number, write.number]});
	write.close();
	const {exitCode, usage} = await ended;
	return {exitCode, usage, output: readFileSync(output.number, 'utf8')};
}

test('the exit code is that of the program', async t => {
	const results = [await runShell('exit 0'), await runShell('exit 42')];
	t.deepEqual(results.map(({exitCode}) => exitCode), [0, 42]);
});

test('a program that a signal ends has 128 more than the signal\'s number', async t => {
	const {exitCode} = await runShell('kill -TERM $$');
	t.is(exitCode, 143);
});

test('what a program and its children have used is told with its end', async t => {
	const {usage: {userTime, systemTime, peakMemory, ...bytes}} = await runShell('(i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done); exit 0');
	t.true(userTime > 0);
	t.true(systemTime >= 0);
	t.true(peakMemory > 2 ** 18 && peakMemory < 2 ** 30);
	t.deepEqual(Object.keys(bytes), ['bytesRead', 'bytesWritten']);
});

test('the program has the given descriptors and no other of this process, no environment, and a session of its own', async t => {
	using own = Descriptor.open('/dev/null', constants.O_RDONLY);
	const {output} = await runShell(`
		test -e /proc/$$/fd/${own.number} && echo has a descriptor of the test
		wc -c < /proc/$$/environ
		read -r pid name state parent group session rest < /proc/self/stat
		test $$ = $session && echo leads its session
	`);
	t.is(output, '0\nleads its session\n');
});

test('no signal is blocked or ignored, whatever Node does with it', async t => {
	const {output} = await runShell('grep -E "Sig(Blk|Ign)" /proc/self/status');
	t.is(output, 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
});

test('descriptors may be given under numbers that the program gets itself', async t => {
	const {read, write} = createPipe(owner);
	using output = read;
	using nothing = Descriptor.open('/dev/null', constants.O_RDWR);
	// The pipe is its standard output, this process's own standard streams come behind it.
	const {ended} = startProgram({file: '/bin/sh', name: 'sh', descriptors: [nothing.number, write.number, 0, 1, 2]});
	write.close();
	t.like(await ended, {exitCode: 0});
	t.is(readFileSync(output.number, 'utf8'), '');
});

test('a program can be killed, and killing it again does nothing', async t => {
	const {read, write} = createPipe(owner);
	using input = write;
	const {ended, kill} = startProgram({file: '/bin/sh', name: 'sh', descriptors: [read.number, 1, 2]});
	read.close();
	t.true(input.number > 0);
	kill();
	t.like(await ended, {exitCode: 137});
	t.notThrows(kill);
});

test('many programs at once all end', async t => {
	const results = await Promise.all(Array.from({length: 40}, async (_, index) => runShell(`exit ${index}`)));
	t.deepEqual(results.map(({exitCode}) => exitCode), results.map((_, index) => index));
});

test('a program that does not exist is named', t => {
	t.throws(() => startProgram({file: '/none', name: 'none', descriptors: []}), {code: 'ENOENT', message: 'failed to execute /none: ENOENT'});
});
