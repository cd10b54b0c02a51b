import {Buffer} from 'node:buffer';
import {ByteReader} from './byte-reader.ts';

/*
How a Zstandard stream is put together, as far as finding the ends of its frames needs it.
https://datatracker.ietf.org/doc/html/rfc8878#section-3
*/

const skippableMagic = 0x18_4D_2A_50;
const dictionaryIdLengths = [0, 1, 2, 4] as const;
const contentSizeLengths = [0, 2, 4, 8] as const;
const runLengthBlock = 1;

/**
Cuts a Zstandard stream so that no chunk reaches from one frame into the next, and leaves out the frames that hold no data. The decoder of Node stops where a frame ends within a chunk, without a word about the rest; images whose layers are made of many frames exist (zstd:chunked, pzstd).

What is malformed is passed on: the decoder finds it.

@yields headers and blocks
*/
export async function * cutZstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	const bytes = new ByteReader(source);
	try {
		for (let magic = await bytes.read(4); magic.length > 0; magic = await bytes.read(4)) {
			const isSkippable = magic.length === 4 && ((magic.readUInt32LE() ^ skippableMagic) >>> 4) === 0;
			if (isSkippable) {
				await skipFrame(bytes);
			} else {
				yield * readFrame(bytes, magic);
			}
		}
	} finally {
		await bytes.close();
	}
}

async function skipFrame(bytes: ByteReader): Promise<void> {
	const length = await bytes.read(4);
	await bytes.skip(length.length === 4 ? length.readUInt32LE() : 0);
}

async function * readFrame(bytes: ByteReader, magic: Buffer): AsyncGenerator<Uint8Array> {
	const descriptor = await bytes.read(1);
	const flags = descriptor[0] ?? 0;
	const header = await bytes.read(headerLength(flags));
	yield Buffer.concat([magic, descriptor, header]);
	const checksumLength = (flags & 0b100) === 0 ? 0 : 4;
	for (let isLast = false; !isLast;) {
		const blockHeader = await bytes.read(3);
		if (blockHeader.length < 3) {
			yield blockHeader;
			return;
		}

		const value = blockHeader.readUIntLE(0, 3);
		const length = ((value >>> 1) & 0b11) === runLengthBlock ? 1 : value >>> 3;
		isLast = (value & 1) === 1;
		yield Buffer.concat([blockHeader, await bytes.read(length + (isLast ? checksumLength : 0))]);
	}
}

// What follows the descriptor byte: window, dictionary id, content size.
function headerLength(flags: number): number {
	const isSingleSegment = (flags & 0b10_0000) !== 0;
	const contentSizeLength = contentSizeLengths[flags >>> 6]!;
	return (isSingleSegment ? 0 : 1) + dictionaryIdLengths[flags & 0b11]! + (isSingleSegment && contentSizeLength === 0 ? 1 : contentSizeLength);
}
