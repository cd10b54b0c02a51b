import {
	existsSync,
	readdirSync,
	readFileSync,
	statSync,
} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import type {ContainerSpec} from '../../../solver/executor/container-spec.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeStepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

test('a command runs as PID 1 with its output, exit code and usage', async t => {
	await using root = await makeStepRoot();
	const {stdout, stderr, exitCode, outOfMemory, usage} = await root.run('echo out $$; echo err >&2; exit 7', {environment});
	t.is(stdout, 'out 1\n');
	t.is(stderr, 'err\n');
	t.is(exitCode, 7);
	t.false(outOfMemory);
	t.true(usage.userTime + usage.systemTime > 0);
	t.true(usage.peakMemory > 0);
});

const writesToStandardStreams = test.macro({
	async exec(t, user: string) {
		await using root = await makeStepRoot();
		const {stdout, stderr, exitCode} = await root.run('echo a >/dev/stdout; echo b | tee /dev/stderr; echo c >/proc/self/fd/2', {environment, user});
		t.is(exitCode, 0);
		t.is(stdout, 'a\nb\n');
		t.is(stderr, 'b\nc\n');
	},
	title: (_title, user) => `/dev/stdout and /dev/stderr can be opened by user ${JSON.stringify(user)}`,
});

test(writesToStandardStreams, '');
test(writesToStandardStreams, 'user');
test(writesToStandardStreams, '1000:1000');
test(writesToStandardStreams, '4711');

test('output comes while the command runs', async t => {
	await using root = await makeStepRoot();
	const controller = new AbortController();
	const error = await t.throwsAsync(root.run('echo begun; sleep 600', {
		environment,
		signal: controller.signal,
		output() {
			controller.abort(new Error('seen'));
		},
	}));
	t.is(error.message, 'seen');
});

test('all output is read before the result, however much', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('head -c 3000000 /dev/zero', {environment});
	t.is(stdout.length, 3_000_000);
});

test('processes that the command leaves behind are gone and hold nothing up', async t => {
	await using root = await makeStepRoot();
	const marker = crypto.randomUUID();
	const script = `(trap '' TERM; exec -a ${marker} sleep 600) & (setsid sh -c 'echo ${marker}; sleep 700') & sleep 0; echo left`;
	const {exitCode, stdout} = await root.run(script, {environment});
	t.is(exitCode, 0);
	t.true(stdout.includes('left\n'));
	const left = commandLines().filter(line => line.includes(marker));
	t.deepEqual(left, []);
});

test('a signal that ends the command is 128 and its number', async t => {
	await using root = await makeStepRoot();
	const controller = new AbortController();
	// PID 1 is safe from its own signals, so the signal comes from a child of the shell that the shell reports.
	const {exitCode} = await root.run('sh -c \'kill -9 $$\'; exit $?', {environment, signal: controller.signal});
	t.is(exitCode, 137);
});

test('a build that is canceled before gives the reason and runs nothing', async t => {
	await using root = await makeStepRoot();
	const signal = AbortSignal.abort(new Error('no more'));
	const error = await t.throwsAsync(root.run('touch /ran', {environment, signal}));
	t.is(error.message, 'no more');
	t.deepEqual(readdirSync(root.upper), []);
});

const explains = test.macro({
	async exec(t, args: readonly string[], expected: string) {
		await using root = await makeStepRoot();
		await writeFile(path.join(root.lower, 'plain'), 'no program\n', {mode: 0o644});
		await writeFile(path.join(root.lower, 'garbage'), Uint8Array.of(0x7F, 0x45, 0x4C, 0x46, 9, 9, 9, 9), {mode: 0o755});
		await writeFile(path.join(root.lower, 'bin/orphan'), '#!/no/interpreter\n', {mode: 0o755});
		const {stderr, stdout, exitCode} = await root.run(args, {environment});
		t.is(exitCode, 1);
		t.is(stdout, '');
		t.is(stderr, `${expected}\n`);
	},
	title: (_title, args) => `a command that cannot run is explained as runc does: ${JSON.stringify(args).slice(0, 40)}`,
});

