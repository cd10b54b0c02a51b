import {spawnSync} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {prepareCgroups} from '../../../solver/executor/cgroup-hierarchy.ts';
import type {ResourceLimits} from '../../../solver/executor/cgroup-limits.ts';
import type {Cgroup} from '../../../solver/executor/cgroup.ts';
import {defaultDevices} from '../../../solver/executor/devices.ts';
import {openCgroups} from '../../../solver/executor/open-cgroups.ts';

test('the kernel is 6.1', t => {
	t.regex(os.release(), /^6\.1\./v);
});

test('version 2 is used, with its controllers', async t => {
	const hierarchy = await prepareCgroups();
	t.deepEqual(hierarchy.kind === 'version2' && [...hierarchy.controllers].toSorted(), ['cpu', 'cpuset', 'memory', 'pids']);
});

test('a process over its memory limit is killed, and the group knows why', async t => {
	await using group = await openGroup(t, 'memory', {memory: 32 * (1024 ** 2), memorySwap: 32 * (1024 ** 2)});
	const {signal} = runIn(group, 'exec node -e "Buffer.alloc(200e6, 1)"');
	t.is(signal, 'SIGKILL');
	t.true(await group.cgroup.outOfMemory());
});

test('a group over its process limit cannot fork', async t => {
	await using group = await openGroup(t, 'processes', {pids: 3});
	const {stderr} = runIn(group, 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait');
	t.regex(stderr, /fork/v);
	t.true(await group.cgroup.outOfProcesses());
});

test('a group that has room for its processes has not run out of them', async t => {
	await using group = await openGroup(t, 'room', {pids: 100});
	t.is(runIn(group, 'sleep 0 & wait').status, 0);
	t.false(await group.cgroup.outOfProcesses());
	t.false(await group.cgroup.outOfMemory());
});

test('shares are a weight', async t => {
	await using group = await openGroup(t, 'shares', {cpuShares: 512});
	t.is(await readFile(path.join(group.directory, 'cpu.weight'), 'utf8'), '59\n');
});

test('a group runs on its CPUs and memory nodes', async t => {
	await using group = await openGroup(t, 'cpuset', {cpusetCpus: '0', cpusetMems: '0'});
	t.is(await readFile(path.join(group.directory, 'cpuset.cpus.effective'), 'utf8'), '0\n');
	t.is(await readFile(path.join(group.directory, 'cpuset.mems'), 'utf8'), '0\n');
});

test('CPUs that there are not are refused, and the group is not left', async t => {
	await t.throwsAsync(openGroup(t, 'missing', {cpusetCpus: '0,999'}), {message: /^Requested CPUs are not available - requested 0,999, available: 0/v});
	await using _group = await openGroup(t, 'missing', {});
});

test('a limit of memory is one of swap, too', async t => {
	await using group = await openGroup(t, 'swap', {memory: 2 ** 26, memorySwap: (2 ** 26) + (2 ** 20)});
	t.is(await readFile(path.join(group.directory, 'memory.max'), 'utf8'), `${2 ** 26}\n`);
	t.is(await readFile(path.join(group.directory, 'memory.swap.max'), 'utf8'), `${2 ** 20}\n`);
});

test('the use of all processes of a group is told', async t => {
	await using group = await openGroup(t, 'usage', {});
	runIn(group, 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done');
	const {peakMemory = 0, userTime = 0, systemTime = 0} = await group.cgroup.usage();
	t.true(peakMemory > 0);
	t.true(userTime + systemTime > 0);
});

test('a CPU limit is a quota in each 100 ms', async t => {
	await using group = await openGroup(t, 'cpu', {cpuQuota: 150_000});
	t.is(await readFile(path.join(group.directory, 'cpu.max'), 'utf8'), '150000 100000\n');
});

test('a device of the host is closed, the usual ones are open', async t => {
	await using group = await openGroup(t, 'devices', {});
	t.true(group.cgroup.restrictsDevices);
	t.is(runIn(group, 'head -c 1 /dev/zero >/dev/null').status, 0);
	t.regex(runIn(group, 'head -c 1 /dev/vda').stderr, /Operation not permitted/v);
});

type Group = AsyncDisposable & {
	readonly cgroup: Cgroup;
	readonly directory: string;
};

async function openGroup(t: ExecutionContext, name: string, limits: ResourceLimits): Promise<Group> {
	const hierarchy = await prepareCgroups();
	if (hierarchy.kind !== 'version2') {
		return t.fail('these tests need cgroups of version 2');
	}

	const cgroup = await openCgroups({
		name,
		hierarchy,
		limits,
		devices: defaultDevices,
	});
	return {
		cgroup,
		directory: path.join(hierarchy.directory, name),
		[Symbol.asyncDispose]: () => cgroup[Symbol.asyncDispose](),
	};
}

function runIn({directory}: Group, script: string): ReturnType<typeof spawnSync> & {readonly stderr: string} {
	const join = `echo $$ > '${directory}/cgroup.procs'`;
	return spawnSync('/bin/sh', ['-c', `${join}; ${script}`], {encoding: 'utf8'});
}
