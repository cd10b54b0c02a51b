import {Buffer} from 'node:buffer';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import type {ContainerLimits, ContainerResult} from '../../../solver/executor/container-spec.ts';
import {runContainer} from '../../../solver/executor/container.ts';
import {createDetachedOverlay} from '../../../src/linux/detached-overlay.ts';
import {makeBusyboxRoot} from '../../support/busybox-root.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

test('a container runs on kernel 6.1', async t => {
	const {output, result} = await run('echo to the output > /dev/stdout; id -u; hostname');
	t.is(output, 'to the output\n0\nguest\n');
	t.is(result.exitCode, 0);
});

test('a container sees its own cgroup as the root of version 2, and cannot write to it', async t => {
	const {output} = await run('cat /proc/self/cgroup; mkdir /sys/fs/cgroup/x 2>&1 | grep -o "Read-only file system"');
	t.is(output, '0::/\nRead-only file system\n');
});

test('a step over its memory limit is killed, and the result says so', async t => {
	const memory = 32 * (1024 ** 2);
	const {result} = await run('head -c 200m /dev/zero | tail -c 100m > /dev/null', {memory, memorySwap: memory});
	t.true(result.outOfMemory);
	t.not(result.exitCode, 0);
});

test('a step over its process limit cannot fork', async t => {
	const {output, result} = await run('for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait', {pids: 4});
	t.regex(output, /can't fork/v);
	t.not(result.exitCode, 0);
});

test('a step over its CPU limit waits', async t => {
	const {output} = await run('i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; grep nr_throttled /sys/fs/cgroup/cpu.stat', {cpuQuota: 10_000});
	t.regex(output, /^nr_throttled [1-9]/v);
});

test('a step may make the file of a disk and not open it', async t => {
	const {output} = await run('mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk 2>&1; head -c 1 /dev/zero | wc -c');
	t.is(output, 'head: /tmp/disk: Operation not permitted\n1\n');
});

type Run = {
	readonly result: ContainerResult;
	/** Of stdout and stderr. */
	readonly output: string;
};

async function run(script: string, limits: ContainerLimits = {}): Promise<Run> {
	await using temporary = await makeTemporaryDirectory();
	const directory = async (name: string) => {
		const made = path.join(temporary.path, name);
		await mkdir(made);
		return made;
	};

	const lower = await directory('lower');
	makeBusyboxRoot(lower);
	using root = await createDetachedOverlay({
		lowerDirectories: [lower],
		upperDirectory: await directory('upper'),
		workDirectory: await directory('work'),
	});
	const chunks: Uint8Array[] = [];
	const result = await runContainer({
		id: path.basename(temporary.path),
		root,
		args: ['/bin/sh', '-c', script],
		env: ['PATH=/bin'],
		cwd: '/',
		user: '',
		network: 'none',
		security: 'sandbox',
		hostname: 'guest',
		mounts: [],
		limits,
		extraHosts: [],
		output(_stream, data) {
			chunks.push(data);
		},
	}, {environment: await prepareContainerEnvironment()});
	return {result, output: Buffer.concat(chunks).toString()};
}