test(explains, ['nosuchcmd', '--flag'], 'unable to start container process: exec: "nosuchcmd": executable file not found in $PATH');
test(explains, ['/nosuch/cmd'], 'unable to start container process: exec: "/nosuch/cmd": stat /nosuch/cmd: no such file or directory');
test(explains, ['./nosuch'], 'unable to start container process: exec: "./nosuch": stat ./nosuch: no such file or directory');
test(explains, ['/etc'], 'unable to start container process: exec: "/etc": permission denied');
test(explains, ['/plain'], 'unable to start container process: exec: "/plain": permission denied');
test(explains, ['/garbage'], 'exec /garbage: exec format error');
test(explains, ['/bin/orphan'], 'exec /bin/orphan: no such file or directory');
test(explains, ['orphan'], 'exec /bin/orphan: no such file or directory');
test(explains, [''], 'unable to start container process: exec: "": executable file not found in $PATH');
test(explains, ['sh', '-c', 'x'.repeat(200_000)], 'exec /bin/sh: argument list too long');

test('the environment has each variable once, with its last value, and HOME of the user', async t => {
	await using root = await makeStepRoot();
	const env = ['PATH=/bin', 'A=1', 'B=x=y', 'A=2', 'EMPTY='];
	const {stdout} = await root.run(['/bin/busybox', 'env'], {environment, env, user: 'user'});
	const variables = stdout.trim().split('\n');
	t.deepEqual(variables.toSorted(), ['A=2', 'B=x=y', 'EMPTY=', 'HOME=/home/user', 'PATH=/bin']);
});

test('a HOME in the environment is kept', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('echo $HOME', {environment, env: ['PATH=/bin', 'HOME=/elsewhere']});
	t.is(stdout, '/elsewhere\n');
});

test('a working directory is made for the user and belongs to the layer', async t => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run('pwd; touch here', {environment, cwd: '/a/b', user: 'user'});
	t.is(stdout, '/a/b\n');
	const {uid, gid, mode} = statSync(path.join(root.upper, 'a/b'));
	t.deepEqual([uid, gid, mode & 0o7777], [1000, 1000, 0o755]);
	t.true(existsSync(path.join(root.upper, 'a/b/here')));
});

const limited = test.macro(async (t, limits: ContainerSpec['limits'], script: string, expected: string) => {
	await using root = await makeStepRoot();
	const {stdout} = await root.run(script, {environment, limits});
	t.is(stdout, expected);
});

const maximumOpenFiles = environment.maximumOpenFiles < 524_288n ? environment.maximumOpenFiles : 524_288n;

test('open files are limited to 1024, of 524288 at most', limited, {}, 'ulimit -n; ulimit -Hn', `1024\n${maximumOpenFiles}\n`);
test('resource limits are set by name', limited, {ulimits: {nofile: {soft: 10n, hard: 20n}, core: {soft: 0n, hard: 0n}}}, 'ulimit -n; ulimit -Hn; ulimit -c', '10\n20\n0\n');
test('/dev/shm has the size that was asked for', limited, {sharedMemory: 1024 * 1024}, 'df -k /dev/shm | tail -n1 | awk \'{print $2}\'', '1024\n');

test('an unknown resource limit is refused', async t => {
	await using root = await makeStepRoot();
	const limits = {ulimits: {constructor: {soft: 1n, hard: 1n}}};
	await t.throwsAsync(root.run('true', {environment, limits}), {code: 'ERR_TSBUILD_RESOURCE_LIMIT', message: 'invalid ulimit type: constructor'});
});

const testWithCgroups = testWhere(environment.cgroups.kind !== 'unavailable', 'it needs cgroups');

testWithCgroups('memory beyond the limit is told as such', async t => {
	await using root = await makeStepRoot();
	const limits = {memory: 32 * 1024 * 1024, memorySwap: 32 * 1024 * 1024};
	const {outOfMemory, usage} = await root.run('head -c 100000000 /dev/zero | tail | wc -c', {environment, limits});
	t.true(outOfMemory);
	t.true(usage.peakMemory <= limits.memory);
});

test('a NUL byte in the image\'s passwd file is refused by name', async t => {
	await using root = await makeStepRoot();
	await writeFile(path.join(root.lower, 'etc/passwd'), 'evil:x:1:1::/home/\0/x:\n');
	await t.throwsAsync(root.run('true', {environment, user: 'evil'}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: /NUL byte$/v});
});

test('a NUL byte in an argument is refused by name', async t => {
	await using root = await makeStepRoot();
	await t.throwsAsync(root.run(['sh', 'a\0b'], {environment}), {code: 'ERR_TSBUILD_CONTAINER_SETUP', message: String.raw`failed to run the command: "a\u0000b" has a NUL byte`});
});

function commandLines(): readonly string[] {
	const lines = [];
	for (const name of readdirSync('/proc')) {
		try {
			lines.push(readFileSync(`/proc/${name}/cmdline`, 'utf8'));
		} catch {
			// Not a process, or no longer one.
		}
	}

	return lines;
}
