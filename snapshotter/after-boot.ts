import {
	lstatSync,
	readFileSync,
	unlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type {Digest} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import {bootId} from './boot-id.ts';
import type {ContentStore} from './content-store.ts';
import {findMissingBlob} from './image-references.ts';
import type {Metadata} from './metadata.ts';
import {deleteWithDescendants} from './snapshot-rows.ts';
import type {SnapshotId} from './snapshotter.ts';

/** Whether nobody has opened the store since the machine was started: what was not synced before may be lost. */
export function isFirstOfBoot(root: string): boolean {
	try {
		return readFileSync(bootFile(root), 'utf8') !== bootId();
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return true;
		}

		throw error;
	}
}

/** Notes that the store was opened since the machine was started. On a full disk, the next one does all of it again. */
export function noteBoot(root: string): void {
	try {
		writeFileSync(bootFile(root), bootId());
	} catch (error) {
		if (errorCode(error) !== 'ENOSPC') {
			throw error;
		}
	}
}

/** Makes the next one who opens the store do what the first of a boot does. It takes no room on the disk; where nothing can be written, nothing is done. */
export function forgetBoot(root: string): void {
	try {
		unlinkSync(bootFile(root));
	} catch {
		// Somebody else has done it, or the disk has failed: then nobody can take notes.
	}
}

/**
Drops what a power loss has taken blobs from: packed snapshots with what stands on them, and the names of images. A blob is there whole or not at all, so it is enough to look for it. Snapshots with files are dropped by the sweep.
*/
export function dropWhatLostBlobs({metadata, content}: {readonly metadata: Metadata; readonly content: ContentStore}): void {
	metadata.transaction(() => {
		const packed = metadata.statement('SELECT snapshots.id, digest FROM snapshots JOIN layers ON snapshot = snapshots.id WHERE is_packed').all();
		const lost = packed.filter(row => lstatSync(content.path(row.digest as Digest), {throwIfNoEntry: false}) === undefined);
		for (const row of lost) {
			deleteWithDescendants(metadata, row.id as SnapshotId);
		}

		for (const row of metadata.statement('SELECT name, manifest_digest FROM images').all()) {
			if (findMissingBlob(row.manifest_digest as Digest, content) !== undefined) {
				metadata.statement('DELETE FROM images WHERE name = ?').run(row.name as string);
			}
		}
	});
}

function bootFile(root: string): string {
	return path.join(root, 'boot');
}
