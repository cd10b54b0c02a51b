import {join} from 'node:path';
import {listGroups, removeGroups} from './cgroup-directory.ts';
import type {CgroupHierarchy} from './cgroup-hierarchy.ts';
import {refuseLimits} from './cgroup-limits.ts';
import {directoriesOf, killVersion1, openVersion1} from './cgroup-version-1.ts';
import {killVersion2, openVersion2} from './cgroup-version-2.ts';
import type {Cgroup, CgroupOptions} from './cgroup.ts';

/**
Makes the group of a container, with its limits.

Docker's rules hold: CPU time is a quota in periods of 100 ms; with a memory limit and no other word, there may be as much swap in use again.

Where cgroups are not available the result has no descriptors, no usage, and says why.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when a limit was asked for that cannot be set
*/
export async function openCgroups(options: CgroupOptions): Promise<Cgroup> {
	const {name, hierarchy} = options;
	if (!/^[\da-z][\d\-a-z]*$/iv.test(name)) {
		throw new TypeError(`${JSON.stringify(name)} is no name for a cgroup`);
	}

	switch (hierarchy.kind) {
		case 'version1': {
			return openVersion1(hierarchy.directories, options);
		}

		case 'version2': {
			return openVersion2(hierarchy, options);
		}

		case 'unavailable': {
			return withoutCgroup(hierarchy.reason, options);
		}
	}
}

/**
Ends what runs in groups that dead sessions have left behind, and removes these.

@param hierarchy with the parent of the groups
@param isDead whether the session that a group's name starts with is dead; called once for each group
@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when one cannot be removed within 5 s
*/
export async function sweepCgroups(hierarchy: CgroupHierarchy, isDead: (name: string) => boolean): Promise<void> {
	const names = namesOfGroups(hierarchy).filter(name => isDead(name));
	for (const name of names) {
		await removeLeftover(hierarchy, name);
	}
}

function namesOfGroups(hierarchy: CgroupHierarchy): string[] {
	switch (hierarchy.kind) {
		case 'version1': {
			return [...new Set(hierarchy.directories.values().flatMap(parent => listGroups(parent)))];
		}

		case 'version2': {
			return listGroups(hierarchy.directory);
		}

		case 'unavailable': {
			return [];
		}
	}
}

async function removeLeftover(hierarchy: CgroupHierarchy, name: string): Promise<void> {
	switch (hierarchy.kind) {
		case 'version1': {
			const directories = directoriesOf(hierarchy.directories, name);
			return removeGroups([...new Set(directories.values())], async () => killVersion1(directories));
		}

		case 'version2': {
			const directory = join(hierarchy.directory, name);
			return removeGroups([directory], async () => killVersion2(directory));
		}

		case 'unavailable': {
			return undefined;
		}
	}
}

function withoutCgroup(reason: string, {limits}: CgroupOptions): Cgroup {
	refuseLimits(limits, reason);
	return {
		processDescriptors: [],
		restrictsDevices: false,
		unavailable: reason,
		async usage() {
			return {};
		},
		async outOfMemory() {
			return false;
		},
		async outOfProcesses() {
			return false;
		},
		async kill() {
			// Without a group the container's PID namespace is what ends its processes.
		},
		async [Symbol.asyncDispose]() {
			// Nothing was made.
		},
	};
}
