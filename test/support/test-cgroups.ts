import {spawnSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {mkdirSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import {prepareCgroups, type CgroupHierarchy} from '../../solver/executor/cgroup-hierarchy.ts';
import type {Cgroup} from '../../solver/executor/cgroup.ts';
import {readMountInformation} from '../../src/linux/mount-information.ts';

/** A parent group of a test's own, which is gone after it: `await using cgroups = await makeTestCgroups()`. */
export type TestCgroups = AsyncDisposable & {
	readonly hierarchy: CgroupHierarchy;
	/** The directories of the parent group: one for each controller in version 1. */
	readonly directories: readonly string[];
};

/** Makes a parent group where this machine has cgroups. */
export async function makeTestCgroups(): Promise<TestCgroups> {
	return dispose(await prepareCgroups(`tsbuild-test-${randomUUID()}`));
}

/** Makes a parent group in the tree of version 2, whose groups have no controllers: also where these are in use by version 1. */
export async function makeTestCgroupsOfVersion2(): Promise<TestCgroups> {
	const mounts = await readMountInformation();
	const root = mounts.find(({type}) => type === 'cgroup2');
	if (root === undefined) {
		return dispose({kind: 'unavailable', reason: 'cgroup2 is not mounted'});
	}

	const directory = path.join(root.mountPoint, `tsbuild-test-${randomUUID()}`);
	mkdirSync(directory);
	return dispose({kind: 'version2', directory, controllers: new Set()});
}

/** Runs a shell script whose shell is in the group. */
export function runInside(cgroup: Cgroup, script: string): {readonly status: number | null; readonly signal: string | null; readonly stderr: string; readonly stdout: string} {
	const join = cgroup.processDescriptors.map((_, index) => `echo 0 >&${index + 3}`);
	const {status, signal, stderr, stdout} = spawnSync('sh', ['-c', [...join, script].join('\n')], {
		encoding: 'utf8',
		stdio: ['ignore', 'pipe', 'pipe', ...cgroup.processDescriptors.map(({number}) => number)],
	});
	return {
		status, signal, stderr, stdout,
	};
}

function dispose(hierarchy: CgroupHierarchy): TestCgroups {
	const directories = directoriesOf(hierarchy);
	return {
		hierarchy,
		directories,
		async [Symbol.asyncDispose]() {
			for (const directory of directories) {
				rmdirSync(directory);
			}
		},
	};
}

function directoriesOf(hierarchy: CgroupHierarchy): readonly string[] {
	switch (hierarchy.kind) {
		case 'version1': {
			return [...new Set(hierarchy.directories.values())];
		}

		case 'version2': {
			return [hierarchy.directory];
		}

		case 'unavailable': {
			return [];
		}
	}
}
