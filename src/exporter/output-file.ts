import {once} from 'node:events';
import fs from 'node:fs';
import {mkdir, rename, rm} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {pipeline} from 'node:stream/promises';
import {randomUUID} from 'node:crypto';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';

/**
Writes a stream to a file, or to standard output for `-`. The file appears whole or not at all: it is written beside its place and renamed at the end. Its directory is made when missing, as buildx does.

@throws {TsbuildError} `ERR_TSBUILD_EXPORT` when it cannot be written
*/
export async function writeOutputFile(destination: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	if (destination === '-') {
		await writeStandardOutput(chunks, signal);
		return;
	}

	const temporary = path.join(path.dirname(destination), `.${path.basename(destination)}.${randomUUID()}`);
	try {
		await mkdir(path.dirname(destination), {recursive: true});
		await pipeline(chunks, fs.createWriteStream(temporary), {signal});
		await rename(temporary, destination);
	} catch (error) {
		await rm(temporary, {force: true});
		throw signal.aborted || error instanceof TsbuildError ? error : exportError(destination, error);
	}
}

/** The error of an output that cannot be written: `ERR_TSBUILD_EXPORT`. */
export function exportError(destination: string, cause: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_EXPORT', `failed to write output ${destination}: ${errorMessage(cause)}`, {cause});
}

async function writeStandardOutput(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
	for await (const chunk of chunks) {
		signal.throwIfAborted();
		if (!process.stdout.write(chunk)) {
			await once(process.stdout, 'drain', {signal});
		}
	}
}
