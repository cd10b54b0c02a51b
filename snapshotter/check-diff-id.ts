import {once} from 'node:events';
import {PassThrough} from 'node:stream';
import {diffIdFrom, type DiffId} from '../src/kernel/digest.ts';
import {TsbuildError} from '../src/kernel/errors.ts';
import {decompressed} from './decompress.ts';
import {maximumUnpackedSize} from './decompression-limit.ts';
import {HashedStream} from './hashed-stream.ts';

/** What a layer claims to be. */
export type LayerClaim = {
	readonly diffId: DiffId;
	/** Bytes of the blob. */
	readonly size: number;
};

/**
Passes the blob of a layer on, and decompresses it on the way, to see whether it has the content that somebody says it has. The end of the stream comes only when that is so.

@yields the chunks of `blob`
@throws {TsbuildError} `ERR_TSBUILD_LAYER` when the diff ID is another; `ERR_TSBUILD_DECOMPRESS`, `ERR_TSBUILD_UNPACKED_SIZE`; what `blob` throws
*/
export async function * checkingDiffId(blob: AsyncIterable<Uint8Array>, {diffId, size}: LayerClaim): AsyncGenerator<Uint8Array, void, undefined> {
	const copy = new PassThrough();
	const hashing = hashTar(copy, size);
	// Whoever stops reading leaves a part that cannot be decompressed; nobody asks for its hash.
	const settled = Promise.allSettled([hashing]);
	// The hash fails too, and says why.
	copy.on('error', () => undefined);
	try {
		for await (const chunk of blob) {
			// What cannot be decompressed is read to its end: that the blob is not what it should be says more.
			if (copy.writable && !copy.write(chunk)) {
				await Promise.race([once(copy, 'drain'), settled]);
			}

			yield chunk;
		}
	} finally {
		copy.end();
	}

	const actual = await hashing;
	if (actual !== diffId) {
		throw new TsbuildError('ERR_TSBUILD_LAYER', `failed to verify layer: its content has the diff ID ${actual} instead of ${diffId}`);
	}
}

async function hashTar(blob: AsyncIterable<Uint8Array>, size: number): Promise<DiffId> {
	const {digest} = await new HashedStream(decompressed(blob, {maximumSize: maximumUnpackedSize(size)})).finish();
	return diffIdFrom(digest);
}
