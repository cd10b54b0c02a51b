import {renameSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import type {Digest} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import {referencesOfImages} from './image-references.ts';
import type {Store} from './store.ts';

/** Blobs that are out of the store, but still on the disk. */
export type SetAsideBlobs = {
	readonly digests: ReadonlySet<Digest>;
	/** Files in the directory of the session; what a dead session leaves there is swept. */
	readonly files: readonly string[];
};

/**
Takes those of the given blobs out of the store that nothing needs: no image, no layer of a snapshot, no other form of such a layer, no living session.

Belongs into a transaction: who holds a blob before it finds the blob there afterwards, who does it later finds none.
*/
export function setAsideUnusedBlobs({metadata, content, session}: Pick<Store, 'metadata' | 'content' | 'session'>, candidates: Iterable<Digest>): SetAsideBlobs {
	const {blobs} = referencesOfImages(metadata, content);
	const need = metadata.statement(`
		SELECT 1 FROM leases WHERE kind = 'blob' AND resource = ?1
		UNION ALL SELECT 1 FROM layers WHERE digest = ?1
		UNION ALL SELECT 1 FROM blob_variants JOIN layers ON layers.digest = source WHERE blob_variants.digest = ?1
	`);
	const digests = new Set<Digest>();
	const files: string[] = [];
	for (const digest of new Set(candidates)) {
		const file = session.temporaryFile();
		if (blobs.has(digest) || need.get(digest) !== undefined || !move(content.path(digest), file)) {
			continue;
		}

		metadata.statement('DELETE FROM blob_variants WHERE digest = ?').run(digest);
		metadata.statement('DELETE FROM blob_sources WHERE digest = ?').run(digest);
		digests.add(digest);
		files.push(file);
	}

	return {digests, files};
}

/** Removes blobs that this session has taken in for nothing, unless something else needs them meanwhile. */
export async function discardBlobs(store: Pick<Store, 'metadata' | 'content' | 'session'>, digests: ReadonlySet<Digest>): Promise<void> {
	const {metadata, session} = store;
	const blobs = metadata.transaction(() => {
		for (const digest of digests) {
			metadata.statement('DELETE FROM leases WHERE session = ? AND kind = \'blob\' AND resource = ?').run(session.id, digest);
		}

		return setAsideUnusedBlobs(store, digests);
	});
	await removeSetAside(blobs);
}

/** Removes the files of blobs that were set aside. */
export async function removeSetAside({files}: SetAsideBlobs): Promise<void> {
	for (const file of files) {
		await rm(file, {force: true});
	}
}

// Tells whether there was something to move.
function move(from: string, to: string): boolean {
	try {
		renameSync(from, to);
		return true;
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return false;
		}

		throw error;
	}
}
