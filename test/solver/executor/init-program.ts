import {Buffer} from 'node:buffer';
import {execFileSync, spawn} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {constants} from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {buffer as readBuffer} from 'node:stream/consumers';
import test from 'ava';
import {listingArm64} from '../../../solver/executor/init-program-arm64.ts';
import {listingX8664} from '../../../solver/executor/init-program-x86-64.ts';
import {encodeInitProgram, parseStatusRecord, type FailedEntry} from '../../../solver/executor/init-program.ts';
import {syscallNumbers, type SyscallEntry} from '../../../solver/executor/syscall-table.ts';
import {syscallTables} from '../../../solver/executor/syscall-tables.ts';
import type {Architecture} from '../../../src/linux/architecture.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const failingExecute: SyscallEntry = {call: 'execve', args: ['/nonexistent', ['x', null], [null]], describe: 'run /nonexistent'};

const write = (text: string): SyscallEntry => ({call: 'write', args: [1, text, text.length], describe: `write ${text}`});

type Played = {readonly stdout: string; readonly exitCode: number | null; readonly failure: FailedEntry | undefined};

async function play(entries: readonly SyscallEntry[], architecture: Architecture): Promise<Played> {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'program');
	await writeFile(file, encodeInitProgram(entries, architecture), {mode: 0o755});
	const [command, parameters] = architecture === 'arm64' && process.arch !== 'arm64' ? ['qemu-aarch64-static', [file]] : [file, []];
	const child = spawn(command, parameters, {stdio: ['ignore', 'pipe', 'inherit', 'pipe']});
	const exited = new Promise<number | null>((resolve, reject) => {
		child.once('error', reject);
		child.once('close', resolve);
	});
	const [stdout, status, exitCode] = await Promise.all([readBuffer(child.stdout!), readBuffer(child.stdio[3] as NodeJS.ReadableStream), exited]);
	return {stdout: stdout.toString(), exitCode, failure: parseStatusRecord(status)};
}

const playable: Readonly<Record<Architecture, boolean>> = {
	x86_64: process.arch === 'x64',
	arm64: process.arch === 'arm64' || existsSync('/usr/bin/qemu-aarch64-static'),
};

for (const architecture of ['x86_64', 'arm64'] as const) {
	const testPlayable = testWhere(playable[architecture], `code for ${architecture} runs on such a processor, or under qemu-user-static`);

	testPlayable(`${architecture}: entries are played in order, and the one that fails is reported`, async t => {
		const {stdout, exitCode, failure} = await play([write('a'), write('b'), {call: 'close', args: [99], describe: 'close'}, write('c'), failingExecute], architecture);
		t.is(stdout, 'ab');
		t.is(exitCode, 125);
		t.deepEqual(failure, {index: 2, errorNumber: constants.errno.EBADF});
	});

	testPlayable(`${architecture}: an error that an entry tolerates is passed over, any other is not`, async t => {
		const missing: SyscallEntry = {call: 'chdir', args: ['/nonexistent'], describe: 'change directory'};
		const {stdout, failure} = await play([{...missing, mayFail: ['EACCES', 'ENOENT']}, write('on'), {...missing, mayFail: ['EACCES', 'ENOTDIR']}, write('never'), failingExecute], architecture);
		t.is(stdout, 'on');
		t.deepEqual(failure, {index: 2, errorNumber: constants.errno.ENOENT});
	});

	testPlayable(`${architecture}: an error number of 64 or more is never taken for one that is tolerated`, async t => {
		// AF_INET has no SOCK_RDM: ESOCKTNOSUPPORT is 94, and 94 - 64 is EROFS.
		const unsupported: SyscallEntry = {
			call: 'socket', args: [2, 4, 0], mayFail: ['EROFS'], describe: 'open socket',
		};
		const {failure} = await play([unsupported, failingExecute], architecture);
		t.deepEqual(failure, {index: 0, errorNumber: 94});
	});

	testPlayable(`${architecture}: all six arguments, strings, bytes, arrays and structures reach the kernel`, async t => {
		const text = 'täxt';
		const script = 'echo "$A" "$0" "$1"; ulimit -c; grep NoNewPrivs /proc/self/status';
		const {stdout} = await play([
			{call: 'write', args: [1, text, Buffer.byteLength(text)], describe: 'write string'},
			{call: 'write', args: [1, Uint8Array.of(0x21, 0x0A, 0x00), 2], describe: 'write bytes'},
			// `struct rlimit64` by its address; a wrong fourth argument would be EFAULT.
			{call: 'prlimit64', args: [0, 4, [0n, 0n], null], describe: 'set limit'},
			{call: 'prctl', args: [38, 1n, 0, 0, 0], describe: 'no new privileges'},
			{call: 'execve', args: ['/bin/busybox', ['busybox', 'sh', '-c', script, 'zero', 'one', null], ['A=b c', null]], describe: 'run busybox'},
		], architecture);
		t.is(stdout, 'täxt!\nb c zero one\n0\nNoNewPrivs:\t1\n');
	});

	test(`${architecture}: objdump shows the documented instructions`, async t => {
		await using directory = await makeTemporaryDirectory();
		const file = path.join(directory.path, 'program');
		await writeFile(file, encodeInitProgram([write('a'), failingExecute], architecture));
		const [tool, listing, options] = architecture === 'x86_64' ? ['objdump', listingX8664, ['--disassembler-options=intel']] as const : ['aarch64-linux-gnu-objdump', listingArm64, []] as const;
		const output = execFileSync(tool, ['--disassemble', ...options, file], {encoding: 'utf8'});
		t.regex(output, /Disassembly of section \.text/v);
		t.deepEqual(operationsOf(output), operationsOf(listing));
	});

	test(`${architecture}: the file is a static executable whose data cannot be executed and whose code cannot be written`, async t => {
		await using directory = await makeTemporaryDirectory();
		const file = path.join(directory.path, 'program');
		await writeFile(file, encodeInitProgram([failingExecute], architecture));
		const output = execFileSync('readelf', ['--wide', '--file-header', '--segments', '--sections', file], {encoding: 'utf8'});
		t.regex(output, /Type:\s+EXEC/v);
		t.notRegex(output, /warning|interp|rwe/iv);
		const flags = output.matchAll(/^ +(?:LOAD|GNU_STACK) .* (?<flags>[ ERW]{3}) 0x/gmv).map(({groups}) => groups!.flags!.trim());
		t.deepEqual([...flags], ['R E', 'R', 'RW']);
	});

	test(`${architecture}: the numbers of the calls are those of the kernel's table`, t => {
		const [{numbers}] = syscallTables(architecture);
		for (const [name, numberOf] of Object.entries(syscallNumbers)) {
			t.is(numbers.get(name), numberOf[architecture], name);
		}
	});
}

