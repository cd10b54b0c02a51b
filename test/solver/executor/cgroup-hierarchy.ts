import {spawnSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {existsSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {prepareCgroups, type CgroupHierarchy} from '../../../solver/executor/cgroup-hierarchy.ts';
import {testWhere} from '../../support/conditions.ts';
import {makeTestCgroups} from '../../support/test-cgroups.ts';

const testWithMounts = testWhere(spawnSync('unshare', ['--mount', 'true']).status === 0, 'it needs a mount namespace');

/** Prepares cgroups in a process of its own, whose mounts a shell script has changed. */
function prepareAfter(script: string, parent: string): CgroupHierarchy {
	const source = new URL('../../../solver/executor/cgroup-hierarchy.ts', import.meta.url);
	const program = `import {prepareCgroups} from ${JSON.stringify(source.href)}; console.log(JSON.stringify(await prepareCgroups(${JSON.stringify(parent)})));`;
	const {stdout, stderr} = spawnSync('unshare', ['--mount', 'sh', '-c', `set -e\n${script}\nexec "$0" --input-type=module --eval "$1"`, process.execPath, program], {encoding: 'utf8'});
	if (stdout === '') {
		throw new Error(stderr);
	}

	return JSON.parse(stdout) as CgroupHierarchy;
}

test('preparing twice finds the same parent, which stays', async t => {
	const parent = `tsbuild-test-${randomUUID()}`;
	const first = await prepareCgroups(parent);
	t.deepEqual(await prepareCgroups(parent), first);
	const directories = first.kind === 'version1' ? first.directories.values().toArray() : [];
	for (const directory of new Set(first.kind === 'version2' ? [first.directory] : directories)) {
		t.is(path.basename(directory), parent);
		t.true(existsSync(directory));
		rmdirSync(directory);
	}
});

test('a parent inside other groups is made with them', async t => {
	const outer = `tsbuild-test-${randomUUID()}`;
	const hierarchy = await prepareCgroups(`${outer}/middle/tsbuild`);
	const directories = hierarchy.kind === 'version1' ? hierarchy.directories.values().toArray() : [];
	for (const directory of new Set(hierarchy.kind === 'version2' ? [hierarchy.directory] : directories)) {
		t.true(directory.endsWith(`/${outer}/middle/tsbuild`));
		for (const made of [directory, path.dirname(directory), path.dirname(path.dirname(directory))]) {
			rmdirSync(made);
		}
	}
});

test('version 1 has a directory for each controller that is mounted', async t => {
	await using cgroups = await makeTestCgroups();
	const {hierarchy} = cgroups;
	t.true(hierarchy.kind !== 'version1' || (hierarchy.directories.has('memory') && hierarchy.directories.has('devices')));
});

testWithMounts('without a cgroup file system there are no cgroups', t => {
	const hierarchy = prepareAfter('umount --recursive /sys/fs/cgroup', 'tsbuild-test');
	t.deepEqual(hierarchy, {kind: 'unavailable', reason: 'no cgroup file system is mounted'});
});

testWithMounts('read-only cgroups, as in a container, are unavailable and say why', t => {
	const readOnly = 'awk \'$5 ~ "^/sys/fs/cgroup" { print $5 }\' /proc/self/mountinfo | while read -r path; do mount -o remount,bind,ro "$path"; done';
	const hierarchy = prepareAfter(readOnly, `tsbuild-test-${randomUUID()}`);
	t.is(hierarchy.kind, 'unavailable');
	t.regex(hierarchy.kind === 'unavailable' ? hierarchy.reason : '', /EROFS/v);
});
