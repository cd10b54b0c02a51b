import {setImmediate} from 'node:timers/promises';
import {splitDigest, type ChainId, type Digest} from '../src/kernel/digest.ts';
import {listBlobFiles, type BlobFile} from './blob-files.ts';
import {referencesOfImages, type ImageReferences} from './image-references.ts';
import {listCacheMounts, type CacheMountEntry} from './cache-mounts.ts';
import type {Metadata} from './metadata.ts';
import {snapshotDirectories} from './snapshot-directories.ts';
import type {SnapshotId} from './snapshotter.ts';
import type {Store} from './store.ts';
import {treeSize} from './tree-size.ts';

/** One thing in a store that is kept to be used again, and can be removed by itself. */
export type UsageRecord = {
	/** Short, unique in the store. */
	readonly id: string;
	/** A snapshot with the blobs that were made of it, a blob that belongs to nothing, or the cache of RUN steps; what images need is not among the blobs. Images and what the store needs for itself are never removed as cache. */
	readonly subject:
		| {readonly kind: 'snapshot'; readonly snapshot: SnapshotId; readonly isCheckout: boolean; readonly blobs: readonly Digest[]}
		| {readonly kind: 'blob'; readonly blobs: readonly [Digest]}
		| {readonly kind: 'cache-mount'; readonly entry: CacheMountEntry; readonly blobs: readonly []}
		| {readonly kind: 'image' | 'internal'; readonly blobs: readonly []};
	/** The id of the record that this one stands on. */
	readonly parent: string | undefined;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
	/** Milliseconds since the epoch. */
	readonly lastUsedAt: number;
	readonly usageCount: number;
	readonly description: string;
	/** Still written to. */
	readonly isMutable: boolean;
	/** A living session needs it, or something that stands on it. */
	readonly isInUse: boolean;
	/** It is part of an image, which is kept whole without it. */
	readonly isShared: boolean;
	/** Bytes of its own, see `treeSize`. Of a snapshot that nobody has measured, only those of its blobs. */
	readonly size: number;
	readonly isMeasured: boolean;
};

// As long as the ids of BuildKit.
const idLength = 25;

/** The id of a record that is named by hexadecimal digits. */
export function shortId(hex: string): string {
	return hex.slice(0, idLength);
}

/**
Lists what is kept in a store to be used again: snapshots and blobs that no image needs, in the order in which they were made, and the caches of RUN steps. Belongs into a transaction.
*/
export function listUsage({root, metadata, content}: Pick<Store, 'root' | 'metadata' | 'content'>): readonly UsageRecord[] {
	const images = referencesOfImages(metadata, content);
	const blobs = listBlobFiles(content);
	for (const digest of images.blobs) {
		blobs.delete(digest);
	}

	const snapshots = listSnapshots(metadata, {images, blobs});
	return [...markParentsInUse(snapshots), ...listLooseBlobs(metadata, blobs), ...listCaches(root)];
}

/**
Measures the snapshots whose size is not known, and remembers it: they do not change any more.

@throws the reason of `signal`
*/
export async function measureSnapshots({root, metadata}: Pick<Store, 'root' | 'metadata'>, {signal}: {readonly signal: AbortSignal}): Promise<void> {
	const rows = metadata.statement('SELECT id FROM snapshots WHERE state = \'committed\' AND size IS NULL').all();
	const sizes: Array<readonly [id: number, size: number]> = [];
	for (const row of rows) {
		signal.throwIfAborted();
		const id = row.id as SnapshotId;
		sizes.push([id, treeSize(snapshotDirectories(root, id).directory)]);
		await setImmediate();
	}

	metadata.transaction(() => {
		for (const [id, size] of sizes) {
			metadata.statement('UPDATE snapshots SET size = ? WHERE id = ?').run(size, id);
		}
	});
}

