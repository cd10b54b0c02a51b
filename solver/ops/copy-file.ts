import {fstatSync, ftruncateSync, type BigIntStats} from 'node:fs';
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
import type {Name} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {fileChanged, isSameState} from '../../snapshotter/hash-file.ts';
import type {CopySource} from './copy-attributes.ts';
import type {Place} from './destination.ts';

// The call blocks; this much takes a few milliseconds where the blocks cannot be shared.
const bytesAtOnce = 8 * 1024 * 1024;

// https://man7.org/linux/man-pages/man3/stat.3type.html (st_blocks)
const blockSize = 512n;

// A file that never keeps still is given up, so that a copy holds bytes that were there at one moment.
const maximumAttempts = 3;

/** A new file. */
export type CopiedFile = {
	/** Open for writing; the caller closes it. */
	readonly copy: Descriptor;
	/** The state of the source that it has the content of. */
	readonly status: BigIntStats;
};

/** Where a copy goes, and what its source is called in messages. */
export type CopyFileOptions = {
	readonly place: Place;
	readonly name: Name;
	readonly signal: AbortSignal;
};

/**
Makes a new file with the content of another, sharing its blocks where the file systems can, and with its holes. When the other is written to meanwhile, it begins again.

@throws {TsbuildError} `ERR_TSBUILD_FILE_CHANGED` when the source changes all the time
@throws {LinuxError} `EEXIST` when something has the name of the place; `ENOSPC`; a system error of Node; the reason of `signal`
*/
export async function copyFile({file, status, isReadable}: CopySource, {place, name, signal}: CopyFileOptions): Promise<CopiedFile> {
	using opened = new DisposableStack();
	using reopened = isReadable ? undefined : Descriptor.open(file.path, O_RDONLY | O_NONBLOCK);
	const source = reopened ?? file;
	const copy = opened.use(openFile(place.directory, place.name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600}));
	let before = status;
	for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
		await copyContent(source, copy, {status: before, signal});
		const after = fstatSync(source.number, {bigint: true});
		if (isSameState(before, after)) {
			opened.move();
			return {copy, status: after};
		}

		ftruncateSync(copy.number, 0);
		before = after;
	}

	throw fileChanged(name);
}

async function copyContent(source: Descriptor, copy: Descriptor, {status, signal}: {readonly status: BigIntStats; readonly signal: AbortSignal}): Promise<void> {
	const size = Number(status.size);
	if (status.blocks * blockSize >= status.size) {
		await copySegment(source, copy, {segment: {offset: 0, length: size}, signal});
		return;
	}

	for (const segment of readDataSegments(source)) {
		await copySegment(source, copy, {segment, signal});
	}

	ftruncateSync(copy.number, size);
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
