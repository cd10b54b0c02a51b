import {lstatSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {splitDigest, type Digest} from '../src/kernel/digest.ts';
import {listBlobFiles} from './blob-files.ts';
import {referencesOf} from './image-references.ts';
import type {Store} from './store.ts';
import {fileSize, treeSize} from './tree-size.ts';
import {listUsage, shortId, type UsageRecord} from './usage.ts';

type OpenedStore = Pick<Store, 'root' | 'metadata' | 'content'>;

// They go when the last process closes the database. https://sqlite.org/walformat.html
const passingFiles = ['metadata.db-wal', 'metadata.db-shm'];

/**
Lists all that is in the directory of a store: what `listUsage` lists, images, and what the store needs for itself. The sizes add up to those of the directory. What is not kept for later builds is always in use. Belongs into a transaction.
*/
export function listEverything(store: OpenedStore): readonly UsageRecord[] {
	return [...listUsage(store), ...listImages(store), ownFiles(store)];
}

/** Each blob counts for the first image that needs it. */
function listImages({metadata, content}: OpenedStore): readonly UsageRecord[] {
	const sizes = listBlobFiles(content);
	const rows = metadata.statement('SELECT manifest_digest AS manifest, group_concat(name, \', \') AS names, min(created_at) AS created_at FROM images GROUP BY manifest_digest ORDER BY 3').all();
	return rows.map(row => {
		const digest = row.manifest as Digest;
		let size = 0;
		for (const blob of referencesOf([digest], content).blobs) {
			size += sizes.get(blob)?.size ?? 0;
			sizes.delete(blob);
		}

		return keptRecord({
			id: shortId(splitDigest(digest).hex), kind: 'image', description: `image ${String(row.names)}`, createdAt: row.created_at as number, size,
		});
	});
}

/** The database, the index, locks, what running builds have not finished, and the directories around it all. */
function ownFiles({root, content}: OpenedStore): UsageRecord {
	const counted = new Set(['snapshots', 'cache-mounts', path.basename(content.directory), ...passingFiles]);
	const others = readdirSync(root).filter(name => !counted.has(name)).map(name => sizeOf(path.join(root, name)));
	const caches = path.join(root, 'cache-mounts');
	const frames = [
		root,
		path.join(root, 'snapshots'),
		caches,
		...entriesOf(caches).flatMap(cache => [cache, ...entriesOf(cache).filter(file => !/^\d+$/v.test(path.basename(file)))]),
		content.directory,
		...entriesOf(content.directory),
		...entriesOf(path.join(content.directory, 'blobs')),
	];
	const size = [...others, ...frames.map(frame => lstatSync(frame, {throwIfNoEntry: false})?.size ?? 0)].reduce((sum, bytes) => sum + bytes, 0);
	return keptRecord({
		id: 'store', kind: 'internal', description: 'database, index and unfinished files of the store', createdAt: Math.trunc(lstatSync(root).birthtimeMs), size,
	});
}

function entriesOf(directory: string): readonly string[] {
	const isThere = lstatSync(directory, {throwIfNoEntry: false})?.isDirectory() === true;
	return isThere ? readdirSync(directory).map(name => path.join(directory, name)) : [];
}

function sizeOf(file: string): number {
	const status = lstatSync(file, {throwIfNoEntry: false});
	if (status === undefined) {
		return 0;
	}

	return status.isDirectory() ? treeSize(file) : fileSize(status);
}

function keptRecord({id, kind, description, createdAt, size}: {
	readonly id: string;
	readonly kind: 'image' | 'internal';
	readonly description: string;
	readonly createdAt: number;
	readonly size: number;
}): UsageRecord {
	return {
		id,
		subject: {kind, blobs: []},
		parent: undefined,
		createdAt,
		lastUsedAt: createdAt,
		usageCount: 1,
		description,
		isMutable: false,
		isInUse: true,
		isShared: false,
		size,
		isMeasured: true,
	};
}
