import {
	AT_FDCWD,
	AT_REMOVEDIR,
	MNT_DETACH,
	MOUNT_ATTR_NODEV,
	MOUNT_ATTR_NOEXEC,
	MOUNT_ATTR_NOSUID,
	MOUNT_ATTR_RDONLY,
	MS_NODEV,
	MS_NOEXEC,
	MS_NOSUID,
	OPEN_TREE_CLOEXEC,
	OPEN_TREE_CLONE,
	O_CLOEXEC,
	O_CREAT,
	O_EXCL,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import {nameBytes} from '../../src/linux/name.ts';
import {attachmentEntries} from './device-place.ts';
import {
	mountAttributesEntry,
	mountEntry,
	type AttachmentPoint,
} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** A file in memory that lies over one of the image. */
export type FileMount = {
	/** For example `/etc/hosts`. */
	readonly path: string;
	readonly content: string | Uint8Array;
	/** Permission bits; 0644 when not given. */
	readonly mode?: number;
	/** Root when not given. */
	readonly owner?: {readonly uid: number; readonly gid: number};
	/** Init's descriptor of the file that it lies over, wherever the image's links have led, or a path in /dev, which only init sees. */
	readonly target: AttachmentPoint;
};

// Only while the files are made: the tmpfs lives on through the mounts of its files.
const directory = '/dev/.files';

const defaultMode = 0o644;

const attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/**
The calls that write files and mount each read-only over its target. They come after `pivot_root`, when /dev is mounted.

@param files at least one
@param scratch the lowest descriptor number that is free in init: that is what the next one opened gets
*/
export function fileMountEntries(files: readonly FileMount[], scratch: number): readonly SyscallEntry[] {
	const describe = 'prepare files to mount';
	return [
		{call: 'mkdirat', args: [AT_FDCWD, directory, 0o700], describe},
		mountEntry({
			source: 'tmpfs', target: directory, type: 'tmpfs', flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, data: 'mode=755', describe,
		}),
		...files.flatMap((file, index) => fileEntries(file, {source: `${directory}/${index}`, scratch})),
		{call: 'umount2', args: [directory, MNT_DETACH], describe},
		{call: 'unlinkat', args: [AT_FDCWD, directory, AT_REMOVEDIR], describe},
	];
}

function fileEntries({path, content, mode = defaultMode, owner, target}: FileMount, {source, scratch}: {readonly source: string; readonly scratch: number}): readonly SyscallEntry[] {
	const describe = `mount on ${path}`;
	const bytes = nameBytes(content);
	return [
		{call: 'openat', args: [AT_FDCWD, source, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode], describe},
		{call: 'write', args: [scratch, bytes, bytes.length], describe},
		...(owner === undefined ? [] : [{call: 'fchown', args: [scratch, owner.uid, owner.gid], describe} as const]),
		{call: 'close', args: [scratch], describe},
		{call: 'open_tree', args: [AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC], describe},
		mountAttributesEntry(scratch, attributes, describe),
		...attachmentEntries({
			mount: scratch, point: target, isDirectory: false, scratch: scratch + 1, describe,
		}),
		{call: 'close', args: [scratch], describe},
	];
}
