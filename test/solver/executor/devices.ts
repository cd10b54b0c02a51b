import {Buffer} from 'node:buffer';
import test from 'ava';
import type {CgroupHierarchy} from '../../../solver/executor/cgroup-hierarchy.ts';
import {
	assembleDeviceProgram,
	defaultDevices,
	formatDeviceRule,
	type DeviceRule,
} from '../../../solver/executor/devices.ts';
import {openCgroups, sweepCgroups} from '../../../solver/executor/open-cgroups.ts';
import {TsbuildError} from '../../../src/kernel/errors.ts';
import {testWhere} from '../../support/conditions.ts';
import {
	makeTestCgroups,
	makeTestCgroupsOfVersion2,
	runInside,
	type TestCgroups,
} from '../../support/test-cgroups.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

/** Whether this process may make groups, and device files that can be opened. */
async function canRestrict(makeCgroups: () => Promise<TestCgroups>): Promise<boolean> {
	try {
		await using cgroups = await makeCgroups();
		await using cgroup = await openCgroups({
			name: 'probe', hierarchy: cgroups.hierarchy, limits: {}, devices: defaultDevices,
		});
		return cgroup.restrictsDevices;
	} catch {
		return false;
	}
}

const testWithCgroups = testWhere(await canRestrict(makeTestCgroups), 'it needs a cgroup that restricts devices');
const testWithVersion2 = testWhere(await canRestrict(makeTestCgroupsOfVersion2), 'it needs cgroups of version 2');

/** Tries devices in a group, and gives one line for each try. */
async function tryDevices(hierarchy: CgroupHierarchy, devices: readonly DeviceRule[] | 'all'): Promise<readonly string[]> {
	await using directory = await makeTemporaryDirectory();
	await using cgroup = await openCgroups({
		name: 'devices', hierarchy, limits: {}, devices,
	});
	const {stdout} = runInside(cgroup, `
		cd ${directory.path}
		try() { "$@" >/dev/null 2>error && echo "$* done" || { grep -q 'not permitted' error && echo "$* denied" || cat error; }; }
		mknod kmsg c 1 11; mknod loop b 7 0; mknod null c 1 3; mknod tty c 5 0; mknod fuse c 10 229
		ls
		try dd if=null of=null count=1
		try dd if=/dev/zero of=/dev/null count=1
		try dd if=kmsg of=/dev/null iflag=nonblock bs=8192 count=1
		try dd if=/dev/null of=kmsg conv=notrunc
		try dd if=loop of=/dev/null count=0
	`);
	return stdout.trim().split('\n');
}

const expectedOfDefault = [
	'fuse',
	'kmsg',
	'loop',
	'null',
	'tty',
	'dd if=null of=null count=1 done',
	'dd if=/dev/zero of=/dev/null count=1 done',
	'dd if=kmsg of=/dev/null iflag=nonblock bs=8192 count=1 denied',
	'dd if=/dev/null of=kmsg conv=notrunc denied',
	'dd if=loop of=/dev/null count=0 denied',
];

testWithCgroups('a step makes any device file, and opens only those of its /dev', async t => {
	await using cgroups = await makeTestCgroups();
	t.deepEqual(await tryDevices(cgroups.hierarchy, defaultDevices), expectedOfDefault);
});

testWithVersion2('the program for version 2 decides as version 1 does', async t => {
	await using cgroups = await makeTestCgroupsOfVersion2();
	t.deepEqual(await tryDevices(cgroups.hierarchy, defaultDevices), expectedOfDefault);
});

const readOnlyLog: readonly DeviceRule[] = [
	{
		type: 'c', major: '*', minor: '*', access: 'm',
	},
	{
		type: 'b', major: 7, minor: '*', access: 'm',
	},
	{
		type: 'c', major: 1, minor: '*', access: 'r',
	},
	{
		type: 'c', major: 1, minor: 3, access: 'w',
	},
];

const expectedOfLog = [
	'fuse',
	'kmsg',
	'loop',
	'null',
	'tty',
	'dd if=null of=null count=1 done',
	'dd if=/dev/zero of=/dev/null count=1 done',
	'dd if=kmsg of=/dev/null iflag=nonblock bs=8192 count=1 done',
	'dd if=/dev/null of=kmsg conv=notrunc denied',
	'dd if=loop of=/dev/null count=0 denied',
];

testWithCgroups('reading, writing and making are allowed apart', async t => {
	await using cgroups = await makeTestCgroups();
	t.deepEqual(await tryDevices(cgroups.hierarchy, readOnlyLog), expectedOfLog);
});

testWithVersion2('reading, writing and making are allowed apart by version 2', async t => {
	await using cgroups = await makeTestCgroupsOfVersion2();
	t.deepEqual(await tryDevices(cgroups.hierarchy, readOnlyLog), expectedOfLog);
});

testWithCgroups('without rules a step has the devices of the host', async t => {
	await using cgroups = await makeTestCgroups();
	const lines = await tryDevices(cgroups.hierarchy, 'all');
	t.false(lines.some(line => line.endsWith('denied')));
	await using cgroup = await openCgroups({
		name: 'devices', hierarchy: cgroups.hierarchy, limits: {}, devices: 'all',
	});
	t.false(cgroup.restrictsDevices);
});

testWithVersion2('a group of version 2 without controllers still ends what is in it, and refuses limits', async t => {
	await using cgroups = await makeTestCgroupsOfVersion2();
	const {hierarchy} = cgroups;
	const options = {
		name: 'bare', hierarchy, limits: {}, devices: defaultDevices,
	};
	{
		await using cgroup = await openCgroups(options);
		t.is(runInside(cgroup, 'sleep 600 >/dev/null 2>&1 &').status, 0);
		const {userTime = 0, systemTime = 0} = await cgroup.usage();
		t.true(userTime + systemTime > 0);
		t.false(await cgroup.outOfMemory());
		t.is(cgroup.processDescriptors.length, 1);
	}

	for (const limits of [{memory: 1e8}, {cpuQuota: 100_000}, {pids: 10}]) {
		await t.throwsAsync(openCgroups({...options, limits}), {instanceOf: TsbuildError, code: 'ERR_TSBUILD_CGROUP', message: /cannot be turned on here$/v});
	}

	const leftover = await openCgroups(options);
	runInside(leftover, 'sleep 600 >/dev/null 2>&1 &');
	await sweepCgroups(hierarchy, name => name === 'bare');
	await leftover[Symbol.asyncDispose]();
});

test('rules are written as the kernel of version 1 reads them', t => {
	t.deepEqual(defaultDevices.map(rule => formatDeviceRule(rule)), [
		'c *:* m',
		'b *:* m',
		'c 1:3 rwm',
		'c 1:5 rwm',
		'c 1:7 rwm',
		'c 1:8 rwm',
		'c 1:9 rwm',
		'c 5:0 rwm',
		'c 5:2 rwm',
		'c 136:* rwm',
	]);
});

test('a program without rules denies everything', t => {
	const program = assembleDeviceProgram([]);
	t.is(program.length % 8, 0);
	t.is(Buffer.from(program.subarray(-16)).toString('hex'), 'b7000000000000009500000000000000', 'r0 = 0; exit');
});

test('an access that the kernel does not know is refused', t => {
	t.throws(() => assembleDeviceProgram([{
		type: 'c', major: 1, minor: 3, access: 'rx',
	}]), {instanceOf: TypeError});
});
