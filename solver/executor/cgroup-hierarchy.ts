import {
	accessSync,
	constants,
	mkdirSync,
	readFileSync,
	writeFileSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {errorCode, errorMessage} from '../../src/kernel/errors.ts';
import {readMountInformation, type MountInformation} from '../../src/linux/mount-information.ts';
import {inheritCpuset} from './cpuset.ts';

/** What tsbuild uses of cgroups. The CPU time of version 2 needs no controller, and it freezes and denies devices without one. */
export type Controller = 'memory' | 'cpu' | 'cpuacct' | 'cpuset' | 'pids' | 'devices' | 'freezer';

const controllersOfVersion1: readonly Controller[] = ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'devices', 'freezer'];
const controllersOfVersion2 = ['memory', 'cpu', 'cpuset', 'pids'] as const;

/**
Where the groups of containers are made: the group that is the parent of them all.
*/
export type CgroupHierarchy =
	/** One directory for each controller; controllers that are mounted together share theirs. */
	| {readonly kind: 'version1'; readonly directories: ReadonlyMap<Controller, string>}
	/** One directory, and the controllers that groups in it have. */
	| {readonly kind: 'version2'; readonly directory: string; readonly controllers: ReadonlySet<string>}
	/** No groups can be made here, and why. */
	| {readonly kind: 'unavailable'; readonly reason: string};

const ownGroup = 'tsbuild';

/**
Finds out where this machine has cgroups, and makes the parent group there: `/<parent>` from the root of each mount, as runc's cgroupfs driver does with an absolute path. Do it once in a process.

Version 1 is used when it has the memory or the devices controller (also beside an empty version 2 tree), else version 2. In version 2 the controllers are turned on for the groups in the parent. That fails where the root of the mount is no true root and has processes in it (the "no internal processes" rule, usual in a container): then the groups have no limits, but are still made.

An ordinary user has no right to the root of a mount. Where the user may write to the group of version 2 above that of this process, as systemd delegates it, the parent is made there.

Never fails: without such a group, on a read-only mount or without any mount the result is `unavailable`.

@param parent the path of the parent group, shared by all tsbuild processes; groups above it are made, too. Where nobody has chosen one, it is `tsbuild`
@see https://man7.org/linux/man-pages/man7/cgroups.7.html
@see https://systemd.io/CGROUP_DELEGATION/
*/
export async function prepareCgroups(parent?: string): Promise<CgroupHierarchy> {
	const mounts = await readMountInformation();
	const directories = mountsOfVersion1(mounts);
	try {
		if (directories.has('memory') || directories.has('devices')) {
			return prepareVersion1(directories, parent ?? ownGroup);
		}

		const unified = mounts.find(({type}) => type === 'cgroup2');
		return unified === undefined
			? {kind: 'unavailable', reason: 'no cgroup file system is mounted'}
			: prepareVersion2(unified.mountPoint, parent ?? defaultParent(unified.mountPoint));
	} catch (error) {
		return {kind: 'unavailable', reason: errorMessage(error)};
	}
}

function mountsOfVersion1(mounts: readonly MountInformation[]): Map<Controller, string> {
	const directories = new Map<Controller, string>();
	for (const {type, superOptions, mountPoint} of mounts) {
		if (type !== 'cgroup') {
			continue;
		}

		const controllers = controllersOfVersion1.filter(name => superOptions.includes(name));
		for (const controller of controllers) {
			directories.set(controller, mountPoint);
		}
	}

	return directories;
}

function prepareVersion1(mountPoints: ReadonlyMap<Controller, string>, parent: string): CgroupHierarchy {
	const directories = new Map<Controller, string>();
	for (const [controller, mountPoint] of mountPoints) {
		directories.set(controller, makeParents(mountPoint, parent, controller === 'cpuset' ? inheritCpuset : undefined).at(-1)!);
	}

	return {kind: 'version1', directories};
}

/** The path of the parent group where nobody has chosen one. */
function defaultParent(mountPoint: string): string {
	if (isWritable(mountPoint)) {
		return ownGroup;
	}

	// Not in the group of this process: only groups without processes pass controllers on.
	const {group = '/'} = /^0::(?<group>\/.*)$/mv.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.groups ?? {};
	return join(dirname(group), ownGroup).slice(1);
}

function isWritable(directory: string): boolean {
	try {
		accessSync(directory, constants.W_OK);
		return true;
	} catch {
		return false;
	}
}

function prepareVersion2(mountPoint: string, parent: string): CgroupHierarchy {
	enableControllers(mountPoint);
	const directories = makeParents(mountPoint, parent, enableControllers);
	const directory = directories.at(-1)!;
	const enabled = readFileSync(join(directory, 'cgroup.subtree_control'), 'utf8');
	return {kind: 'version2', directory, controllers: new Set(enabled.trim().split(' '))};
}

/** Makes the group `parent` and those above it; `prepare` is called with each as soon as it is there. */
function makeParents(mountPoint: string, parent: string, prepare: (directory: string) => void = () => undefined): readonly string[] {
	const names = parent.split('/');
	const directories = names.map((_, index) => join(mountPoint, ...names.slice(0, index + 1)));
	for (const directory of directories) {
		makeIfMissing(directory);
		prepare(directory);
	}

	// Who may not make groups in it finds out here, and not at the first step.
	accessSync(directories.at(-1)!, constants.W_OK);
	return directories;
}

function makeIfMissing(directory: string): void {
	try {
		mkdirSync(directory);
	} catch (error) {
		if (errorCode(error) !== 'EEXIST') {
			throw error;
		}
	}
}

/** Turns on each controller by itself, so that one which cannot be does not keep the others off. */
function enableControllers(directory: string): void {
	for (const controller of controllersOfVersion2) {
		try {
			writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`, {flag: 'r+'});
		} catch (error) {
			// EBUSY: there are processes in it. ENOENT: the group above does not have the controller. EACCES: it belongs to somebody else, who may have turned it on. Groups do without it.
			if (!['EBUSY', 'ENOENT', 'EACCES'].includes(errorCode(error) ?? '')) {
				throw error;
			}
		}
	}
}
