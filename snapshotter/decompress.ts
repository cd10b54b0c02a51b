import {Buffer} from 'node:buffer';
import type {Transform} from 'node:stream';
import {createGunzip, createZstdDecompress} from 'node:zlib';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {unpackedSizeError} from './decompression-limit.ts';
import {peekStream} from './peek-stream.ts';
import {cutZstdFrames} from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

const magicNumbers: ReadonlyArray<{readonly compression: Compression; readonly magic: Buffer}> = [
	// https://datatracker.ietf.org/doc/html/rfc1952#page-5
	{compression: 'gzip', magic: Buffer.from([0x1F, 0x8B, 0x08])},
	// https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1
	{compression: 'zstd', magic: Buffer.from([0x28, 0xB5, 0x2F, 0xFD])},
	// A frame without data, with which zstd:chunked layers may begin.
	...Array.from({length: 16}, (_, index) => ({compression: 'zstd' as const, magic: Buffer.from([0x50 + index, 0x2A, 0x4D, 0x18])})),
];
const longestMagic = 4;
// Larger ones are not faster, and pile up more memory until somebody collects it.
const chunkSize = 0x1_00_00;

export type DecompressOptions = {
	/** Bytes of output at most; without it the disk is the limit. */
	readonly maximumSize?: number | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
The bytes of a stream without its compression, which is known by its first bytes, as containerd does it: media types lie. Gzip may have several members, zstd several frames.

The source is always read to its end, also when the compressed data ends before: whoever checks it there has checked all.

@yields chunks
@throws {TsbuildError} `ERR_TSBUILD_DECOMPRESS` for damaged data; `ERR_TSBUILD_UNPACKED_SIZE` for more than `maximumSize`; what `source` throws; the reason of `signal`
*/
export async function * decompressed(source: AsyncIterable<Uint8Array>, options: DecompressOptions = {}): AsyncGenerator<Uint8Array> {
	const {compression, stream} = await detectCompression(source);
	yield * limited(decode(stream, compression), options);
}

/** Tells how a stream is compressed, by its first bytes, and gives it back whole. */
export async function detectCompression(source: AsyncIterable<Uint8Array>): Promise<{readonly compression: Compression; readonly stream: AsyncIterable<Uint8Array>}> {
	const {start, stream} = await peekStream(source, longestMagic);
	const found = magicNumbers.find(({magic}) => start.subarray(0, magic.length).equals(magic));
	return {compression: found?.compression ?? 'none', stream};
}

/**
Passes a stream on, up to a limit.

@yields the chunks of `source`
@throws {TsbuildError} `ERR_TSBUILD_UNPACKED_SIZE` when there are more bytes than `maximumSize`; the reason of `signal`
*/
export async function * limited(source: AsyncIterable<Uint8Array>, {maximumSize = Infinity, signal}: DecompressOptions): AsyncGenerator<Uint8Array> {
	let size = 0;
	for await (const chunk of source) {
		signal?.throwIfAborted();
		size += chunk.length;
		if (size > maximumSize) {
			throw unpackedSizeError(maximumSize);
		}

		yield chunk;
	}
}

function decode(stream: AsyncIterable<Uint8Array>, compression: Compression): AsyncIterable<Uint8Array> {
	switch (compression) {
		case 'none': {
			return stream;
		}

		case 'gzip': {
			return passThrough(stream, createGunzip({chunkSize}));
		}

		case 'zstd': {
			return passThrough(cutZstdFrames(stream), createZstdDecompress({chunkSize}));
		}
	}
}

async function * passThrough(stream: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array> {
	const feeding = feed(stream, decoder);
	// What goes wrong there also ends the reading below.
	feeding.catch(() => undefined);
	try {
		yield * decoder as AsyncIterable<Uint8Array>;
		await feeding;
	} catch (error) {
		throw isDecoderError(error) ? new TsbuildError('ERR_TSBUILD_DECOMPRESS', `failed to decompress: ${errorMessage(error)}`, {cause: error}) : error;
	} finally {
		decoder.destroy();
		await Promise.allSettled([feeding]);
	}
}

// Not `pipeline`: it takes a decoder that ends before its input for a failure, and stops to read.
async function feed(stream: AsyncIterable<Uint8Array>, decoder: Transform): Promise<void> {
	const closed = new Promise<void>(resolve => {
		decoder.once('close', resolve);
	});
	try {
		for await (const chunk of stream) {
			if (decoder.destroyed && !decoder.readableEnded) {
				return;
			}

			// A decoder that has ended within a chunk never says that it has taken it.
			await Promise.race([write(decoder, chunk), closed]);
		}

		decoder.end();
	} catch (error) {
		decoder.destroy(error as Error);
		throw error;
	}
}

async function write(decoder: Transform, chunk: Uint8Array): Promise<void> {
	if (decoder.writable) {
		await new Promise<void>(resolve => {
			decoder.write(chunk, () => {
				resolve();
			});
		});
	}
}

function isDecoderError(error: unknown): boolean {
	return /^(?:Z|ZSTD)_/v.test(errorCode(error) ?? '');
}
