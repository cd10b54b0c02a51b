import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {CgroupHierarchy} from '../../../solver/executor/cgroup-hierarchy.ts';
import type {ResourceLimits} from '../../../solver/executor/cgroup-limits.ts';
import type {CgroupOptions} from '../../../solver/executor/cgroup.ts';
import {defaultDevices} from '../../../solver/executor/devices.ts';
import {openCgroups, sweepCgroups} from '../../../solver/executor/open-cgroups.ts';
import {TsbuildError} from '../../../src/kernel/errors.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeTestCgroups, runInside, type TestCgroups} from '../../support/test-cgroups.ts';

const megabyte = 1024 * 1024;
const refused = {instanceOf: TsbuildError, code: 'ERR_TSBUILD_CGROUP'};

const isAvailable = await (async () => {
	await using cgroups = await makeTestCgroups();
	return cgroups.hierarchy.kind !== 'unavailable';
})();
// Rootless, and in a container whose cgroups are read-only, there are none.
const testWithCgroups = testWhere(isAvailable, 'it needs cgroups');

function options(hierarchy: CgroupHierarchy, limits: ResourceLimits = {}): CgroupOptions {
	return {
		hierarchy, limits, name: 'session-1', devices: defaultDevices,
	};
}

function groupsIn({directories}: TestCgroups): string[] {
	return directories.flatMap(directory => readdirSync(directory, {withFileTypes: true})).filter(entry => entry.isDirectory()).map(({name}) => name);
}

/** Of the group `session-1`, whose hierarchy is the one that has the file. */
function readSetting({directories}: TestCgroups, file: string): string | undefined {
	const found = directories.map(directory => path.join(directory, 'session-1', file)).find(candidate => existsSync(candidate));
	return found === undefined ? undefined : readFileSync(found, 'utf8').trim();
}

function isRunning(processId: string): boolean {
	try {
		return !readFileSync(`/proc/${processId}/stat`, 'utf8').includes(') Z ');
	} catch {
		return false;
	}
}

/** Leaves a process behind that ignores what it may, and gives its number. */
const leaveProcess = '(trap "" TERM HUP; exec sleep 600) >/dev/null 2>&1 & echo $!';

testWithCgroups('a process joins by the descriptors, and its use is counted', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy));
	t.is(cgroup.unavailable, undefined);
	const {status, stdout} = runInside(cgroup, 'cat /proc/self/cgroup');
	t.is(status, 0);
	const joined = stdout.split('\n').filter(line => line.endsWith('/session-1'));
	t.is(joined.length, cgroups.directories.length);
	const usage = await cgroup.usage();
	t.true(usage.peakProcesses === undefined || usage.peakProcesses === 2);
	t.true(usage.peakMemory === undefined || (usage.peakMemory > 0 && usage.peakMemory < 100 * megabyte));
	t.false(await cgroup.outOfMemory());
});

testWithCgroups('more memory than the limit ends the process, and the group tells so', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy, {memory: 20 * megabyte, memorySwap: 20 * megabyte}));
	const {signal} = runInside(cgroup, 'exec dd if=/dev/zero of=/dev/null bs=200M count=1');
	t.is(signal, 'SIGKILL');
	t.true(await cgroup.outOfMemory());
	const {peakMemory = 0} = await cgroup.usage();
	t.true(peakMemory > 10 * megabyte && peakMemory <= 20 * megabyte);
});

testWithCgroups('a process that is ended by a signal is not out of memory', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy, {memory: 20 * megabyte}));
	t.is(runInside(cgroup, 'kill -KILL $$').signal, 'SIGKILL');
	t.false(await cgroup.outOfMemory());
});

testWithCgroups('no more processes than the limit can be made', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy, {pids: 4}));
	const {status, stderr} = runInside(cgroup, 'for i in 1 2 3 4 5 6; do sleep 600 >/dev/null 2>&1 & done');
	t.not(status, 0);
	t.regex(stderr, /fork/v);
});

