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
const zerosSize = 0x1_00_00;
// What a file system can leave out.
const holeSize = 4096;

/**
The content of a regular file of `size` bytes. A file that has grown gives more, one that was cut gives less. A symbolic link in the place of the file is an error.
*/
export function readContent(file: Buffer, size: number): Uint8Array | AsyncIterable<Uint8Array> {
	return size <= smallFileSize ? readSmallFile(file, size) : readLargeFile(file);
}

/**
Writes the content of a new file of `size` bytes. Stretches of zeros become holes, so a sparse file stays one.
*/
export async function writeContent(file: Descriptor, content: AsyncIterable<Uint8Array>, size: number): Promise<void> {
	const zeros = Buffer.alloc(Math.min(size, zerosSize));
	let position = 0;
	let isEndWritten = true;
	for await (const chunk of content) {
		for (let start = 0; start < chunk.length; start += zerosSize) {
			const part = chunk.subarray(start, start + zerosSize);
			isEndWritten = part.length < holeSize || Buffer.compare(part, zeros.subarray(0, part.length)) !== 0;
			if (isEndWritten) {
				await writeAll(file, part, {position, isSmall: size <= smallFileSize});
			}

			position += part.length;
		}
	}

	if (!isEndWritten) {
		ftruncateSync(file.number, position);
	}
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
	for (;;) {
		// Not reused: whoever writes the chunk may still have it in hand.
		const {buffer, bytesRead} = await handle.read({buffer: Buffer.allocUnsafeSlow(readSize)});
		if (bytesRead === 0) {
			return;
		}

		yield buffer.subarray(0, bytesRead);
	}
}
