import {posix} from 'node:path';
import {
	AT_FDCWD,
	MS_NODEV,
	MS_NOEXEC,
	MS_NOSUID,
} from '../../src/linux/constants.ts';
import {attachEntry, mountEntry} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** A device file below /dev. */
export type DeviceFile = {
	/** For example `null` or `net/tun`. */
	readonly name: string;
	/** A character or a block device. */
	readonly type: 'c' | 'b';
	readonly major: number;
	/** 0 to 255. */
	readonly minor: number;
};

/** The devices of every container. https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#default-devices */
export const containerDevices: readonly DeviceFile[] = [
	characterDevice('null', 1, 3),
	characterDevice('zero', 1, 5),
	characterDevice('full', 1, 7),
	characterDevice('random', 1, 8),
	characterDevice('urandom', 1, 9),
	characterDevice('tty', 5, 0),
];

// https://github.com/opencontainers/runtime-spec/blob/main/runtime-linux.md#dev-symbolic-links
const links = [
	['fd', '/proc/self/fd'],
	['stdin', '/proc/self/fd/0'],
	['stdout', '/proc/self/fd/1'],
	['stderr', '/proc/self/fd/2'],
	['core', '/proc/kcore'],
	['ptmx', 'pts/ptmx'],
] as const;

// https://man7.org/linux/man-pages/man7/inode.7.html (S_IFMT)
const deviceTypes = {c: 0o02_0000, b: 0o06_0000};
const regularFile = 0o10_0000;

/** The group `tty`, to which terminals belong in every container. https://github.com/opencontainers/runc/blob/v1.3.0/libcontainer/specconv/example.go */
export const terminalGroup = 5;

const defaultSharedMemory = 64 * 1024 * 1024;

/** A character device of a name and its two numbers. */
export function characterDevice(name: string, major: number, minor: number): DeviceFile {
	return {
		name, type: 'c', major, minor,
	};
}

/** The number of a device as `stat` tells it. https://man7.org/linux/man-pages/man3/makedev.3.html */
export function deviceNumber({major, minor}: Pick<DeviceFile, 'major' | 'minor'>): number {
	return (major << 8) | minor;
}

/** What /dev is made of. */
export type DeviceDirectory = {
	/** Init's descriptors of detached mounts of the host's devices, in the order of `containerDevices`; `undefined` where init makes device files of its own. */
	readonly hostDevices: readonly number[] | undefined;
	/** Devices besides those of every container. */
	readonly moreDevices: readonly DeviceFile[];
	/** Whether the user namespace has the group that terminals belong to. */
	readonly hasTerminalGroup: boolean;
	/** Bytes of /dev/shm; 64 MiB when not given. */
	readonly sharedMemory: number | undefined;
};

/**
The calls that fill /dev, an empty tmpfs: devices, links, terminals, shared memory and message queues. The umask must be 0.
*/
export function deviceDirectoryEntries({hostDevices, moreDevices, hasTerminalGroup, sharedMemory = defaultSharedMemory}: DeviceDirectory): readonly SyscallEntry[] {
	const terminalOptions = 'newinstance,ptmxmode=0666,mode=0620';
	return [
		...(hostDevices === undefined ? newDeviceEntries(containerDevices) : hostDeviceEntries(hostDevices)),
		...newDeviceEntries(moreDevices),
		...links.map(([name, target]): SyscallEntry => ({call: 'symlinkat', args: [target, AT_FDCWD, `/dev/${name}`], describe: `make /dev/${name}`})),
		...directoryWith({
			source: 'devpts', target: '/dev/pts', type: 'devpts', flags: MS_NOSUID | MS_NOEXEC, data: hasTerminalGroup ? `${terminalOptions},gid=${terminalGroup}` : terminalOptions,
		}),
		...directoryWith({
			source: 'shm', target: '/dev/shm', type: 'tmpfs', flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, data: `mode=1777,size=${sharedMemory}`,
		}),
		...directoryWith({
			source: 'mqueue', target: '/dev/mqueue', type: 'mqueue', flags: MS_NOSUID | MS_NODEV | MS_NOEXEC,
		}),
	];
}

function newDeviceEntries(files: readonly DeviceFile[]): readonly SyscallEntry[] {
	const directories = new Set(files.map(({name}) => posix.dirname(name)).filter(directory => directory !== '.'));
	return [
		...directories.values().map((directory): SyscallEntry => ({call: 'mkdirat', args: [AT_FDCWD, `/dev/${directory}`, 0o755], describe: `make /dev/${directory}`})),
		...files.map(({name, type, major, minor}): SyscallEntry => ({
			call: 'mknodat', args: [AT_FDCWD, `/dev/${name}`, deviceTypes[type] | 0o666, deviceNumber({major, minor})], describe: `make /dev/${name}`,
		})),
	];
}

function hostDeviceEntries(mounts: readonly number[]): readonly SyscallEntry[] {
	return mounts.flatMap((mount, index) => {
		const path = `/dev/${containerDevices[index]!.name}`;
		const describe = `mount ${path} of the host`;
		return [{call: 'mknodat', args: [AT_FDCWD, path, regularFile | 0o666, 0], describe}, attachEntry(mount, path, describe)];
	});
}

type DirectoryMount = {readonly source: string; readonly target: string; readonly type: string; readonly flags: number; readonly data?: string};

function directoryWith(mount: DirectoryMount): readonly SyscallEntry[] {
	const describe = `mount ${mount.type} on ${mount.target}`;
	return [{call: 'mkdirat', args: [AT_FDCWD, mount.target, 0o755], describe}, mountEntry({...mount, describe})];
}
