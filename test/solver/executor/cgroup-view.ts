import test from 'ava';
import {prepareContainerEnvironment} from '../../../solver/executor/container-environment.ts';
import type {CgroupHierarchy} from '../../../solver/executor/cgroup-hierarchy.ts';
import {cgroupViewEntries, cgroupViewOf} from '../../../solver/executor/cgroup-view.ts';
import {parseMountInformation} from '../../../src/linux/mount-information.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeStepRoot} from '../../support/step.ts';

const environment = await prepareContainerEnvironment();

const mountInformation = (...lines: readonly string[]) => parseMountInformation(lines.map((line, index) => `${index + 30} 29 0:${index + 26} / /sys/fs/cgroup/x rw - ${line}\n`).join(''));

const version1: CgroupHierarchy = {kind: 'version1', directories: new Map([['cpu', '/x'], ['cpuacct', '/x'], ['memory', '/y']])};
const version2: CgroupHierarchy = {kind: 'version2', directory: '/x', controllers: new Set()};

test('a host with version 1 has each hierarchy with a group of the step once', t => {
	const mounts = mountInformation(
		'tmpfs tmpfs rw,mode=755',
		'cgroup cgroup rw,cpu,cpuacct',
		'cgroup cgroup rw,cpu,cpuacct',
		'cgroup cgroup rw,net_cls,net_prio',
		'cgroup cgroup rw,clone_children,release_agent=/bin/x,memory',
		'cgroup cgroup rw,xattr,name=systemd',
		'cgroup cgroup rw,cpuset',
		'cgroup2 cgroup2 rw',
	);
	t.deepEqual(cgroupViewOf(mounts, version1), {version: 1, hierarchies: ['cpu,cpuacct', 'memory']});
	t.deepEqual(cgroupViewOf(mounts, {kind: 'unavailable', reason: 'none'}), {version: 1, hierarchies: []});
});

test('a host with version 2 alone has that', t => {
	t.deepEqual(cgroupViewOf(mountInformation('cgroup2 cgroup2 rw,nsdelegate'), version2), {version: 2});
	t.deepEqual(cgroupViewEntries({version: 2}, {writable: false, coversHost: false}).map(({call, args}) => [call, args[2]]), [['mount', 'cgroup2']]);
});

test('a host without cgroups has no view', t => {
	t.deepEqual(cgroupViewOf(mountInformation('tmpfs tmpfs rw'), {kind: 'unavailable', reason: 'none'}), {version: 'none'});
	t.deepEqual(cgroupViewEntries({version: 2}, {writable: false, coversHost: true}).map(({args}) => args[2]), ['tmpfs', 'cgroup2']);
	t.deepEqual(cgroupViewEntries({version: 'none'}, {writable: false, coversHost: false}), []);
});

test('controllers that are mounted together are found by each name', t => {
	const links = cgroupViewEntries({version: 1, hierarchies: ['cpu,cpuacct']}, {writable: false, coversHost: false}).filter(({call}) => call === 'symlinkat').map(({args}) => args[2]);
	t.deepEqual(links, ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpuacct']);
});

const testWithCgroups = testWhere(environment.cgroups.kind !== 'unavailable', 'it needs cgroups');

testWithCgroups('the step sees its own group as the root, with its limits', async t => {
	await using root = await makeStepRoot();
	const limits = {memory: 64 * 1024 * 1024, pids: 77};
	const script = 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2> /dev/null; cut -d: -f3 /proc/self/cgroup | sort -u';
	const {stdout} = await root.run(script, {environment, limits});
	t.regex(stdout, /^67108864\n77\n\/\n/v);
});
