import {lstatSync, mkdirSync, renameSync} from 'node:fs';
import {rename} from 'node:fs/promises';
import {errorMessage} from '../kernel/errors.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {forgetLayer} from '../../snapshotter/layer-rows.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {deleteWithDescendants} from '../../snapshotter/snapshot-rows.ts';
import {snapshotDirectories} from '../../snapshotter/snapshot-directories.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {CheckContext} from './check-context.ts';
import type {Problem, RepairOutcome} from './problem.ts';

/**
Takes what is damaged out of a store, and nothing else: the next build makes it again. What a running build uses is left.

@throws the reason of the signal
*/
export async function repair({remedy}: Problem, context: CheckContext): Promise<RepairOutcome> {
	context.signal.throwIfAborted();
	try {
		return await apply(remedy, context);
	} catch (error) {
		return {isRepaired: false, text: errorMessage(error)};
	}
}

async function apply(remedy: Problem['remedy'], context: CheckContext): Promise<RepairOutcome> {
	const {metadata} = context.store;
	switch (remedy.kind) {
		case 'remove-blob': {
			return removeBlob(remedy, context);
		}

		case 'remove-snapshot': {
			return removeSnapshot(remedy.snapshot, context);
		}

		case 'forget-layer': {
			forgetLayer(metadata, remedy.snapshot);
			return done('forgotten: it is made again from the files when somebody needs it');
		}

		case 'remove-record': {
			metadata.statement('DELETE FROM cache_records WHERE id = ?').run(remedy.record);
			return done('removed');
		}

		case 'remove-rows': {
			metadata.statement(`DELETE FROM ${remedy.table} WHERE ${remedy.column} = ?`).run(remedy.value);
			return done('removed');
		}

		case 'remove-image': {
			return removeImage(remedy, context);
		}

		case 'remove-file': {
			await moveAway(remedy.path, context);
			return done('removed');
		}

		case 'make-empty-directory': {
			await moveAway(remedy.path, context);
			mkdirSync(remedy.path);
			return done('made again');
		}

		case 'write-layout': {
			await new ImageStore(context.store).writeLayout({signal: context.signal});
			return done('written again');
		}

		// They come before a store can be opened.
		case 'make-database':
		case 'write-format':
		case 'make-directory':
		case 'none': {
			return {isRepaired: false, text: 'it is not repaired: see the cause'};
		}
	}
}

function done(text: string): RepairOutcome {
	return {isRepaired: true, text};
}

// By rename into the session's folder: what is left of it after a crash is swept.
async function moveAway(file: string, {store: {session}}: CheckContext): Promise<void> {
	if (lstatSync(file, {throwIfNoEntry: false}) === undefined) {
		return;
	}

	const aside = session.temporaryFile();
	await rename(file, aside);
	await removeTree(aside);
}

async function removeBlob({digest, inode}: Extract<Problem['remedy'], {readonly kind: 'remove-blob'}>, {store: {content, session}}: CheckContext): Promise<RepairOutcome> {
	const file = content.path(digest);
	// Somebody may have taken in a good one meanwhile.
	if (lstatSync(file, {bigint: true, throwIfNoEntry: false})?.ino !== inode) {
		return done('another build has replaced it');
	}

	const aside = session.temporaryFile();
	renameSync(file, aside);
	await removeTree(aside);
	return done('removed');
}

async function removeSnapshot(id: SnapshotId, {store: {metadata, root, session}}: CheckContext): Promise<RepairOutcome> {
	const removed = metadata.transaction(() => {
		const isUsed = metadata.statement(`
			WITH RECURSIVE lost (id) AS (
				SELECT id FROM snapshots WHERE id = ?1
				UNION SELECT snapshots.id FROM snapshots JOIN lost ON snapshots.parent = lost.id
			)
			SELECT 1 FROM lost JOIN snapshots USING (id) WHERE session IS NOT NULL AND session <> ?2
			UNION ALL SELECT 1 FROM lost JOIN leases ON kind = 'snapshot' AND resource = CAST(lost.id AS TEXT) WHERE session <> ?2
		`).get(id, session.id) !== undefined;
		return isUsed ? undefined : deleteWithDescendants(metadata, id);
	});
	if (removed === undefined) {
		return {isRepaired: false, text: 'a running build uses it: repair it when that is over'};
	}

	for (const snapshot of removed) {
		await removeTree(snapshotDirectories(root, snapshot).directory);
	}

	const others = removed.length - 1;
	return done(others > 0 ? `removed, with ${others} that ${others === 1 ? 'stands' : 'stand'} on it` : 'removed');
}

async function removeImage({name, manifest}: Extract<Problem['remedy'], {readonly kind: 'remove-image'}>, {store, signal}: CheckContext): Promise<RepairOutcome> {
	store.metadata.statement('DELETE FROM images WHERE name = ? AND manifest_digest = ?').run(name, manifest);
	await new ImageStore(store).updateIndex({signal});
	return done('removed: build, pull or load it again');
}
