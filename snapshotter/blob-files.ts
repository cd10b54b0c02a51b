import {lstatSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {parseDigest, type Digest} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import type {ContentStore} from './content-store.ts';

/** A blob as a file. */
export type BlobFile = {
	/** Bytes. */
	readonly size: number;
	/** When it was taken in. Milliseconds since the epoch. */
	readonly modifiedAt: number;
};

/** All blobs of a content store, at one moment: synchronous for transactions. */
export function listBlobFiles(content: ContentStore): Map<Digest, BlobFile> {
	const files = new Map<Digest, BlobFile>();
	for (const algorithm of ['sha256', 'sha512']) {
		const directory = path.join(content.directory, 'blobs', algorithm);
		for (const name of namesIn(directory)) {
			const digest = digestOfFile(algorithm, name);
			const status = lstatSync(path.join(directory, name), {throwIfNoEntry: false});
			if (digest !== undefined && status?.isFile()) {
				files.set(digest, {size: status.size, modifiedAt: Math.floor(status.mtimeMs)});
			}
		}
	}

	return files;
}

function namesIn(directory: string): readonly string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return [];
		}

		throw error;
	}
}

function digestOfFile(algorithm: string, name: string): Digest | undefined {
	try {
		return parseDigest(`${algorithm}:${name}`);
	} catch {
		return undefined;
	}
}
