import type {ChainId, Digest, DiffId} from '../src/kernel/digest.ts';
import type {Descriptor} from '../src/kernel/oci-types.ts';
import type {Metadata} from './metadata.ts';
import type {SnapshotId} from './snapshotter.ts';

/** The layer that a snapshot adds to its parent. */
export type Layer = {
	readonly chainId: ChainId;
	readonly diffId: DiffId;
	/** The blob that the layer came as, or was made as. */
	readonly descriptor: Descriptor;
};

/** A layer by itself, whatever it stands on. */
export type LooseLayer = Omit<Layer, 'chainId'>;

/** The layer of a snapshot, if it was made or unpacked before. That of a packed snapshot has a chain ID from the time on when somebody asked for it. */
export function findLayer(metadata: Metadata, snapshot: SnapshotId): LooseLayer & Partial<Layer> | undefined {
	const row = metadata.statement('SELECT chain_id, diff_id, digest, size, media_type FROM layers WHERE snapshot = ?').get(snapshot);
	return row && {
		...(row.chain_id !== null && {chainId: row.chain_id as ChainId}),
		diffId: row.diff_id as DiffId,
		descriptor: {mediaType: row.media_type as string, digest: row.digest as Digest, size: row.size as number},
	};
}

/** Notes the layer of a snapshot, in the place of what was known. Where that was another, the chains of what stands on it are other ones, too, and are made again. */
export function recordLayer(metadata: Metadata, snapshot: SnapshotId, {chainId, diffId, descriptor}: Layer): void {
	const former = metadata.statement('SELECT chain_id FROM layers WHERE snapshot = ?').get(snapshot)?.chain_id ?? chainId;
	if (former !== chainId) {
		forgetChainsAbove(metadata, snapshot);
	}

	metadata
		.statement('INSERT OR REPLACE INTO layers (snapshot, chain_id, diff_id, digest, size, media_type) VALUES (?, ?, ?, ?, ?, ?)')
		.run(snapshot, chainId, diffId, descriptor.digest, descriptor.size, descriptor.mediaType);
}

/** Forgets the layer of a snapshot, and the chains of what stands on it. All are made again when somebody needs them. */
export function forgetLayer(metadata: Metadata, snapshot: SnapshotId): void {
	metadata.transaction(() => {
		metadata.statement('DELETE FROM layers WHERE snapshot = ?').run(snapshot);
		forgetChainsAbove(metadata, snapshot);
	});
}

function forgetChainsAbove(metadata: Metadata, snapshot: SnapshotId): void {
	metadata.statement(`
		WITH RECURSIVE above (id) AS (
			SELECT id FROM snapshots WHERE parent = ?
			UNION SELECT snapshots.id FROM snapshots JOIN above ON snapshots.parent = above.id
		)
		UPDATE layers SET chain_id = NULL WHERE snapshot IN (SELECT id FROM above)
	`).run(snapshot);
}

/** Finds the oldest committed snapshot of a chain of layers, and holds it for a session. */
export function takeSnapshotOfChain(metadata: Metadata, chainId: ChainId, session: string): SnapshotId | undefined {
	return metadata.transaction(() => {
		const row = metadata
			.statement('SELECT snapshot FROM layers JOIN snapshots ON snapshots.id = layers.snapshot WHERE chain_id = ? AND state = \'committed\' ORDER BY snapshot LIMIT 1')
			.get(chainId);
		if (row === undefined) {
			return undefined;
		}

		metadata.statement('INSERT OR IGNORE INTO leases (session, kind, resource) VALUES (?, \'snapshot\', ?)').run(session, String(row.snapshot));
		return row.snapshot as SnapshotId;
	});
}

// The level in the table when the format's own default is used.
const defaultLevel = -1;

/** The blob with the content of another in another compression, if it was made before. */
export function findVariant(metadata: Metadata, source: Digest, {mediaType, level = defaultLevel}: {readonly mediaType: string; readonly level?: number | undefined}): Descriptor | undefined {
	const row = metadata.statement('SELECT digest, size FROM blob_variants WHERE source = ? AND media_type = ? AND level = ?').get(source, mediaType, level);
	return row && {mediaType, digest: row.digest as Digest, size: row.size as number};
}

/** Notes that a blob has the content of another in another compression. */
export function recordVariant(metadata: Metadata, source: Digest, {mediaType, digest, size, level = defaultLevel}: Descriptor & {readonly level?: number | undefined}): void {
	metadata
		.statement('INSERT OR REPLACE INTO blob_variants (source, media_type, level, digest, size) VALUES (?, ?, ?, ?, ?)')
		.run(source, mediaType, level, digest, size);
}
