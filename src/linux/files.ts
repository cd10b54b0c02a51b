import {Buffer} from 'node:buffer';
import {chmodSync, fstatSync} from 'node:fs';
import {constants} from 'node:os';
import {
	AT_EMPTY_PATH,
	AT_REMOVEDIR,
	AT_SYMLINK_NOFOLLOW,
	O_NOFOLLOW,
	O_PATH,
	RENAME_EXCHANGE,
	RENAME_NOREPLACE,
	UTIME_OMIT,
} from './constants.ts';
import {descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith, LinuxError} from './linux-error.ts';
import {cString, type Name} from './name.ts';
import {openFile} from './open-file.ts';
import {baseNumber, type Base, type Place} from './place.ts';
import {structureOf} from './structure.ts';
import {unmappedIdError} from './unmapped-id.ts';

// What Node's `fs` lacks, or does with less than the kernel can: names of bytes, names relative to a descriptor, links themselves, nanoseconds.
//
// An empty name means the base itself, or whatever else its descriptor is open on. Only the last part of a name is safe from symbolic links: hostile names of more parts are for `openInRoot`.

/**
Kinds of files that are neither regular, directory nor symbolic link.
*/
export type DeviceKind = 'block' | 'character' | 'fifo' | 'socket';

const fileTypes: Readonly<Record<DeviceKind, number>> = {
	// https://man7.org/linux/man-pages/man7/inode.7.html
	block: 0o06_0000,
	character: 0o02_0000,
	fifo: 0o01_0000,
	socket: 0o14_0000,
};

// PATH_MAX. https://man7.org/linux/man-pages/man7/symlink.7.html
const maximumLinkLength = 4096;

const nanosecondsPerSecond = 1_000_000_000n;

/**
Sets the times of a file, to the nanosecond and also before 1970.

@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/utimensat.2.html
*/
export function setTimes(directory: Base, name: Name, {atimeNanoseconds, mtimeNanoseconds, followLink = false}: {
	/**
	Unchanged when left out.
	*/
	readonly atimeNanoseconds?: bigint;
	/**
	Unchanged when left out.
	*/
	readonly mtimeNanoseconds?: bigint;
	readonly followLink?: boolean;
}): void {
	const times = structureOf(...timespec(atimeNanoseconds), ...timespec(mtimeNanoseconds));
	const flags = AT_EMPTY_PATH | (followLink ? 0 : AT_SYMLINK_NOFOLLOW);
	check(libc().utimensat(baseNumber(directory), cString(name), times, flags), 'utimensat', {action: 'set times of', path: name});
}

/**
Makes a device file, a fifo, or a socket that nobody listens on. The umask of the process is taken off its permissions.

@throws {LinuxError} `EEXIST`; `EPERM` for a device without CAP_MKNOD
@see https://man7.org/linux/man-pages/man2/mknod.2.html
*/
export function makeDeviceFile(directory: Base, name: Name, {kind, mode, major = 0, minor = 0}: {
	readonly kind: DeviceKind;
	readonly mode: number;
	readonly major?: number;
	readonly minor?: number;
}): void {
	const result = libc().mknodat(baseNumber(directory), cString(name), fileTypes[kind] | mode, deviceNumber(major, minor));
	check(result, 'mknodat', {action: `make ${kind} file`, path: name});
}

