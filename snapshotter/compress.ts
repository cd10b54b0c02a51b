import {Buffer} from 'node:buffer';
import {promisify} from 'node:util';
import {constants, gzip as gzipWithCallback, zstdCompress as zstdCompressWithCallback} from 'node:zlib';
import {ByteReader} from './byte-reader.ts';
import {isIncompressible} from './incompressible.ts';

const gzip = promisify(gzipWithCallback);
const zstdCompress = promisify(zstdCompressWithCallback);

// Each block becomes a gzip member or zstd frame of its own, so that blocks are compressed at the same time, and the bytes are the same however many that are.
const blockSize = 0x40_00_00;
// Has room for a block that cannot be compressed: several chunks would be copied into one.
const chunkSize = blockSize + 0x1_00_00;
// As many as Node has threads for it.
const blocksAtOnce = 4;

/** How a stream is compressed. */
export type CompressOptions = {
	readonly compression: 'gzip' | 'zstd';
	/** 0 to 9 for gzip, 1 to 22 for zstd; the format's own default without it. */
	readonly level?: number | undefined;
};

/**
Compresses a stream. The same bytes and options give the same result, as long as the compression library is the same.

@yields chunks
*/
export async function * compressed(source: AsyncIterable<Uint8Array>, options: CompressOptions): AsyncGenerator<Uint8Array> {
	const bytes = new ByteReader(source);
	const running: Array<Promise<Buffer>> = [];
	// Used in turn: new memory for each block would be many of them until somebody collects it.
	const memory: Buffer[] = [];
	try {
		for (let count = 0; ; count++) {
			const place = count % blocksAtOnce;
			memory[place] ??= Buffer.allocUnsafeSlow(blockSize);
			const block = memory[place].subarray(0, await bytes.readInto(memory[place]));
			if (count > 0 && block.length === 0) {
				break;
			}

			running.push(startCompressing(block, options));
			if (running.length === blocksAtOnce) {
				yield await running.shift()!;
			}
		}

		yield * running;
	} finally {
		await bytes.close();
	}
}

async function startCompressing(block: Buffer, {compression, level}: CompressOptions): Promise<Buffer> {
	const compressing = compression === 'gzip'
		? gzip(block, {chunkSize, level: level ?? gzipLevelOf(block)})
		: zstdCompress(block, {chunkSize, ...(level !== undefined && {params: {[constants.ZSTD_c_compressionLevel]: level}})});
	// It is waited for later; a failure until then is no unhandled one.
	compressing.catch(() => undefined);
	return compressing;
}

/** Gzip takes as long for what does not become smaller as for the rest; zstd sees by itself that it is of no use. */
function gzipLevelOf(block: Buffer): number {
	return isIncompressible(block) ? constants.Z_NO_COMPRESSION : constants.Z_DEFAULT_COMPRESSION;
}
