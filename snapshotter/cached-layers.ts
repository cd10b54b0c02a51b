import type {ChainId, DiffId} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import type {BeginLateWork} from '../src/kernel/late-work.ts';
import type {Descriptor} from '../src/kernel/oci-types.ts';
import {checkingDiffId} from './check-diff-id.ts';
import {countedChunks} from './counted-chunks.ts';
import {takeSnapshotOfChain} from './layer-rows.ts';
import type {Metadata} from './metadata.ts';
import {insertPackedSnapshot, packedSnapshots} from './packed-rows.ts';
import type {RemoteBlob} from './remote-blobs.ts';
import {deleteSnapshot} from './snapshot-rows.ts';
import type {SnapshotId} from './snapshotter.ts';
import type {Store} from './store.ts';

/** A layer of a result that a cache tells of. */
export type CachedLayer = {
	readonly diffId: DiffId;
	/** Of the layer with all below it. */
	readonly chainId: ChainId;
	readonly blob: Descriptor;
	/** When its files were made. Milliseconds since the epoch. */
	readonly createdAt: number;
};

/** A result that a cache tells of. */
export type CachedResult = {
	/** The keys that lead to it, the canonical one first. */
	readonly keys: readonly [string, ...string[]];
	/** Lowest first; absent when the cache has nothing but the keys. */
	readonly layers?: readonly [CachedLayer, ...CachedLayer[]];
};

/** Reads the blob of a layer where the cache keeps it. */
export type ReadCachedBlob = (blob: Descriptor, options: {readonly signal: AbortSignal | undefined}) => AsyncIterable<Uint8Array>;

/**
The snapshots of layers that are in the cache of somebody else. Nothing is downloaded until somebody needs the files or the blob of one.

The rest of this process sees them as it sees any other snapshot; other processes cannot have their blobs, and do not find them. What nobody has needed by the end is removed again.
*/
export class CachedLayers implements AsyncDisposable {
	readonly #store: Pick<Store, 'metadata' | 'content' | 'session'>;
	readonly #snapshots = new Map<ChainId, SnapshotId>();

	constructor(store: Pick<Store, 'metadata' | 'content' | 'session'>) {
		this.#store = store;
	}

	async #findSnapshot(chainId: ChainId): Promise<SnapshotId | undefined> {
		const {metadata, content, session} = this.#store;
		const known = this.#snapshots.get(chainId) ?? takeSnapshotOfChain(metadata, chainId, session.id);
		// What is packed is as good as its layers.
		const packed = known === undefined ? [] : packedSnapshots(metadata, known);
		const blobs = await Promise.all(packed.map(async ({blob}) => content.has(blob.digest)));
		return blobs.includes(false) ? undefined : known;
	}

	async #snapshotOn(parent: SnapshotId | undefined, {diffId, chainId, blob, createdAt}: CachedLayer, description: string): Promise<SnapshotId> {
		const {metadata, session} = this.#store;
		const known = await this.#findSnapshot(chainId);
		if (known !== undefined) {
			return known;
		}

		const snapshot = insertPackedSnapshot(metadata, {
			parent, diffId, blob, times: new Uint8Array(), description, createdAt, session: session.id,
		});
		this.#snapshots.set(chainId, snapshot);
		return snapshot;
	}

	/** Says where layers are. Their content is checked against their diff IDs when they come, which is told of as part of `begin`. */
	provide(layers: readonly CachedLayer[], read: ReadCachedBlob, begin?: BeginLateWork): void {
		for (const {blob, diffId} of layers) {
			const readChecked: RemoteBlob['read'] = options => checkingDiffId(read(blob, options), {diffId, size: blob.size});
			this.#store.content.provide({...blob, begin, read: begin === undefined ? readChecked : options => tellOf(blob, {read: readChecked, begin, ...options})});
		}
	}

	/** The snapshot of layers that have been provided, lowest first. */
	async snapshotOf([lowest, ...others]: readonly [CachedLayer, ...CachedLayer[]], description: string): Promise<SnapshotId> {
		let snapshot = await this.#snapshotOn(undefined, lowest, description);
		for (const layer of others) {
			snapshot = await this.#snapshotOn(snapshot, layer, description);
		}

		return snapshot;
	}

	/** Removes the snapshots whose blobs have not come, and what stands on them without files of its own: nobody can use these any more. */
	async [Symbol.asyncDispose](): Promise<void> {
		const {metadata, content, session} = this.#store;
		for (const snapshot of this.#snapshots.values()) {
			const packed = packedSnapshots(metadata, snapshot).at(-1);
			if (packed !== undefined && await content.size(packed.blob.digest) === undefined) {
				removeWithChildren(metadata, snapshot, session.id);
			}
		}
	}
}

type Told = Pick<RemoteBlob, 'read'> & {readonly begin: BeginLateWork; readonly signal: AbortSignal | undefined};

/**
Reads a blob, and tells how much of it has come.

@yields its chunks
*/
async function * tellOf({digest, size}: Descriptor, {read, begin, signal}: Told): AsyncGenerator<Uint8Array, void, undefined> {
	using work = begin();
	const either = signal === undefined ? work.signal : AbortSignal.any([signal, work.signal]);
	const report = (current: number) => {
		work.status({id: digest, current, total: size});
	};

	report(0);
	yield * countedChunks(read({signal: either}), report);
	work.status({
		id: digest, current: size, total: size, completed: true,
	});
}

function removeWithChildren(metadata: Metadata, id: SnapshotId, session: string): void {
	const rows = metadata.statement(`
		WITH RECURSIVE above (id) AS (VALUES (?) UNION ALL SELECT snapshots.id FROM snapshots JOIN above ON parent = above.id)
		SELECT id FROM above ORDER BY id DESC
	`).all(id);
	for (const row of rows) {
		try {
			deleteSnapshot(metadata, row.id as SnapshotId, {session});
		} catch (error) {
			if (errorCode(error) !== 'ERR_TSBUILD_SNAPSHOT_IN_USE') {
				throw error;
			}

			return;
		}
	}
}
