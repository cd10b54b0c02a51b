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
import {pipeline} from 'node:stream/promises';
import {randomUUID} from 'node:crypto';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';

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
		const {file, isReplaceable} = await findPlace(destination);
		await (isReplaceable ? replaceFile(file, chunks, signal) : pipeline(chunks, fs.createWriteStream(file), {signal}));
	} catch (error) {
		throw signal.aborted || error instanceof TsbuildError ? error : exportError(destination, error);
	}
}

async function findPlace(destination: string): Promise<{readonly file: string; readonly isReplaceable: boolean}> {
	const stats = await stat(destination, {throwIfNoEntry: false});
	if (stats === undefined) {
		await mkdir(path.dirname(destination), {recursive: true});
		return {file: destination, isReplaceable: true};
	}

	return stats.isFile() ? {file: await realpath(destination), isReplaceable: true} : {file: destination, isReplaceable: false};
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
			await writeToStandardOutput(chunk);
		}
	} catch (error) {
		throw signal.aborted || error instanceof TsbuildError ? error : exportError('-', error);
	}
}

/** Waits until the chunk is taken, so that a slow reader slows the export down. */
async function writeToStandardOutput(chunk: Uint8Array): Promise<void> {
	const {promise, resolve, reject} = Promise.withResolvers<void>();
	process.stdout.write(chunk, error => {
		if (error) {
			reject(error);
		} else {
			resolve();
		}
	});
	await promise;
}