test('strace sees the calls in the order of the table', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'program');
	const log = path.join(directory.path, 'log');
	const entries: readonly SyscallEntry[] = [
		write('a'),
		{call: 'umask', args: [0o27], describe: 'set umask'},
		{
			call: 'mkdirat', args: [-100, '/proc/nonexistent', 0o755], mayFail: ['ENOENT'], describe: 'make directory',
		},
		{call: 'chdir', args: ['/'], describe: 'change directory'},
		failingExecute,
	];
	await writeFile(file, encodeInitProgram(entries, process.arch === 'arm64' ? 'arm64' : 'x86_64'), {mode: 0o755});
	const child = spawn('strace', ['-o', log, file], {stdio: ['ignore', 'ignore', 'inherit', 'ignore']});
	await new Promise(resolve => {
		child.once('close', resolve);
	});
	const calls = readFileSync(log, 'utf8').split('\n').map(line => /^\w+/v.exec(line)?.[0]).filter(name => name !== undefined);
	t.deepEqual(calls, ['execve', ...entries.map(({call}) => call), 'write', 'exit_group']);
});

test('a table that could run past its end is refused', t => {
	t.throws(() => encodeInitProgram([], 'x86_64'), {instanceOf: TypeError});
	t.throws(() => encodeInitProgram([write('a')], 'x86_64'), {instanceOf: TypeError});
	t.throws(() => encodeInitProgram([{...failingExecute, mayFail: ['ENOENT']}], 'x86_64'), {instanceOf: TypeError});
});

test('a string that the kernel would cut is refused', t => {
	t.throws(() => encodeInitProgram([{...failingExecute, args: ['/a\0b', [null], [null]]}], 'x86_64'), {instanceOf: TypeError});
});

test('an incomplete status record is none', t => {
	t.is(parseStatusRecord(new Uint8Array(0)), undefined);
	t.is(parseStatusRecord(new Uint8Array(15)), undefined);
});

// The bytes and the name of each instruction, from objdump's listing or ours.
function operationsOf(listing: string): readonly string[] {
	return listing.split('\n').flatMap(line => {
		const {code, name} = /^\s*(?:[\da-f]+:\s+)?(?<code>[\da-f]{2}(?: [\da-f]{2})*|[\da-f]{8})[\s\|]+(?<name>[a-z][\d.a-z]+)/v.exec(line)?.groups ?? {};
		return code === undefined ? [] : [`${code} ${name}`];
	});
}
