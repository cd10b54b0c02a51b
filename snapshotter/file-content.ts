import {Buffer} from 'node:buffer';
import {
	closeSync,
	ftruncateSync,
	openSync,
	readSync,
	write as writeWithCallback,
	writeSync,
} from 'node:fs';
import {open} from 'node:fs/promises';
import {promisify} from 'node:util';
import {O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';

const write = promisify(writeWithCallback);

// Files up to this size are read and written at once: a turn of the event loop costs more than their bytes.
const smallFileSize = 0x1_00_00;
const readSize = 0x8_00_00;
const stretchUnit = 0x1_00_00;
// What a file system can leave out.
const holeSize = 4096;

/**
The content of a regular file of `size` bytes. A file that has grown gives more, one that was cut gives less. A symbolic link in the place of the file is an error.

A chunk of 512 KiB is valid until the next one is asked for: new memory for each would be 60 MB until somebody collects it.
*/
export function readContent(file: Buffer, size: number): Uint8Array | AsyncIterable<Uint8Array> {
	return size <= smallFileSize ? readSmallFile(file, size) : readLargeFile(file);
}

/**
Writes the content of a new file of `size` bytes. Stretches of zeros become holes, so a sparse file stays one.
*/
export async function writeContent(file: Descriptor, content: AsyncIterable<Uint8Array>, size: number): Promise<void> {
	let position = 0;
	let isEndWritten = true;
	for await (const chunk of content) {
		for (const {start, end, isHole} of cutStretches(chunk)) {
			isEndWritten = !isHole;
			if (!isHole) {
				await writeAll(file, chunk.subarray(start, end), {position: position + start, isSmall: size <= smallFileSize});
			}
		}

		position += chunk.length;
	}

	if (!isEndWritten) {
		ftruncateSync(file.number, position);
	}
}

/** Part of a chunk, zeros alone or anything else. */
type Stretch = {readonly start: number; readonly end: number; readonly isHole: boolean};

/** Cuts a chunk into few long stretches: each is a write, or none. */
function cutStretches(chunk: Uint8Array): readonly Stretch[] {
	const stretches: Stretch[] = [];
	for (let start = 0; start < chunk.length; start += stretchUnit) {
		const end = Math.min(chunk.length, start + stretchUnit);
		const isHole = end - start >= holeSize && isZeros(chunk.subarray(start, end));
		const before = stretches.at(-1)?.isHole === isHole ? stretches.pop() : undefined;
		stretches.push({start: before?.start ?? start, end, isHole});
	}

	return stretches;
}

// All bytes are as the first one.
function isZeros(bytes: Uint8Array): boolean {
	return bytes[0] === 0 && Buffer.compare(bytes.subarray(1), bytes.subarray(0, -1)) === 0;
}

async function writeAll(file: Descriptor, part: Uint8Array, {position, isSmall}: {readonly position: number; readonly isSmall: boolean}): Promise<void> {
	for (let written = 0; written < part.length;) {
		const rest = part.subarray(written);
		const offset = position + written;
		const {bytesWritten} = isSmall
			? {bytesWritten: writeSync(file.number, rest, 0, rest.length, offset)}
			: await write(file.number, rest, 0, rest.length, offset);
		written += bytesWritten;
	}
}

// One byte more than the size shows whether the file has grown.
function readSmallFile(file: Buffer, size: number): Uint8Array {
	const descriptor = openSync(file, O_RDONLY | O_NOFOLLOW);
	try {
		const content = Buffer.allocUnsafe(size + 1);
		let length = 0;
		for (let count = -1; count !== 0 && length < content.length; length += count) {
			count = readSync(descriptor, content, length, content.length - length, length);
		}

		return content.subarray(0, length);
	} finally {
		closeSync(descriptor);
	}
}

async function * readLargeFile(file: Buffer): AsyncGenerator<Uint8Array> {
	await using handle = await open(file, O_RDONLY | O_NOFOLLOW);
	let buffer = Buffer.allocUnsafeSlow(readSize);
	for (;;) {
		const {bytesRead} = await handle.read({buffer});
		if (bytesRead === 0) {
			return;
		}

		yield buffer.subarray(0, bytesRead);
		// Whoever joins small chunks still has it in hand.
		if (bytesRead < readSize) {
			buffer = Buffer.allocUnsafeSlow(readSize);
		}
	}
}
