import {Buffer} from 'node:buffer';
import {open} from 'node:fs/promises';
import {errorCode} from '../../src/kernel/errors.ts';
import {O_NONBLOCK, O_RDONLY} from '../../src/linux/constants.ts';
import {decompressedArchive} from '../../snapshotter/decompress-archive.ts';
import {maximumUnpackedSize} from '../../snapshotter/decompression-limit.ts';
import {readTar, type TarMemberRead} from '../../snapshotter/tar-reader.ts';
import type {CopySource} from './copy-attributes.ts';

/** How to read an archive. */
export type ReadArchiveOptions = {
	/** Bytes that may come out of it; by default in proportion to its size. */
	readonly maximumSize?: number | undefined;
	readonly signal: AbortSignal;
};

const readSize = 0x4_00_00;

// A file of which the first entry cannot be read is none of ours.
const formatFailures: ReadonlySet<string> = new Set(['ERR_TSBUILD_TAR', 'ERR_TSBUILD_DECOMPRESS']);

/**
Opens a tar archive, compressed or not. As with BuildKit its content says whether it is one: the first entry can be read. An archive without entries is none.

The caller reads it to its end, or calls `return`.

@returns the entries, each with its content; `undefined` when the file is no archive
@throws {TsbuildError} `ERR_TSBUILD_DECOMPRESSOR`; what Node throws when the file cannot be read; the reason of `signal`. Reading on throws `ERR_TSBUILD_TAR` and `ERR_TSBUILD_DECOMPRESS` for an archive that is damaged, and `ERR_TSBUILD_UNPACKED_SIZE`.
@see https://github.com/moby/buildkit/blob/v0.32.2/solver/llbsolver/file/unpack.go
*/
export async function openArchive(source: CopySource, {maximumSize = maximumUnpackedSize(Number(source.status.size)), signal}: ReadArchiveOptions): Promise<AsyncGenerator<TarMemberRead> | undefined> {
	const members = readTar(decompressedArchive(readFile(source), {maximumSize, signal}), {maximumSize});
	try {
		const first = await members.next();
		return first.done === true ? undefined : await startingWith(first.value, members);
	} catch (error) {
		if (formatFailures.has(errorCode(error) ?? '')) {
			return undefined;
		}

		throw error;
	}
}

/** A generator that has begun already: one that has not would leave the file open when the caller has nothing of it. */
async function startingWith(first: TarMemberRead, rest: AsyncGenerator<TarMemberRead>): Promise<AsyncGenerator<TarMemberRead>> {
	const members = repeatFirst(first, rest);
	await members.next();
	return members;
}

async function * repeatFirst(first: TarMemberRead, rest: AsyncGenerator<TarMemberRead>): AsyncGenerator<TarMemberRead> {
	try {
		yield first;
		yield first;
		yield * rest;
	} finally {
		await rest.return(undefined);
	}
}

async function * readFile({file}: CopySource): AsyncGenerator<Uint8Array> {
	await using handle = await open(file.path, O_RDONLY | O_NONBLOCK);
	for (;;) {
		const {buffer, bytesRead} = await handle.read({buffer: Buffer.allocUnsafeSlow(readSize)});
		if (bytesRead === 0) {
			return;
		}

		yield buffer.subarray(0, bytesRead);
	}
}
