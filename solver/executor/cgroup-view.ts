import {
	AT_FDCWD,
	MS_NODEV,
	MS_NOEXEC,
	MS_NOSUID,
	MS_RDONLY,
	MS_REMOUNT,
} from '../../src/linux/constants.ts';
import type {MountInformation} from '../../src/linux/mount-information.ts';
import type {CgroupHierarchy} from './cgroup-hierarchy.ts';
import {mountEntry} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** What a step sees of cgroups at /sys/fs/cgroup: its own group as the root of all. */
export type CgroupView =
	/** The mount data of each hierarchy, for example `cpu,cpuacct` or `name=systemd`. */
	| {readonly version: 1; readonly hierarchies: readonly string[]}
	| {readonly version: 2}
	| {readonly version: 'none'};

const directory = '/sys/fs/cgroup';
const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/**
The view that fits the mounts of the host. Of version 1 it has the hierarchies in which steps get groups of their own: in others they would see those of the host. A step without limits of its CPUs has none in cpuset, which programs still look for.

@param mounts those of this process
@param groups where the groups of steps are made
*/
export function cgroupViewOf(mounts: readonly MountInformation[], groups: CgroupHierarchy): CgroupView {
	const hierarchies = mounts.filter(({type}) => type === 'cgroup').map(({superOptions}) => hierarchyOf(superOptions));
	if (hierarchies.length > 0) {
		return {version: 1, hierarchies: [...new Set(hierarchies)].filter(hierarchy => hasOwnGroup(hierarchy, groups))};
	}

	const hasUnified = mounts.some(({type}) => type === 'cgroup2');
	return {version: hasUnified ? 2 : 'none'};
}

/**
The calls that mount the view; init must be in its cgroup namespace and /sys must be mounted. It is read-only (CVE-2023-25809) unless `writable`. `coversHost` says that the /sys below may be the host's.

@see https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html
*/
export function cgroupViewEntries(view: CgroupView, {writable, coversHost}: {readonly writable: boolean; readonly coversHost: boolean}): readonly SyscallEntry[] {
	const access = writable ? 0 : MS_RDONLY;
	switch (view.version) {
		case 'none': {
			return [];
		}

		case 2: {
			return [
				// Linux mounts no file system on a mount of its own kind (EBUSY), which the host has there.
				...(coversHost
					? [mountEntry({
						source: 'tmpfs', target: directory, type: 'tmpfs', flags, describe: `cover the host's ${directory}`,
					})]
					: []),
				mountEntry({
					source: 'cgroup', target: directory, type: 'cgroup2', flags: flags | access, describe: `mount cgroup2 on ${directory}`,
				}),
			];
		}

		case 1: {
			const describe = `mount tmpfs on ${directory}`;
			return [
				mountEntry({
					source: 'tmpfs', target: directory, type: 'tmpfs', flags, data: 'mode=755', describe,
				}),
				...view.hierarchies.flatMap(hierarchy => hierarchyEntries(hierarchy, flags | access)),
				mountEntry({
					source: null, target: directory, type: null, flags: flags | access | MS_REMOUNT, data: 'mode=755', describe,
				}),
			];
		}
	}
}

function hierarchyEntries(hierarchy: string, mountFlags: number): readonly SyscallEntry[] {
	const name = hierarchy.replace(/^name=/v, '');
	const path = `${directory}/${name}`;
	const describe = `mount cgroup on ${path}`;
	const isNamed = name !== hierarchy;
	// "cpu,cpuacct" is also found by the name of each.
	const names = name.includes(',') ? name.split(',') : [];
	return [
		{call: 'mkdirat', args: [AT_FDCWD, path, 0o755], describe},
		mountEntry({
			source: 'cgroup', target: path, type: 'cgroup', flags: mountFlags, data: isNamed ? `none,${hierarchy}` : hierarchy, describe,
		}),
		...names.map((link): SyscallEntry => ({call: 'symlinkat', args: [name, AT_FDCWD, `${directory}/${link}`], describe})),
	];
}

function hasOwnGroup(hierarchy: string, groups: CgroupHierarchy): boolean {
	return groups.kind === 'version1' && groups.directories.keys().some(controller => hierarchy.split(',').includes(controller));
}

// The other super options of a version 1 mount are its access, its release agent and flags such as "clone_children" and "xattr".
function hierarchyOf(superOptions: readonly string[]): string {
	const isController = (option: string) => /^[_a-z]+$/v.test(option) && !['rw', 'ro', 'clone_children', 'cpuset_v2_mode', 'noprefix', 'xattr', 'seclabel'].includes(option);
	const name = superOptions.find(option => option.startsWith('name='));
	return name ?? superOptions.filter(option => isController(option)).join(',');
}
