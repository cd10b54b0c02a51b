import {lstatSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {parseDigest, type Digest} from '../kernel/digest.ts';
import {errorCode, errorMessage} from '../kernel/errors.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {CheckCounts, Problem} from './problem.ts';

/** What a check of blobs needs, which is less than a store: it works without a database too. */
export type BlobCheckOptions = {
	readonly content: ContentStore;
	readonly counts: CheckCounts;
	readonly signal: AbortSignal;
};

/**
Reads every blob and compares it with the digest that is its name. One that is removed meanwhile is left out.

@throws the reason of `signal`
*/
export async function checkBlobs({content, counts, signal}: BlobCheckOptions): Promise<readonly Problem[]> {
	const problems: Problem[] = [];
	for (const {algorithm, name, file} of filesOfBlobs(content.directory)) {
		signal.throwIfAborted();
		const digest = digestOfName(algorithm, name);
		const problem = digest === undefined
			? {subject: `file ${file}`, reason: 'its name is no digest', remedy: {kind: 'remove-file', path: file}} as const
			: await checkBlob(digest, {content, counts, signal});
		problems.push(...(problem === undefined ? [] : [problem]));
	}

	return problems;
}

/** The digests of blobs that are among the problems. */
export function damagedBlobsOf(problems: readonly Problem[]): ReadonlySet<Digest> {
	return new Set(problems.flatMap(({remedy}) => (remedy.kind === 'remove-blob' ? [remedy.digest] : [])));
}

async function checkBlob(digest: Digest, {content, counts, signal}: BlobCheckOptions): Promise<Problem | undefined> {
	// Before it is read: who takes the blob in again puts another file in its place.
	const status = lstatSync(content.path(digest), {bigint: true, throwIfNoEntry: false});
	if (status === undefined) {
		return undefined;
	}

	counts.blobs++;
	counts.blobBytes += Number(status.size);
	try {
		for await (const _chunk of content.read(digest, {reusesMemory: true, signal})) {
			// Only whether it is right is asked.
		}

		return undefined;
	} catch (error) {
		signal.throwIfAborted();
		return errorCode(error) === 'ERR_TSBUILD_CONTENT_NOT_FOUND'
			? undefined
			: {subject: `blob ${digest}`, reason: errorMessage(error).replace(`failed to verify blob ${digest}: `, ''), remedy: {kind: 'remove-blob', digest, inode: status.ino}};
	}
}

type BlobFile = {readonly algorithm: string; readonly name: string; readonly file: string};

function filesOfBlobs(directory: string): readonly BlobFile[] {
	return namesIn(path.join(directory, 'blobs')).flatMap(algorithm => namesIn(path.join(directory, 'blobs', algorithm))
		.map(name => ({algorithm, name, file: path.join(directory, 'blobs', algorithm, name)})));
}

function namesIn(directory: string): readonly string[] {
	try {
		return readdirSync(directory);
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return [];
		}

		throw error;
	}
}

function digestOfName(algorithm: string, name: string): Digest | undefined {
	try {
		return parseDigest(`${algorithm}:${name}`);
	} catch {
		return undefined;
	}
}
