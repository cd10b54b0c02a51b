import {
	AT_EMPTY_PATH,
	AT_FDCWD,
	AT_RECURSIVE,
	MOUNT_ATTR_RDONLY,
	MOVE_MOUNT_F_EMPTY_PATH,
	MOVE_MOUNT_T_EMPTY_PATH,
} from '../../src/linux/constants.ts';
import type {SyscallArgument, SyscallEntry, ToleratedError} from './syscall-table.ts';

/**
A call of mount(2).

@see https://man7.org/linux/man-pages/man2/mount.2.html
*/
export type MountCall = {
	readonly source: string | null;
	readonly target: string;
	readonly type: string | null;
	/** `MS_...` constants. */
	readonly flags: number;
	readonly data?: string;
	readonly mayFail?: readonly ToleratedError[];
	readonly describe: string;
};

/** The entry of a call of mount(2). */
export function mountEntry({source, target, type, flags, data, mayFail, describe}: MountCall): SyscallEntry {
	return {
		call: 'mount', args: [source, target, type, flags, data ?? null], describe, ...(mayFail !== undefined && {mayFail}),
	};
}

/** Where a detached mount is attached: at what a descriptor of init is open on, or at a path. */
export type AttachmentPoint = number | string;

/**
Attaches a detached mount, which is a descriptor of init.

@see https://man7.org/linux/man-pages/man2/move_mount.2.html
*/
export function attachEntry(mount: number, point: AttachmentPoint, describe: string): SyscallEntry {
	const args: readonly SyscallArgument[] = typeof point === 'number'
		? [mount, '', point, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH]
		: [mount, '', AT_FDCWD, point, MOVE_MOUNT_F_EMPTY_PATH];
	return {call: 'move_mount', args, describe};
}

/**
Sets attributes of a mount and of what is mounted in it, and leaves its other attributes as they are.

@param point a descriptor of init or an absolute path
@param attributes `MOUNT_ATTR_...` constants
@param describe as in `SyscallEntry`
@see https://man7.org/linux/man-pages/man2/mount_setattr.2.html
*/
export function mountAttributesEntry(point: AttachmentPoint, attributes: number, describe: string): SyscallEntry {
	// `struct mount_attr`: set, clear, propagation, user namespace.
	const structure = [attributes, 0, 0, 0];
	const [directory, path] = typeof point === 'number' ? [point, ''] : [AT_FDCWD, point];
	return {call: 'mount_setattr', args: [directory, path, AT_RECURSIVE | (typeof point === 'number' ? AT_EMPTY_PATH : 0), structure, structure.length * 8], describe};
}

/** Makes a mount read-only, with what is mounted in it. */
export function readOnlyEntry(point: AttachmentPoint, describe: string): SyscallEntry {
	return mountAttributesEntry(point, MOUNT_ATTR_RDONLY, describe);
}