testWithCgroups('CPU time is a quota in periods of 100 ms', async t => {
	await using cgroups = await makeTestCgroups();
	await using _cgroup = await openCgroups(options(cgroups.hierarchy, {cpuQuota: 150_000}));
	const {hierarchy} = cgroups;
	if (hierarchy.kind === 'version1') {
		const directory = path.join(hierarchy.directories.get('cpu') ?? '', 'session-1');
		t.is(readFileSync(path.join(directory, 'cpu.cfs_quota_us'), 'utf8'), '150000\n');
		t.is(readFileSync(path.join(directory, 'cpu.cfs_period_us'), 'utf8'), '100000\n');
	} else {
		t.is(readFileSync(path.join(cgroups.directories[0] ?? '', 'session-1/cpu.max'), 'utf8'), '150000 100000\n');
	}
});

testWithCgroups('shares are written as they are in version 1, and as a weight in version 2', async t => {
	await using cgroups = await makeTestCgroups();
	await using _cgroup = await openCgroups(options(cgroups.hierarchy, {cpuShares: 512}));
	const isVersion1 = cgroups.hierarchy.kind === 'version1';
	t.is(readSetting(cgroups, isVersion1 ? 'cpu.shares' : 'cpu.weight'), isVersion1 ? '512' : '59');
});

testWithCgroups('a process runs on the CPUs and memory nodes of its group', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy, {cpusetCpus: '0'}));
	const {status, stdout, stderr} = runInside(cgroup, 'grep _allowed_list /proc/self/status');
	t.is(status, 0, stderr);
	t.regex(stdout, /^Cpus_allowed_list:\t0$/mv);
	t.regex(stdout, /^Mems_allowed_list:\t0(?:-\d+)?$/mv);
});

testWithCgroups('CPUs that there are not are named with those that there are', async t => {
	await using cgroups = await makeTestCgroups();
	await t.throwsAsync(openCgroups(options(cgroups.hierarchy, {cpusetCpus: '0,99998'})), {...refused, message: /^Requested CPUs are not available - requested 0,99998, available: 0/v});
	await t.throwsAsync(openCgroups(options(cgroups.hierarchy, {cpusetMems: '99998'})), {...refused, message: /^Requested memory nodes are not available - requested 99998, available: 0/v});
	t.deepEqual(groupsIn(cgroups), []);
});

testWithCgroups('limits that the kernel refuses are an error, and leave nothing', async t => {
	await using cgroups = await makeTestCgroups();
	for (const limits of [{cpuQuota: 1}, {pids: -5}, {memory: -100}, {memory: 2 * megabyte, memorySwap: megabyte}, {memorySwap: megabyte}]) {
		await t.throwsAsync(openCgroups(options(cgroups.hierarchy, limits)), refused, JSON.stringify(limits));
		t.deepEqual(groupsIn(cgroups), []);
	}
});

testWithCgroups('a name is no path', async t => {
	await using cgroups = await makeTestCgroups();
	for (const name of ['', '.', '..', '../escape', 'a/b', '-a', 'a\0b', 'a\n', 'cgroup.procs']) {
		await t.throwsAsync(openCgroups({...options(cgroups.hierarchy), name}), {instanceOf: TypeError}, JSON.stringify(name));
	}
});

testWithCgroups('the group of another is neither taken over nor removed', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy));
	const {stdout} = runInside(cgroup, leaveProcess);
	await t.throwsAsync(openCgroups(options(cgroups.hierarchy)), {...refused, message: /EEXIST/v});
	t.true(isRunning(stdout.trim()));
});

testWithCgroups('disposing ends what is left in the group and removes it', async t => {
	await using cgroups = await makeTestCgroups();
	let processId = '';
	{
		await using cgroup = await openCgroups(options(cgroups.hierarchy));
		processId = runInside(cgroup, leaveProcess).stdout.trim();
		t.true(isRunning(processId));
	}

	t.false(isRunning(processId));
	t.deepEqual(groupsIn(cgroups), []);
});

