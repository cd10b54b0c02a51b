import {posix} from 'node:path';
import {
	AT_FDCWD,
	O_CLOEXEC,
	O_PATH,
	RESOLVE_NO_SYMLINKS,
} from '../../src/linux/constants.ts';
import {attachEntry, type AttachmentPoint} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** What is attached somewhere, and where. */
export type Attachment = {
	/** Init's descriptor of a detached mount. */
	readonly mount: number;
	/** A place that the parent has opened, or a path in /dev, which only init sees. */
	readonly point: AttachmentPoint;
	readonly isDirectory: boolean;
	/** The lowest descriptor number that is free in init. */
	readonly scratch: number;
	/** As in `SyscallEntry`. */
	readonly describe: string;
};

/**
The calls that attach a detached mount. In /dev the place is made first, if it is missing.

Symbolic links are not followed in /dev: `/dev/fd` leads to the descriptors of init, and an earlier mount there may hold links of a stranger.
*/
export function attachmentEntries({mount, point, isDirectory, scratch, describe}: Attachment): readonly SyscallEntry[] {
	if (typeof point === 'number') {
		return [attachEntry(mount, point, describe)];
	}

	return [
		...parentsBelow(point, '/dev').flatMap(directory => makeEntries(directory, {isDirectory: true, scratch})),
		...makeEntries(point, {isDirectory, scratch}),
		openEntry(point, describe),
		attachEntry(mount, scratch, describe),
		{call: 'close', args: [scratch], describe},
	];
}

function parentsBelow(path: string, top: string): readonly string[] {
	const parent = posix.dirname(path);
	return parent === top ? [] : [...parentsBelow(parent, top), parent];
}

function makeEntries(path: string, {isDirectory, scratch}: {readonly isDirectory: boolean; readonly scratch: number}): readonly SyscallEntry[] {
	const describe = `make ${path}`;
	const name = posix.basename(path);
	const mayFail = ['EEXIST'] as const;
	return [
		openEntry(posix.dirname(path), describe),
		isDirectory
			? {
				call: 'mkdirat', args: [scratch, name, 0o755], mayFail, describe,
			}
			// https://man7.org/linux/man-pages/man2/mknod.2.html (S_IFREG)
			: {
				call: 'mknodat', args: [scratch, name, 0o10_0644, 0], mayFail, describe,
			},
		{call: 'close', args: [scratch], describe},
	];
}

function openEntry(path: string, describe: string): SyscallEntry {
	// `struct open_how`: flags, mode, resolve. https://man7.org/linux/man-pages/man2/openat2.2.html
	const how = [O_PATH | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS];
	return {call: 'openat2', args: [AT_FDCWD, path, how, how.length * 8], describe};
}
