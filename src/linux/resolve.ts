import {Buffer} from 'node:buffer';
import {
	fstatSync,
	readlinkSync,
	readSync,
	type BigIntStats,
} from 'node:fs';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {
	O_NOFOLLOW,
	O_PATH,
	O_RDONLY,
	RESOLVE_BENEATH,
	RESOLVE_IN_ROOT,
	RESOLVE_NO_MAGICLINKS,
} from './constants.ts';
import {Descriptor, descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {displayName, type Name} from './name.ts';
import {openFile} from './open-file.ts';

// Paths inside a root filesystem or a build context, which are hostile as a whole: the kernel itself resolves them, at once, with no moment in which a link can be put in place.

/**
How to open a path inside a root.
*/
export type OpenInRootOptions = {
	/**
	`O_...` constants; O_CLOEXEC is always added.
	*/
	readonly flags: number;
	/**
	Permissions of a file that O_CREAT makes; the umask of the process is taken off.
	*/
	readonly mode?: number;
	/**
	Whether a symbolic link in the last place is followed (the default).
	*/
	readonly followLast?: boolean;
};

/**
Opens a path as a process would whose root directory is `root` (chroot): `/` and `..` at the top lead to the root, symbolic links are followed within it, and the links of procfs to files outside are refused. To read content, take `openRegularFileInRoot`: opening a fifo waits for its writer.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ELOOP` (also for a link of procfs)
@see https://man7.org/linux/man-pages/man2/openat2.2.html (RESOLVE_IN_ROOT)
*/
export function openInRoot(root: BorrowedDescriptor, path: Name, options: OpenInRootOptions): Descriptor {
	return open(root, path, {...options, resolve: RESOLVE_IN_ROOT});
}

/**
Opens a path below a directory, and refuses a path or symbolic link that leads out of it, be it in the end or on its way.

@throws {LinuxError} `EXDEV` for what leads out; `ENOENT`, `ENOTDIR`, `ELOOP`
@see https://man7.org/linux/man-pages/man2/openat2.2.html (RESOLVE_BENEATH)
*/
export function openBeneath(directory: BorrowedDescriptor, path: Name, options: OpenInRootOptions): Descriptor {
	return open(directory, path, {...options, resolve: RESOLVE_BENEATH});
}

/**
The status of a path inside a root; `undefined` when there is nothing.

@throws {LinuxError} `ELOOP`
*/
export function statInRoot(root: BorrowedDescriptor, path: Name, {followLast = true}: {readonly followLast?: boolean} = {}): BigIntStats | undefined {
	try {
		using file = openInRoot(root, path, {flags: O_PATH, followLast});
		return fstatSync(file.number, {bigint: true});
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return undefined;
		}

		throw error;
	}
}

/**
Opens a regular file inside a root for reading. Nothing else is opened, be it a fifo that would wait for a writer or a device that would do something.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ELOOP`
@throws {TsbuildError} `ERR_TSBUILD_NOT_A_FILE`
*/
export function openRegularFileInRoot(root: BorrowedDescriptor, path: Name): Descriptor {
	using found = openInRoot(root, path, {flags: O_PATH});
	if (!fstatSync(found.number).isFile()) {
		throw new TsbuildError('ERR_TSBUILD_NOT_A_FILE', `failed to read ${displayName(path)}: not a regular file`);
	}

	return Descriptor.open(found.path, O_RDONLY);
}

/**
The bytes of a regular file inside a root, at most `maximumSize`.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ELOOP`
@throws {TsbuildError} `ERR_TSBUILD_NOT_A_FILE`, `ERR_TSBUILD_FILE_TOO_LARGE`
*/
export function readFileInRoot(root: BorrowedDescriptor, path: Name, {maximumSize}: {readonly maximumSize: number}): Buffer {
	using file = openRegularFileInRoot(root, path);
	const bytes = readAtMost(file, maximumSize + 1);
	if (bytes.length > maximumSize) {
		throw new TsbuildError('ERR_TSBUILD_FILE_TOO_LARGE', `failed to read ${displayName(path)}: larger than ${maximumSize} bytes`);
	}

	return bytes;
}

/**
The path of what a path leads to, absolute inside the root and without symbolic links, `.` and `..`. It is for telling and comparing; by the time it is used it may lead elsewhere, so it is resolved again then.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ELOOP`
*/
export function realPathInRoot(root: BorrowedDescriptor, path: Name): Buffer {
	using file = openInRoot(root, path, {flags: O_PATH});
	const rootPath = readDescriptorLink(descriptorNumber(root));
	const filePath = readDescriptorLink(file.number);
	const prefixLength = rootPath.equals(Buffer.from('/')) ? 0 : rootPath.length;
	const inside = filePath.subarray(prefixLength);
	return inside.length === 0 ? Buffer.from('/') : inside;
}

function open(directory: BorrowedDescriptor, path: Name, {flags, mode = 0, followLast = true, resolve}: OpenInRootOptions & {readonly resolve: number}): Descriptor {
	return openFile(directory, path, {
		flags: followLast ? flags : flags | O_NOFOLLOW,
		mode,
		resolve: resolve | RESOLVE_NO_MAGICLINKS,
	});
}

function readAtMost(file: Descriptor, limit: number): Buffer {
	const chunks = [];
	for (let remaining = limit; remaining > 0;) {
		const chunk = Buffer.allocUnsafe(Math.min(remaining, 64 * 1024));
		const size = readSync(file.number, chunk);
		if (size === 0) {
			break;
		}

		chunks.push(chunk.subarray(0, size));
		remaining -= size;
	}

	return Buffer.concat(chunks);
}

function readDescriptorLink(number: number): Buffer {
	return readlinkSync(`/proc/self/fd/${number}`, 'buffer');
}
