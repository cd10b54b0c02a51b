import {posix} from 'node:path';
import {AT_FDCWD} from '../../src/linux/constants.ts';
import type {AttachmentPoint} from './mount-entries.ts';
import type {SyscallEntry} from './syscall-table.ts';

/**
The calls that make a place to mount on in /dev, which only init sees, and in which nothing is anybody else's. A place that the parent has opened needs none.
*/
export function devicePlaceEntries(path: AttachmentPoint, isDirectory: boolean): readonly SyscallEntry[] {
	if (typeof path === 'number') {
		return [];
	}

	const parents = parentsBelow(path, '/dev').map(directory => directoryEntry(directory));
	return [...parents, isDirectory ? directoryEntry(path) : fileEntry(path)];
}

function parentsBelow(path: string, top: string): readonly string[] {
	const parent = posix.dirname(path);
	return parent === top ? [] : [...parentsBelow(parent, top), parent];
}

function directoryEntry(path: string): SyscallEntry {
	return {
		call: 'mkdirat', args: [AT_FDCWD, path, 0o755], mayFail: ['EEXIST'], describe: `make ${path}`,
	};
}

// https://man7.org/linux/man-pages/man2/mknod.2.html (S_IFREG)
function fileEntry(path: string): SyscallEntry {
	return {
		call: 'mknodat', args: [AT_FDCWD, path, 0o10_0644, 0], mayFail: ['EEXIST'], describe: `make ${path}`,
	};
}
