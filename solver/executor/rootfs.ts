import {
	AT_FDCWD,
	MNT_DETACH,
	MOUNT_ATTR_NODEV,
	MOUNT_ATTR_NOEXEC,
	MOUNT_ATTR_NOSUID,
	MOUNT_ATTR_RDONLY,
	MS_NODEV,
	MS_NOEXEC,
	MS_NOSUID,
	MS_PRIVATE,
	MS_RDONLY,
	MS_REC,
	MS_STRICTATIME,
	O_CLOEXEC,
	O_RDONLY,
} from '../../src/linux/constants.ts';
import {cgroupViewEntries, type CgroupView} from './cgroup-view.ts';
import {deviceDirectoryEntries, type DeviceFile} from './device-directory.ts';
import {fileMountEntries, type FileMount} from './file-mounts.ts';
import type {HostMounts} from './host-mounts.ts';
import {
	attachEntry,
	mountAttributesEntry,
	mountEntry,
	type MountCall,
} from './mount-entries.ts';
import {protectedPathEntries} from './protected-paths.ts';
import {stepMountEntries, type StepMount} from './step-mounts.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** What the entry says that mounts /proc. */
export const mountProc = 'mount proc on /proc';

/** Everything that the root of a step is made of; numbers are descriptors of init. */
export type Rootfs = {
	/** The detached mount of the step's files. */
	readonly root: number;
	/** Directories at the top of it. */
	readonly proc: number;
	readonly sys: number;
	readonly dev: number;
	readonly stepMounts: readonly StepMount[];
	readonly fileMounts: readonly FileMount[];
	readonly cgroupView: CgroupView;
	/** Anything but `insecure` is the sandbox (GHSA-7236-3392-c5c6). */
	readonly security: 'sandbox' | 'insecure';
	/** Whether device files of the image work. Only safe when something else says which devices may be used. */
	readonly hasDevices: boolean;
	/** As in `DeviceDirectory`. */
	readonly moreDevices: readonly DeviceFile[];
	/** Bytes of /dev/shm. */
	readonly sharedMemory: number | undefined;
	/** What is taken from the host, in a user namespace. */
	readonly hostMounts: HostMounts | undefined;
	/** As in `DeviceDirectory`. */
	readonly hasTerminalGroup: boolean;
};

/**
The calls that make the root of a step and leave nothing else of the host to be seen. Init must be in its own mount namespace, with umask 0.

Until `pivot_root` no path is resolved in the image: what is mounted by then goes onto descriptors that the parent has opened. After it a path cannot lead out of the root any more. /proc and /sys come before, because a user namespace may mount them only while it sees others (https://man7.org/linux/man-pages/man7/mount_namespaces.7.html).

@param rootfs in the numbers of init
@param scratch the lowest descriptor number that is free in init
*/
export function rootfsEntries(rootfs: Rootfs, scratch: number): readonly SyscallEntry[] {
	const isSandbox = rootfs.security !== 'insecure';
	return [
		mountEntry({
			source: null, target: '/', type: null, flags: MS_REC | MS_PRIVATE, describe: 'make all mounts private',
		}),
		attachEntry(rootfs.root, '/', 'attach the root file system'),
		...(rootfs.hasDevices ? [] : [mountAttributesEntry(rootfs.root, MOUNT_ATTR_NODEV, 'take the devices from the root')]),
		...systemMountEntries(rootfs),
		...stepMountEntries(rootfs.stepMounts, {where: 'root', hasDevices: rootfs.hasDevices, scratch}),
		...pivotEntries(rootfs.root),
		...deviceDirectoryEntries({...rootfs, hostDevices: rootfs.hostMounts?.devices}),
		...standardInputEntries(scratch),
		...cgroupViewEntries(rootfs.cgroupView, {writable: !isSandbox, coversHost: rootfs.hostMounts !== undefined}),
		...(isSandbox ? protectedPathEntries() : []),
		// After all that uses /dev, since one of them may lie over /dev/null.
		...stepMountEntries(rootfs.stepMounts, {where: 'devices', hasDevices: rootfs.hasDevices, scratch}),
		...fileMountEntries(rootfs.fileMounts, scratch),
	];
}

// The working directory is the directory to mount on, so that "." is the target.
function systemMountEntries({proc, sys, dev, security, hostMounts}: Rootfs): readonly SyscallEntry[] {
	const safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	const isSandbox = security !== 'insecure';
	const newProc = {
		source: 'proc', type: 'proc', flags: safe, describe: mountProc,
	};
	const newSys = {
		source: 'sysfs', type: 'sysfs', flags: safe | (isSandbox ? MS_RDONLY : 0), describe: 'mount sysfs on /sys',
	};
	const newDev = {
		source: 'tmpfs', type: 'tmpfs', flags: MS_NOSUID | MS_STRICTATIME, data: 'mode=755,size=65536k', describe: 'mount tmpfs on /dev',
	};
	return [
		...(hostMounts?.proc === undefined ? mountOn(proc, newProc) : hostMountEntries(hostMounts.proc, {directory: proc, attributes: 0, describe: 'mount the outer /proc on /proc'})),
		// The step's own lies over that of the host where the step has a network namespace of its own, and nothing of /sys is hidden here.
		...(hostMounts === undefined ? [] : hostMountEntries(hostMounts.sys, {directory: sys, attributes: isSandbox ? MOUNT_ATTR_RDONLY : 0, describe: 'mount the host\'s /sys on /sys'})),
		...mountOn(sys, hostMounts === undefined ? newSys : {...newSys, mayFail: ['EPERM']}),
		...mountOn(dev, newDev),
	];
}

function mountOn(directory: number, mount: Omit<MountCall, 'target'>): readonly SyscallEntry[] {
	return [{call: 'fchdir', args: [directory], describe: mount.describe}, mountEntry({...mount, target: '.'})];
}

function hostMountEntries(mount: number, {directory, attributes, describe}: {readonly directory: number; readonly attributes: number; readonly describe: string}): readonly SyscallEntry[] {
	return [
		mountAttributesEntry(mount, attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, describe),
		attachEntry(mount, directory, describe),
	];
}

// The old root ends up on top of the new one, from where it is unmounted with all below it. https://man7.org/linux/man-pages/man2/pivot_root.2.html (NOTES)
function pivotEntries(root: number): readonly SyscallEntry[] {
	const describe = 'change the root';
	return [
		{call: 'fchdir', args: [root], describe},
		{call: 'pivot_root', args: ['.', '.'], describe},
		{call: 'umount2', args: ['.', MNT_DETACH], describe: 'unmount the file systems of the host'},
		{call: 'chdir', args: ['/'], describe},
	];
}

// The host's /dev/null has been standard input until here. The step could change its mode or owner through /proc/self/fd/0.
function standardInputEntries(scratch: number): readonly SyscallEntry[] {
	const describe = 'open standard input';
	return [
		{call: 'openat', args: [AT_FDCWD, '/dev/null', O_RDONLY | O_CLOEXEC], describe},
		{call: 'dup3', args: [scratch, 0, 0], describe},
		{call: 'close', args: [scratch], describe},
	];
}