/**
Sets the owner of a file; of a symbolic link itself, not of its target.

@throws {LinuxError} `EINVAL` for an id that has no mapping in the user namespace
@see https://man7.org/linux/man-pages/man2/chown.2.html
*/
export function changeOwner(directory: Base, name: Name, {uid, gid}: {readonly uid: number; readonly gid: number}): void {
	const result = libc().fchownat(baseNumber(directory), cString(name), uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
	const cause = hasFailedWith(result, 'EINVAL') ? unmappedIdError({uid, gid}) : undefined;
	check(result, 'fchownat', {
		...(name.length === 0 ? {action: 'change owner'} : {action: 'change owner of', path: name}), detail: cause?.message, cause,
	});
}

/**
Sets the permissions of a file, set-user-ID and the like included. Changing the owner clears those, so it comes first.

@throws {LinuxError} `EOPNOTSUPP` for a symbolic link, which has no permissions
*/
export function changeMode(directory: Base, name: Name, mode: number): void {
	// The system call that does not follow links (fchmodat2) needs Linux 6.6.
	using opened = name.length === 0 ? undefined : openFile(directory, name, {flags: O_PATH | O_NOFOLLOW});
	const number = opened?.number ?? baseNumber(directory);
	if (fstatSync(number).isSymbolicLink()) {
		throw new LinuxError('fchmodat', -constants.errno.EOPNOTSUPP, {action: 'change mode of', path: name});
	}

	chmodSync(`/proc/self/fd/${number}`, mode);
}

/**
Makes a symbolic link. Its target may be any bytes.

@throws {LinuxError} `EEXIST`
@see https://man7.org/linux/man-pages/man2/symlink.2.html
*/
export function makeSymbolicLink(directory: Base, name: Name, target: Name): void {
	check(libc().symlinkat(cString(target), baseNumber(directory), cString(name)), 'symlinkat', {action: 'make symbolic link', path: name});
}

/**
The target of a symbolic link. The name may be empty for a link that is opened itself (O_PATH and O_NOFOLLOW).

@throws {LinuxError} `EINVAL` when it is no symbolic link (`ENOENT` for an empty name)
@see https://man7.org/linux/man-pages/man2/readlink.2.html
*/
export function readSymbolicLink(directory: Base, name: Name): Buffer {
	const buffer = Buffer.alloc(maximumLinkLength);
	const size = check(libc().readlinkat(baseNumber(directory), cString(name), buffer, buffer.length), 'readlinkat', {action: 'read symbolic link', path: name});
	return buffer.subarray(0, size);
}

/**
Gives a file a second name. A symbolic link is linked itself, not its target.

@throws {LinuxError} `EEXIST`, `EXDEV`, `EMLINK`
@see https://man7.org/linux/man-pages/man2/link.2.html
*/
export function linkFile(existing: Place, created: Place): void {
	// The flag needs CAP_DAC_READ_SEARCH even for a name that is not empty.
	const flags = existing.name.length === 0 ? AT_EMPTY_PATH : 0;
	const result = libc().linkat(baseNumber(existing.directory), cString(existing.name), baseNumber(created.directory), cString(created.name), flags);
	check(result, 'linkat', {action: 'make hard link', path: created.name});
}

/**
Removes a name that is not a directory.

@throws {LinuxError} `ENOENT`, `EISDIR`
@see https://man7.org/linux/man-pages/man2/unlink.2.html
*/
export function removeFile(directory: Base, name: Name): void {
	check(libc().unlinkat(baseNumber(directory), cString(name), 0), 'unlinkat', {action: 'remove', path: name});
}

/**
Removes an empty directory.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ENOTEMPTY`
@see https://man7.org/linux/man-pages/man2/unlink.2.html
*/
export function removeDirectory(directory: Base, name: Name): void {
	check(libc().unlinkat(baseNumber(directory), cString(name), AT_REMOVEDIR), 'unlinkat', {action: 'remove directory', path: name});
}

/**
Makes a directory. The umask of the process is taken off its permissions.

@throws {LinuxError} `EEXIST`, also when the name is a symbolic link
@see https://man7.org/linux/man-pages/man2/mkdir.2.html
*/
export function makeDirectory(directory: Base, name: Name, mode: number): void {
	check(libc().mkdirat(baseNumber(directory), cString(name), mode), 'mkdirat', {action: 'make directory', path: name});
}

/**
Moves a name within its file system, at once for every observer. `existing` says what happens to a file that has the new name already.

@throws {LinuxError} `EXDEV`; `EEXIST` with `existing: 'keep'`
@see https://man7.org/linux/man-pages/man2/rename.2.html
*/
export function renameFile(from: Place, to: Place, existing: 'replace' | 'keep' | 'exchange' = 'replace'): void {
	const flags = {replace: 0, keep: RENAME_NOREPLACE, exchange: RENAME_EXCHANGE}[existing];
	const result = libc().renameat2(baseNumber(from.directory), cString(from.name), baseNumber(to.directory), cString(to.name), flags);
	check(result, 'renameat2', {action: 'rename', path: from.name});
}

/**
Writes everything of a file system to its disk, and waits for it.

@throws {LinuxError} `EIO` when something written earlier was lost
@see https://man7.org/linux/man-pages/man2/syncfs.2.html
*/
export function syncFileSystem(file: BorrowedDescriptor): void {
	check(libc().syncfs(descriptorNumber(file)), 'syncfs', {action: 'sync file system'});
}

// A timespec: seconds, and the nanoseconds after them, which are never negative.
function timespec(nanoseconds: bigint | undefined): readonly [bigint, bigint] {
	if (nanoseconds === undefined) {
		return [0n, BigInt(UTIME_OMIT)];
	}

	const fraction = ((nanoseconds % nanosecondsPerSecond) + nanosecondsPerSecond) % nanosecondsPerSecond;
	return [(nanoseconds - fraction) / nanosecondsPerSecond, fraction];
}

// https://github.com/torvalds/linux/blob/v6.12/include/linux/kdev_t.h (new_encode_dev)
function deviceNumber(major: number, minor: number): number {
	return ((minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)) >>> 0;
}