const snapshotsQuery = `
	SELECT
		snapshots.id, parent, state, is_checkout, created_at, size, chain_id, digest,
		coalesce((SELECT cache_records.description FROM cache_records WHERE snapshot = snapshots.id ORDER BY cache_records.id LIMIT 1), description) AS description,
		coalesce((SELECT max(last_used_at) FROM cache_records WHERE snapshot = snapshots.id), created_at) AS last_used_at,
		1 + coalesce((SELECT sum(usage_count) FROM cache_records WHERE snapshot = snapshots.id), 0) AS usage_count,
		EXISTS (SELECT 1 FROM leases WHERE kind = 'snapshot' AND resource = CAST(snapshots.id AS TEXT)) AS is_held
	FROM snapshots LEFT JOIN (SELECT snapshot AS id, chain_id, digest FROM layers) USING (id)
	ORDER BY snapshots.id
`;

function listSnapshots(metadata: Metadata, {images, blobs}: {readonly images: ImageReferences; readonly blobs: Map<Digest, BlobFile>}): readonly UsageRecord[] {
	const variants = findVariants(metadata);
	return metadata.statement(snapshotsQuery).all().map(row => {
		const id = row.id as SnapshotId;
		const layer = row.digest as Digest | null;
		const own = layer === null ? [] : [layer, ...variants.get(layer) ?? []].filter(digest => blobs.has(digest));
		const blobSize = own.reduce((sum, digest) => sum + blobs.get(digest)!.size, 0);
		// Two snapshots can have the same layer; the older one counts it.
		for (const digest of own) {
			blobs.delete(digest);
		}

		return {
			id: String(id),
			subject: {
				kind: 'snapshot', snapshot: id, isCheckout: row.is_checkout === 1, blobs: own,
			},
			parent: row.parent === null ? undefined : String(row.parent),
			createdAt: row.created_at as number,
			lastUsedAt: row.last_used_at as number,
			usageCount: row.usage_count as number,
			description: row.description as string,
			isMutable: row.state === 'active',
			isInUse: row.state === 'active' || row.is_held === 1,
			isShared: images.chains.has(row.chain_id as ChainId),
			size: blobSize + (row.size as number | null ?? 0),
			isMeasured: row.size !== null,
		};
	});
}

function findVariants(metadata: Metadata): ReadonlyMap<Digest, readonly Digest[]> {
	const rows = metadata.statement('SELECT source, digest FROM blob_variants').all();
	const bySource = Map.groupBy(rows, row => row.source as Digest);
	return new Map(bySource.entries().map(([source, found]) => [source, found.map(row => row.digest as Digest)]));
}

/** A parent is younger in no case, so from the end on, each record is seen before its parent. */
function markParentsInUse(records: readonly UsageRecord[]): readonly UsageRecord[] {
	const needed = new Set<string>();
	return records.toReversed().map(record => {
		const isInUse = record.isInUse || needed.has(record.id);
		if (isInUse && record.parent !== undefined) {
			needed.add(record.parent);
		}

		return {...record, isInUse};
	}).toReversed();
}

function listLooseBlobs(metadata: Metadata, blobs: ReadonlyMap<Digest, BlobFile>): readonly UsageRecord[] {
	const lease = metadata.statement('SELECT 1 FROM leases WHERE kind = \'blob\' AND resource = ?');
	const byAge = blobs.entries().toArray().toSorted(([, left], [, right]) => left.modifiedAt - right.modifiedAt);
	return byAge.map(([digest, {size, modifiedAt}]) => ({
		id: shortId(splitDigest(digest).hex),
		subject: {kind: 'blob', blobs: [digest]},
		parent: undefined,
		createdAt: modifiedAt,
		lastUsedAt: modifiedAt,
		usageCount: 1,
		description: `blob ${digest}`,
		isMutable: false,
		isInUse: lease.get(digest) !== undefined,
		isShared: false,
		size,
		isMeasured: true,
	}));
}

function listCaches(root: string): readonly UsageRecord[] {
	return listCacheMounts(root).map(entry => ({
		id: entry.id,
		subject: {kind: 'cache-mount', entry, blobs: []},
		parent: undefined,
		createdAt: entry.createdAt,
		lastUsedAt: entry.lastUsedAt,
		usageCount: 1,
		description: `cached mount with id ${JSON.stringify(entry.name)}`,
		isMutable: true,
		isInUse: entry.isInUse,
		isShared: false,
		size: entry.size,
		isMeasured: true,
	}));
}