testWithCgroups('disposing also removes groups that the step has made inside', async t => {
	await using cgroups = await makeTestCgroups();
	{
		await using cgroup = await openCgroups(options(cgroups.hierarchy));
		const inner = path.join(cgroups.directories[0] ?? '', 'session-1/inner/most');
		const {status} = runInside(cgroup, `mkdir -p ${inner} && echo 0 >${inner}/cgroup.procs && ${leaveProcess}`);
		t.is(status, 0);
	}

	t.deepEqual(groupsIn(cgroups), []);
});

testWithCgroups('killing outruns processes that keep forking', async t => {
	await using cgroups = await makeTestCgroups();
	await using cgroup = await openCgroups(options(cgroups.hierarchy));
	// Each process lives only until it has made the next one.
	const {status} = runInside(cgroup, 'exec >/dev/null 2>&1; hop() { hop & }; for chain in 1 2 3 4; do hop; done');
	t.is(status, 0);
	const readProcesses = (): string[] => cgroups.directories.map(directory => readFileSync(path.join(directory, 'session-1/cgroup.procs'), 'utf8'));
	t.false(readProcesses().includes(''));
	await cgroup.kill();
	t.true(readProcesses().every(processes => processes === ''));
});

testWithCgroups('a sweep removes the groups of dead sessions with their processes, and no others', async t => {
	await using cgroups = await makeTestCgroups();
	const {hierarchy} = cgroups;
	await using alive = await openCgroups({...options(hierarchy), name: 'alive-1'});
	const survivor = runInside(alive, leaveProcess).stdout.trim();
	const dead = await openCgroups({...options(hierarchy), name: 'dead-1'});
	const leftover = runInside(dead, leaveProcess).stdout.trim();
	const empty = await openCgroups({...options(hierarchy), name: 'dead-2'});
	const asked: string[] = [];
	await sweepCgroups(hierarchy, name => {
		asked.push(name);
		return name.startsWith('dead-');
	});
	t.deepEqual(asked.toSorted(), ['alive-1', 'dead-1', 'dead-2']);
	t.false(isRunning(leftover));
	t.true(isRunning(survivor));
	t.deepEqual([...new Set(groupsIn(cgroups))], ['alive-1']);
	// What the sweep of another process has taken away is disposed of without an error.
	await dead[Symbol.asyncDispose]();
	await empty[Symbol.asyncDispose]();
});

testWithCgroups('groups come and go without leaking a descriptor', async t => {
	await using cgroups = await makeTestCgroups();
	const countDescriptors = (): number => readdirSync('/proc/self/fd').length;
	const before = countDescriptors();
	for (let round = 0; round < 50; round++) {
		await using _cgroup = await openCgroups(options(cgroups.hierarchy));
	}

	t.is(countDescriptors(), before);
	t.deepEqual(groupsIn(cgroups), []);
});

test('without cgroups there is a group that does nothing, and a limit is an error', async t => {
	const hierarchy: CgroupHierarchy = {kind: 'unavailable', reason: 'no cgroup file system is mounted'};
	await using cgroup = await openCgroups(options(hierarchy));
	t.is(cgroup.unavailable, hierarchy.reason);
	t.deepEqual(cgroup.processDescriptors, []);
	t.false(cgroup.restrictsDevices);
	t.deepEqual(await cgroup.usage(), {});
	t.false(await cgroup.outOfMemory());
	await cgroup.kill();
	await sweepCgroups(hierarchy, () => true);
	for (const limits of [{memory: megabyte}, {cpuShares: 2}, {cpusetCpus: '0'}, {cpuQuota: 100_000}, {pids: 10}]) {
		await t.throwsAsync(openCgroups(options(hierarchy, limits)), {...refused, message: /no cgroup file system is mounted$/v});
	}
});
