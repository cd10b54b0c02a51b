import {lstatSync, readdirSync} from 'node:fs';
import path from 'node:path';
import {
	chainIdOf,
	type ChainId,
	type Digest,
	type DiffId,
} from '../kernel/digest.ts';
import {snapshotDirectories, snapshotsDirectory} from '../../snapshotter/snapshot-directories.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {CheckContext} from './check-context.ts';
import type {Problem} from './problem.ts';

type SnapshotRow = {
	readonly id: SnapshotId;
	readonly parent: SnapshotId | undefined;
	readonly isCommitted: boolean;
	readonly isPacked: boolean;
	readonly layer: LayerRow | undefined;
};

type LayerRow = {
	readonly chainId: ChainId | undefined;
	readonly diffId: DiffId;
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
};

/**
Compares the rows of snapshots with their directories, their parents and their layers. In one transaction, so that what others do at the same moment is seen before or after it, never in between.
*/
export function checkSnapshots(context: CheckContext): readonly Problem[] {
	const {store: {metadata, root}, counts, isShared} = context;
	return metadata.transaction(() => {
		const rows = readRows(context);
		counts.snapshots += rows.size;
		counts.layers += rows.values().filter(({layer}) => layer !== undefined).toArray().length;
		const problems = rows.values().flatMap(row => checkRow(row, rows, context)).toArray();
		// Whoever removes a snapshot removes its row first: the files of others may be on their way out.
		return isShared ? problems : [...problems, ...findOrphans(root, rows)];
	});
}

function readRows({store: {metadata}}: CheckContext): ReadonlyMap<SnapshotId, SnapshotRow> {
	const rows = metadata.statement(`
		SELECT id, parent, state, is_packed, chain_id, diff_id, digest, layers.size AS layer_size
		FROM snapshots LEFT JOIN layers ON layers.snapshot = snapshots.id ORDER BY id
	`).all();
	return new Map(rows.map(row => [row.id as SnapshotId, {
		id: row.id as SnapshotId,
		parent: (row.parent ?? undefined) as SnapshotId | undefined,
		isCommitted: row.state === 'committed',
		isPacked: row.is_packed === 1,
		layer: row.diff_id === null
			? undefined
			: {
				chainId: (row.chain_id ?? undefined) as ChainId | undefined,
				diffId: row.diff_id as DiffId,
				digest: row.digest as Digest,
				size: row.layer_size as number,
			},
	}]));
}

function checkRow(row: SnapshotRow, rows: ReadonlyMap<SnapshotId, SnapshotRow>, context: CheckContext): readonly Problem[] {
	// What is active is its session's, and may be half made or half removed.
	if (!row.isCommitted) {
		return [];
	}

	const subject = `snapshot ${row.id}`;
	const reason = findParentFault(row, rows) ?? (row.isPacked ? findPackedFault(row, context) : findFilesFault(row, context));
	if (reason !== undefined) {
		return [{subject, reason, remedy: {kind: 'remove-snapshot', snapshot: row.id}}];
	}

	const layerFault = findLayerFault(row, rows, context);
	return layerFault === undefined
		? []
		: [{
			subject: `layer of ${subject}`,
			reason: layerFault,
			remedy: {kind: row.isPacked ? 'remove-snapshot' : 'forget-layer', snapshot: row.id},
		}];
}

function findParentFault({id, parent: parentId, isPacked}: SnapshotRow, rows: ReadonlyMap<SnapshotId, SnapshotRow>): string | undefined {
	const parent = parentId === undefined ? undefined : rows.get(parentId);
	if (parent === undefined) {
		return undefined;
	}

	if (parent.id >= id) {
		return `its parent ${parent.id} is younger than it`;
	}

	if (!parent.isCommitted) {
		return `its parent ${parent.id} is not finished`;
	}

	return !isPacked && parent.isPacked ? `its parent ${parent.id} has no files` : undefined;
}

// One whose layer is not here may have come from the cache of somebody else: it is used only where the layer can be had.
function findPackedFault({layer}: SnapshotRow, {damagedBlobs}: CheckContext): string | undefined {
	if (layer === undefined) {
		return 'neither its files nor its layer are known';
	}

	return damagedBlobs.has(layer.digest) ? `its layer ${layer.digest} is damaged` : undefined;
}

function findFilesFault({id}: SnapshotRow, {store: {root}}: CheckContext): string | undefined {
	const isThere = lstatSync(snapshotDirectories(root, id).changes, {throwIfNoEntry: false})?.isDirectory() ?? false;
	return isThere ? undefined : 'its files are missing';
}

function findLayerFault({parent, layer}: SnapshotRow, rows: ReadonlyMap<SnapshotId, SnapshotRow>, {store: {content}}: CheckContext): string | undefined {
	if (layer === undefined) {
		return undefined;
	}

	const below = parent === undefined ? undefined : rows.get(parent)?.layer?.chainId;
	const isChainKnown = layer.chainId !== undefined && (parent === undefined || below !== undefined);
	if (isChainKnown && layer.chainId !== chainIdOf(below, layer.diffId)) {
		return `its chain ID ${layer.chainId} is not that of its layers`;
	}

	const size = lstatSync(content.path(layer.digest), {throwIfNoEntry: false})?.size;
	return size === undefined || size === layer.size ? undefined : `its blob ${layer.digest} has ${size} bytes instead of ${layer.size}`;
}

function findOrphans(root: string, rows: ReadonlyMap<SnapshotId, SnapshotRow>): readonly Problem[] {
	const directory = snapshotsDirectory(root);
	const known = new Set(rows.keys().map(String));
	const names = readdirSync(directory).filter(name => !known.has(name));
	return names.map(name => ({
		subject: `directory ${path.join(directory, name)}`,
		reason: 'it belongs to no snapshot',
		remedy: {kind: 'remove-file', path: path.join(directory, name)},
	}));
}
