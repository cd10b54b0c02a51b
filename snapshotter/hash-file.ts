import {Buffer} from 'node:buffer';
import {createHash, hash} from 'node:crypto';
import {
	fstatSync,
	read,
	readSync,
	type BigIntStats,
} from 'node:fs';
import {promisify} from 'node:util';
import {TsbuildError} from '../src/kernel/errors.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {displayName, type Name} from '../src/linux/name.ts';

/** The bytes of a regular file, and the state of the file in which it had them. */
export type HashedFile = {
	/** Hexadecimal. */
	readonly sha256: string;
	readonly status: BigIntStats;
	/** When the reading began, in milliseconds since the epoch. */
	readonly readAt: number;
};

/** Up to this size, reading at once is quicker than any way that lets other work in between. In bytes. */
export const smallFileSize = 256 * 1024;

const chunkSize = 1024 * 1024;

// A file that never keeps still is given up, so that its key stands for bytes that were there at one moment.
const maximumAttempts = 3;

/**
Hashes a small regular file, and blocks meanwhile.

`before` is the file's status when its name was looked up, and `buffer` is for more than `smallFileSize` bytes.

@returns nothing when the file has changed since, or changed while it was read
*/
export function hashSmallFile(file: Descriptor, {before, buffer}: {readonly before: BigIntStats; readonly buffer: Uint8Array}): HashedFile | undefined {
	const readAt = Date.now();
	const size = readAll(file, buffer);
	return isUnchanged(file, before) ? {sha256: hash('sha256', buffer.subarray(0, size)), status: before, readAt} : undefined;
}

/**
Hashes a regular file of any size. `name` is for messages.

@throws {TsbuildError} `ERR_TSBUILD_FILE_CHANGED` when it changes all the time; the reason of `signal`
*/
export async function hashLargeFile(file: Descriptor, {name, signal}: {readonly name: string; readonly signal: AbortSignal}): Promise<HashedFile> {
	for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
		const readAt = Date.now();
		const status = fstatSync(file.number, {bigint: true});
		if (!status.isFile()) {
			break;
		}

		const sha256 = await hashToEnd(file, signal);
		if (isUnchanged(file, status)) {
			return {sha256, status, readAt};
		}
	}

	throw fileChanged(name);
}

function readAll(file: Descriptor, buffer: Uint8Array): number {
	let size = 0;
	for (let count = -1; count !== 0 && size < buffer.length; size += count) {
		count = readSync(file.number, buffer, size, buffer.length - size, size);
	}

	return size;
}

// Two buffers: one is filled while the other is hashed.
async function hashToEnd(file: Descriptor, signal: AbortSignal): Promise<string> {
	const sha256 = createHash('sha256');
	const readChunk = async (buffer: Uint8Array, position: number) => promisify(read)(file.number, buffer, 0, chunkSize, position);
	let [current, other] = [Buffer.allocUnsafeSlow(chunkSize), Buffer.allocUnsafeSlow(chunkSize)] as const;
	let position = 0;
	for (let reading = readChunk(current, position); ;) {
		const {bytesRead} = await reading;
		signal.throwIfAborted();
		if (bytesRead === 0) {
			return sha256.digest('hex');
		}

		position += bytesRead;
		reading = readChunk(other, position);
		sha256.update(current.subarray(0, bytesRead));
		[current, other] = [other, current];
	}
}

function isUnchanged(file: Descriptor, before: BigIntStats): boolean {
	return isSameState(fstatSync(file.number, {bigint: true}), before);
}

/** Whether a file has one state at two times: nothing was written to it in between. */
export function isSameState(first: BigIntStats, second: BigIntStats): boolean {
	return (['dev', 'ino', 'mode', 'size', 'mtimeNs', 'ctimeNs'] as const).every(field => first[field] === second[field]);
}

/** The error for a file or directory that does not keep still. Code `ERR_TSBUILD_FILE_CHANGED`. */
export function fileChanged(name: Name, options: {readonly cause?: unknown} = {}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_FILE_CHANGED', `failed to read ${displayName(name)}: it changed each time while it was read`, {
		...options,
		hint: 'Exclude what is being written during the build by .dockerignore.',
	});
}
