import {ftruncateSync} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {
	O_CREAT,
	O_EXCL,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_RDONLY,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {copyRange, readDataSegments, type DataSegment} from '../../src/linux/file-data.ts';
import {openFile} from '../../src/linux/open-file.ts';
import type {CopySource} from './copy-attributes.ts';
import type {Place} from './destination.ts';

// The call blocks; this much takes a few milliseconds where the blocks cannot be shared.
const bytesAtOnce = 8 * 1024 * 1024;

// https://man7.org/linux/man-pages/man3/stat.3type.html (st_blocks)
const blockSize = 512n;

/**
Makes a new file with the content of another, sharing its blocks where the file systems can, and with its holes. It is open for writing; the caller closes it.

@throws {LinuxError} `EEXIST` when something has the name; `ENOSPC`; a system error of Node; the reason of `signal`
*/
export async function copyFile({file, status, isReadable}: CopySource, {directory, name}: Place, signal: AbortSignal): Promise<Descriptor> {
	using opened = new DisposableStack();
	using reopened = isReadable ? undefined : Descriptor.open(file.path, O_RDONLY | O_NONBLOCK);
	const source = reopened ?? file;
	const copy = opened.use(openFile(directory, name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600}));
	const size = Number(status.size);
	if (status.blocks * blockSize >= status.size) {
		await copySegment(source, copy, {segment: {offset: 0, length: size}, signal});
	} else {
		for (const segment of readDataSegments(source)) {
			await copySegment(source, copy, {segment, signal});
		}

		ftruncateSync(copy.number, size);
	}

	opened.move();
	return copy;
}

async function copySegment(source: Descriptor, copy: Descriptor, {segment, signal}: {readonly segment: DataSegment; readonly signal: AbortSignal}): Promise<void> {
	const end = segment.offset + segment.length;
	for (let {offset} = segment; offset < end;) {
		const copied = copyRange(source, copy, {offset, length: Math.min(bytesAtOnce, end - offset)});
		if (copied === 0) {
			return;
		}

		offset += copied;
		if (!(offset < end)) {
			continue;
		}

		await setImmediate();
		signal.throwIfAborted();
	}
}
