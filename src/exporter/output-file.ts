import fs from 'node:fs';
import {
	mkdir,
	realpath,
	rename,
	rm,
	stat,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {Socket} from 'node:net';
import {pipeline} from 'node:stream/promises';
import {setTimeout} from 'node:timers/promises';
import {randomUUID} from 'node:crypto';
import {abortable} from '../kernel/abortable.ts';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';

// Milliseconds between looks whether somebody has opened a fifo to read it.
const readerInterval = 20;

/**
Writes a stream to a file, or to standard output for `-`. The file appears whole or not at all: it is written beside its place and renamed at the end. Its directory is made when missing, as buildx does. A link is followed; what is no regular file (`/dev/stdout`, a fifo) is written to as it is.

@throws {TsbuildError} `ERR_TSBUILD_EXPORT` when it cannot be written
*/
export async function writeOutputFile(destination: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	if (destination === '-') {
		await writeStandardOutput(chunks, signal);
		return;
	}

	try {
		const {file, kind} = await findPlace(destination);
		await writers[kind](file, chunks, signal);
	} catch (error) {
		throw signal.aborted || error instanceof TsbuildError ? error : exportError(destination, error);
	}
}

const writers = {file: replaceFile, fifo: writeFifo, other: writeInPlace} as const;

async function findPlace(destination: string): Promise<{readonly file: string; readonly kind: keyof typeof writers}> {
	const stats = await stat(destination, {throwIfNoEntry: false});
	if (stats === undefined) {
		await mkdir(path.dirname(destination), {recursive: true});
		return {file: destination, kind: 'file'};
	}

	return stats.isFile() ? {file: await realpath(destination), kind: 'file'} : {file: destination, kind: stats.isFIFO() ? 'fifo' : 'other'};
}

async function writeInPlace(file: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	await pipeline(chunks, fs.createWriteStream(file), {signal});
}

/** A file stream would wait for the reader in a thread, which even the end of the process waits for. */
async function writeFifo(file: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	const fd = await openFifo(file, signal);
	await pipeline(chunks, new Socket({fd, readable: false, writable: true}), {signal});
}

/** Opens it when there is a reader. */
async function openFifo(file: string, signal: AbortSignal): Promise<number> {
	for (;;) {
		try {
			return fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
		} catch (error) {
			// https://man7.org/linux/man-pages/man7/fifo.7.html
			if (errorCode(error) !== 'ENXIO') {
				throw error;
			}
		}

		await setTimeout(readerInterval, undefined, {signal});
	}
}

async function replaceFile(file: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}`);
	try {
		await pipeline(chunks, fs.createWriteStream(temporary), {signal});
		await rename(temporary, file);
	} catch (error) {
		await rm(temporary, {force: true});
		throw error;
	}
}

/** The error of an output that cannot be written: `ERR_TSBUILD_EXPORT`. */
export function exportError(destination: string, cause: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_EXPORT', `failed to write output ${destination}: ${reasonOf(cause)}`, {cause});
}

/** Why it failed, without the call and the path that Node adds (`EACCES: permission denied, open '...'`): the path is that of a temporary file. */
function reasonOf(cause: unknown): string {
	return errorMessage(cause).replace(/, \w+ '.*$/sv, '');
}

async function writeStandardOutput(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	try {
		for await (const chunk of chunks) {
			signal.throwIfAborted();
			await writeToStandardOutput(chunk, signal);
		}
	} catch (error) {
		throw signal.aborted || error instanceof TsbuildError ? error : exportError('-', error);
	}
}

/** Waits until the chunk is taken, so that a slow reader slows the export down; one that reads nothing at all does not keep it from being aborted. */
async function writeToStandardOutput(chunk: Uint8Array, signal: AbortSignal): Promise<void> {
	const {promise, resolve, reject} = Promise.withResolvers<void>();
	process.stdout.write(chunk, error => {
		if (error) {
			reject(error);
		} else {
			resolve();
		}
	});
	await abortable(promise, signal);
}
