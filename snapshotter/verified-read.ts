import {Buffer} from 'node:buffer';
import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {open, type FileHandle} from 'node:fs/promises';
import {splitDigest, type Digest} from '../src/kernel/digest.ts';
import {errorCode, TsbuildError} from '../src/kernel/errors.ts';

const chunkSize = 1024 * 1024;

/** What a reader of a blob may say. */
export type ReadOptions = {
	/** Bytes that the blob's descriptor declares; without it the file's own size counts. */
	readonly size?: number | undefined;
	/** Whether a chunk is valid only until the next one is asked for: new memory for each would be up to 100 MB until somebody collects it. */
	readonly reusesMemory?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
The bytes of the file that a digest names, checked while they are read. The last chunk comes only when the digest of all has proved right, so whoever got everything got the truth. Never more bytes than the declared size come.

@yields chunks of at most 1 MiB
@throws {TsbuildError} `ERR_TSBUILD_CONTENT_NOT_FOUND` without the file; `ERR_TSBUILD_CONTENT` when its size or digest differs; the reason of `signal`
@see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#verification
*/
export async function * readVerified(file: string, digest: Digest, {size, reusesMemory = false, signal}: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
	await using handle = await openBlob(file, digest);
	const {size: actualSize} = await handle.stat();
	const expectedSize = size ?? actualSize;
	if (actualSize !== expectedSize) {
		throw contentError(digest, `it has ${actualSize} bytes instead of ${expectedSize}`);
	}

	const {algorithm, hex} = splitDigest(digest);
	const hash = createHash(algorithm);
	let received = 0;
	let held: Uint8Array | undefined;
	for await (const chunk of chunksOf(handle, {reusesMemory})) {
		signal?.throwIfAborted();
		received += chunk.length;
		if (received > expectedSize) {
			throw contentError(digest, `it is longer than ${expectedSize} bytes`);
		}

		hash.update(chunk);
		if (held !== undefined) {
			yield held;
		}

		held = chunk;
	}

	const actualHex = hash.digest('hex');
	if (received !== expectedSize || actualHex !== hex) {
		throw contentError(digest, `its bytes have the digest ${algorithm}:${actualHex}`);
	}

	if (held !== undefined) {
		yield held;
	}
}

/** The error for a blob that is not what its descriptor says. */
export function contentError(digest: Digest, reason: string, options: {readonly cause?: unknown} = {}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTENT', `failed to verify blob ${digest}: ${reason}`, {
		...options,
		hint: 'It is damaged. If it is one of the store, \'tsbuild store check --repair\' takes it out, and the next build makes or pulls it again.',
	});
}

async function openBlob(file: string, digest: Digest): Promise<FileHandle> {
	const handle = await openWithoutWaiting(file, digest);
	const status = await handle.stat();
	if (status.isFile()) {
		return handle;
	}

	await handle.close();
	throw contentError(digest, 'it is not a regular file');
}

async function openWithoutWaiting(file: string, digest: Digest): Promise<FileHandle> {
	try {
		// A layout from elsewhere may hold a fifo under the name of a blob: opening that would wait for ever.
		return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			throw new TsbuildError('ERR_TSBUILD_CONTENT_NOT_FOUND', `failed to find blob ${digest}`, {cause: error});
		}

		throw contentError(digest, (error as Error).message, {cause: error});
	}
}

async function * chunksOf(handle: FileHandle, {reusesMemory}: {readonly reusesMemory: boolean}): AsyncGenerator<Uint8Array, void, undefined> {
	// Two in turn: while the reader has one, the next one is checked already.
	const memory: Buffer[] = [];
	for (let count = 0; ; count++) {
		const reused = reusesMemory ? memory[count % 2] ??= Buffer.allocUnsafeSlow(chunkSize) : undefined;
		const {bytesRead, buffer} = await handle.read(reused ?? Buffer.allocUnsafeSlow(chunkSize), 0, chunkSize);
		if (bytesRead === 0) {
			return;
		}

		yield buffer.subarray(0, bytesRead);
	}
}
