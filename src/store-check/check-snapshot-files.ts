import {diffIdFrom, type DiffId, type Digest} from '../kernel/digest.ts';
import {errorMessage} from '../kernel/errors.ts';
import {applyLayer} from '../../snapshotter/apply.ts';
import {decompressed} from '../../snapshotter/decompress.ts';
import {maximumUnpackedSize} from '../../snapshotter/decompression-limit.ts';
import {layerTar} from '../../snapshotter/diff.ts';
import {HashedStream} from '../../snapshotter/hashed-stream.ts';
import {findPackedTimes} from '../../snapshotter/packed-rows.ts';
import {exactTimes} from '../../snapshotter/packed-times.ts';
import {holdSnapshot} from '../../snapshotter/snapshot-rows.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {CheckContext} from './check-context.ts';
import type {Problem} from './problem.ts';

type Unpacked = {
	readonly id: SnapshotId;
	readonly parent: SnapshotId | undefined;
	readonly diffId: DiffId;
	readonly blob: {readonly digest: Digest; readonly size: number; readonly mediaType: string};
};

/**
Compares the files of snapshots with their layers, where both are known: the files must give the layer, or else what the layer gives when it is unpacked again. Those without a layer have nothing that they could be compared with.

`faulty` are the snapshots that are known to be damaged.

@throws the reason of `signal`
*/
export async function checkSnapshotFiles(context: CheckContext, faulty: ReadonlySet<SnapshotId>): Promise<readonly Problem[]> {
	const problems: Problem[] = [];
	const lost = new Set(faulty);
	for (const snapshot of unpackedSnapshots(context)) {
		context.signal.throwIfAborted();
		if (snapshot.parent !== undefined && lost.has(snapshot.parent)) {
			lost.add(snapshot.id);
		}

		const isReadable = !lost.has(snapshot.id) && hold(snapshot.id, context);
		const reason = isReadable ? await findDifference(snapshot, context) : undefined;
		if (reason === undefined) {
			continue;
		}

		lost.add(snapshot.id);
		problems.push({subject: `snapshot ${snapshot.id}`, reason, remedy: {kind: 'remove-snapshot', snapshot: snapshot.id}});
	}

	return problems;
}

function unpackedSnapshots({store: {metadata}}: CheckContext): readonly Unpacked[] {
	const rows = metadata.statement(`
		SELECT id, parent, diff_id, digest, layers.size, media_type FROM snapshots JOIN layers ON snapshot = id
		WHERE state = 'committed' AND NOT is_packed ORDER BY id
	`).all();
	return rows.map(row => ({
		id: row.id as SnapshotId,
		parent: (row.parent ?? undefined) as SnapshotId | undefined,
		diffId: row.diff_id as DiffId,
		blob: {digest: row.digest as Digest, size: row.size as number, mediaType: row.media_type as string},
	}));
}

/** Keeps others from removing a snapshot while it is read; tells whether it is still there. */
function hold(id: SnapshotId, {store: {metadata, session}}: CheckContext): boolean {
	return metadata.transaction(() => {
		const isThere = metadata.statement('SELECT 1 FROM snapshots WHERE id = ?').get(id) !== undefined;
		if (isThere) {
			holdSnapshot(metadata, id, {session: session.id});
		}

		return isThere;
	});
}

async function findDifference(snapshot: Unpacked, context: CheckContext): Promise<string | undefined> {
	const {store: {content}, counts, damagedBlobs, signal} = context;
	const {digest} = snapshot.blob;
	try {
		const found = await diffIdOf(snapshot.id, snapshot.parent, context);
		counts.comparedSnapshots++;
		if (found === snapshot.diffId) {
			return undefined;
		}

		if (damagedBlobs.has(digest)) {
			return `its files do not give its layer, and the blob ${digest} is damaged`;
		}

		// It is made again of the files.
		if (await content.size(digest) === undefined) {
			counts.comparedSnapshots--;
			return undefined;
		}

		// A layer that another program made is another archive of the same files.
		return await unpackedDiffId(snapshot, context) === found ? undefined : `its files are not those of its layer ${digest}`;
	} catch (error) {
		signal.throwIfAborted();
		return errorMessage(error);
	}
}

/** The diff ID of the layer that the files of a snapshot would give now. */
async function diffIdOf(id: SnapshotId, parentId: SnapshotId | undefined, {store: {snapshotter}, signal}: CheckContext): Promise<DiffId> {
	using parent = parentId === undefined ? undefined : await snapshotter.view(parentId);
	const {digest} = await new HashedStream(layerTar(snapshotter.changes(id), {parent, signal})).finish();
	return diffIdFrom(digest);
}

/** The same for the files that come out of the snapshot's layer. */
async function unpackedDiffId({id, parent: parentId, blob}: Unpacked, context: CheckContext): Promise<DiffId> {
	const {store: {metadata, snapshotter, content}, signal} = context;
	await using active = await snapshotter.prepare(parentId);
	using parent = parentId === undefined ? undefined : await snapshotter.view(parentId);
	const maximumSize = maximumUnpackedSize(blob.size);
	await applyLayer(decompressed(content.read(blob.digest, {size: blob.size, signal}), {maximumSize, signal}), {
		into: active.changesDirectory, overlayAttributes: active.overlayAttributes, parent, maximumSize, restore: exactTimes(findPackedTimes(metadata, id)), signal,
	});
	await active.seal();
	return await diffIdOf(active.id, parentId, context);
}
