import {rename, utimes} from 'node:fs/promises';
import path from 'node:path';
import type {SourceHttpOperation} from '../../src/definition/operations.ts';
import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {Op} from '../vertex.ts';
import type {BuildResult} from './build-result.ts';
import {HttpFile, type DownloadedFile, type HttpFileContext} from './http-file.ts';

/** What sources of the web work with. */
export type SourceHttpContext = HttpFileContext & {
	readonly store: Pick<Store, 'metadata' | 'session' | 'snapshotter'>;
	/** Of the vertex: describes the snapshot. */
	readonly name: string;
};

/**
The operation of ADD with a URL: a file system with one file, which root alone may read. It has the time that its server tells, or else that of the epoch.

@see https://github.com/moby/buildkit/blob/v0.32.2/source/http/source.go
*/
export function createSourceHttpOp(operation: SourceHttpOperation, context: SourceHttpContext): Op<BuildResult> {
	const {kind, fileName} = operation;
	const file = new HttpFile(operation, context);
	return {
		async cacheMap(signal) {
			const {digest, lastModified} = await file.identify(signal);
			return {
				digest: canonicalDigest({
					kind,
					fileName,
					digest,
					lastModified: lastModified ?? null,
				}),
				inputs: [],
			};
		},
		async execute(_inputs, {signal}) {
			const {digest: expected} = await file.identify(signal);
			const downloaded = await file.download(signal);
			const {digest} = downloaded.version;
			if (digest !== expected) {
				throw new TsbuildError('ERR_TSBUILD_CHECKSUM', `digest mismatch ${digest}: ${expected}`, {
					hint: operation.checksum === undefined ? 'The file has just been replaced. Build again.' : 'The file is not the one that the checksum stands for.',
				});
			}

			return {kind: 'snapshot', snapshot: await commitFile(downloaded, fileName, context)};
		},
	};
}

async function commitFile({path: downloaded, version: {lastModified}}: DownloadedFile, name: string, {store, name: description}: SourceHttpContext): Promise<SnapshotId> {
	await using active = await store.snapshotter.prepare(undefined);
	// There is nothing below, so what is seen is what stands in the directory for changes.
	const file = path.join(active.changesDirectory, name);
	await rename(downloaded, file);
	const time = modifiedAt(lastModified);
	await utimes(file, time, time);
	return await active.commit({description});
}

/** Seconds since the epoch. */
function modifiedAt(lastModified: string | undefined): number {
	const milliseconds = Date.parse(lastModified ?? '');
	return Number.isNaN(milliseconds) ? 0 : milliseconds / 1000;
}
