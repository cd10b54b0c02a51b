import {MS_BIND, MS_RDONLY, MS_REC} from '../../src/linux/constants.ts';
import {mountEntry, readOnlyEntry} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

// What tells about the host or acts on it. Source: `DefaultSpec` of containerd (pkg/oci/spec.go), which BuildKit takes, and Docker's default (daemon/pkg/oci/defaults.go).
const maskedPaths = [
	'/proc/acpi',
	'/proc/asound',
	'/proc/kcore',
	'/proc/keys',
	'/proc/latency_stats',
	'/proc/timer_list',
	'/proc/timer_stats',
	'/proc/sched_debug',
	'/proc/scsi',
	'/sys/firmware',
	'/sys/devices/virtual/powercap',
];

const readOnlyPaths = [
	'/proc/bus',
	'/proc/fs',
	'/proc/irq',
	'/proc/sys',
	'/proc/sysrq-trigger',
];

/**
The calls that hide and protect parts of /proc and /sys. They come after `pivot_root`: /proc, /sys and /dev are file systems of init by then, and each path is resolved in them alone (CVE-2025-31133). What this kernel does not have is passed over.
*/
export function protectedPathEntries(): readonly SyscallEntry[] {
	return [...maskedPaths.flatMap(path => mask(path)), ...readOnlyPaths.flatMap(path => protect(path))];
}

// A file is covered by /dev/null. A directory is refused there (ENOTDIR) and covered by an empty file system, which a file refuses in turn.
function mask(path: string): readonly SyscallEntry[] {
	const mayFail = ['ENOENT', 'ENOTDIR'] as const;
	const describe = `mask ${path}`;
	return [
		mountEntry({
			source: '/dev/null', target: path, type: null, flags: MS_BIND, mayFail, describe,
		}),
		mountEntry({
			source: 'tmpfs', target: path, type: 'tmpfs', flags: MS_RDONLY, mayFail, describe,
		}),
	];
}

function protect(path: string): readonly SyscallEntry[] {
	const mayFail = ['ENOENT'] as const;
	const describe = `make ${path} read-only`;
	return [
		mountEntry({
			// With what is mounted below, which a user namespace may not leave out.
			source: path, target: path, type: null, flags: MS_BIND | MS_REC, mayFail, describe,
		}),
		{...readOnlyEntry(path, describe), mayFail},
	];
}
