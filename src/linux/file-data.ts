import {Buffer} from 'node:buffer';
import {fstatSync, readSync, writeSync} from 'node:fs';
import {FICLONE, SEEK_DATA, SEEK_HOLE} from './constants.ts';
import {descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {check, hasFailedWith} from './linux-error.ts';
import {structureOf} from './structure.ts';

/**
A part of a file that may hold other bytes than zeros. In bytes.
*/
export type DataSegment = {
	readonly offset: number;
	readonly length: number;
};

const bufferSize = 1024 * 1024;

/**
The parts of a sparse file that are no holes, in order; the whole file where its file system does not know holes. Moves the file's offset.

@yields segments that do not touch
@throws {LinuxError}
@see https://man7.org/linux/man-pages/man2/lseek.2.html
*/
export function * readDataSegments(file: BorrowedDescriptor): Generator<DataSegment> {
	const number = descriptorNumber(file);
	const {size} = fstatSync(number);
	for (let end = 0; end < size;) {
		const offset = libc().lseek(number, end, SEEK_DATA);
		if (hasFailedWith(offset, 'ENXIO')) {
			return;
		}

		if (hasFailedWith(offset, 'EINVAL')) {
			yield {offset: end, length: size - end};
			return;
		}

		check(offset, 'lseek', {action: 'find data of file'});
		// The file may have grown.
		end = Math.min(size, check(libc().lseek(number, offset, SEEK_HOLE), 'lseek', {action: 'find hole of file'}));
		if (end > offset) {
			yield {offset, length: end - offset};
		}
	}
}

/**
Gives a new file the content of another without copying it: both share their blocks until one is written to (reflink).

@returns whether it was done; `false` where the file systems cannot
@throws {LinuxError} `ENOSPC`, `EIO`
@see https://man7.org/linux/man-pages/man2/ioctl_ficlone.2.html
*/
export function cloneFile(source: BorrowedDescriptor, destination: BorrowedDescriptor): boolean {
	const result = libc().ioctl(descriptorNumber(destination), FICLONE, descriptorNumber(source));
	if (hasFailedWith(result, 'EOPNOTSUPP', 'ENOTTY', 'EXDEV', 'EINVAL', 'EPERM')) {
		return false;
	}

	check(result, 'ioctl', {action: 'clone file'});
	return true;
}

/**
Gives a file all blocks for its first `size` bytes, and at least that size. What is in it stays; what was not, reads as zeros.

@returns whether it was done; `false` where the file system cannot
@throws {LinuxError} `ENOSPC`, `EDQUOT`, `EIO`
@see https://man7.org/linux/man-pages/man2/fallocate.2.html
*/
export function allocate(file: BorrowedDescriptor, size: number): boolean {
	const result = libc().fallocate(descriptorNumber(file), 0, 0, size);
	if (hasFailedWith(result, 'EOPNOTSUPP', 'ENOSYS')) {
		return false;
	}

	check(result, 'fallocate', {action: 'allocate blocks of file'});
	return true;
}

/**
Copies bytes from one file to another at the same offset, inside the kernel and sharing the blocks (reflink) where the file systems can. It blocks: give it a few megabytes at a time.

@returns how many bytes were copied; fewer than `length` only at the end of the source
@throws {LinuxError} `ENOSPC`, `EIO`; a system error of Node
@see https://man7.org/linux/man-pages/man2/copy_file_range.2.html
*/
export function copyRange(source: BorrowedDescriptor, destination: BorrowedDescriptor, {offset, length}: DataSegment): number {
	let copied = 0;
	while (copied < length) {
		const part = {offset: offset + copied, length: length - copied};
		const result = copyInKernel(source, destination, part) ?? copyByBuffer(source, destination, part);
		if (result === 0) {
			break;
		}

		copied += result;
	}

	return copied;
}

// Returns nothing where it cannot be done.
function copyInKernel(source: BorrowedDescriptor, destination: BorrowedDescriptor, {offset, length}: DataSegment): number | undefined {
	const fromOffset = structureOf(BigInt(offset));
	const toOffset = structureOf(BigInt(offset));
	const result = libc().copy_file_range(descriptorNumber(source), fromOffset, descriptorNumber(destination), toOffset, length, 0);
	// Zero may also mean a file that does not tell its size, as those of procfs.
	const isRefused = result === 0 || hasFailedWith(result, 'EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS', 'EPERM');
	return isRefused ? undefined : check(result, 'copy_file_range', {action: 'copy file'});
}

function copyByBuffer(source: BorrowedDescriptor, destination: BorrowedDescriptor, {offset, length}: DataSegment): number {
	const buffer = Buffer.allocUnsafe(Math.min(length, bufferSize));
	const size = readSync(descriptorNumber(source), buffer, 0, buffer.length, offset);
	for (let written = 0; written < size;) {
		written += writeSync(descriptorNumber(destination), buffer, written, size - written, offset + written);
	}

	return size;
}
