import {
	chainIdOf,
	diffIdFrom,
	type ChainId,
	type DiffId,
} from '../src/kernel/digest.ts';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {mediaTypes, type Descriptor} from '../src/kernel/oci-types.ts';
import type {IngestObserver} from './content-store.ts';
import type {Compression} from './decompress.ts';
import {maximumUnpackedSize} from './decompression-limit.ts';
import {HashedStream} from './hashed-stream.ts';
import {KeyedLock} from './keyed-lock.ts';
import {
	findLayer,
	findVariant,
	recordLayer,
	recordVariant,
	takeSnapshotOfChain,
	type Layer,
	type LooseLayer,
} from './layer-rows.ts';
import {releasingMemory} from './release-memory.ts';
import type {SnapshotId} from './snapshotter.ts';
import type {Store} from './store.ts';
import type {ReadOptions} from './verified-read.ts';

/** A layer that is to become a snapshot. */
export type LayerToUnpack = {
	/** The snapshot of the layers below. */
	readonly parent: SnapshotId | undefined;
	/** Of the layer with all below it. */
	readonly chainId: ChainId;
	readonly diffId: DiffId;
	/** Must be in the content store, or arrive there, unless the chain is known already. */
	readonly blob: Descriptor;
	readonly arriving?: ArrivingBlob | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** A blob on its way into the content store. */
export type ArrivingBlob = {
	/** As they come: not verified yet. */
	readonly bytes: AsyncIterable<Uint8Array>;
	/** Waits until the blob is in the content store, verified. */
	readonly ready: () => Promise<void>;
};

/** How a blob gets another compression. */
export type CompressOptions = {
	readonly level?: number | undefined;
	readonly observer?: IngestObserver | undefined;
	readonly signal?: AbortSignal | undefined;
};

type ReadTarOptions = Pick<ReadOptions, 'reusesMemory' | 'signal'> & {
	/** Those of the blob, if they are not to come from the store. */
	readonly bytes?: AsyncIterable<Uint8Array> | undefined;
};

const compressions: Readonly<Record<string, Compression>> = {
	[mediaTypes.layer]: 'none',
	[mediaTypes.dockerLayer]: 'none',
	[mediaTypes.layerGzip]: 'gzip',
	[mediaTypes.dockerLayerGzip]: 'gzip',
	[mediaTypes.layerZstd]: 'zstd',
};

const layerMediaTypes: Readonly<Record<Compression, string>> = {
	none: mediaTypes.layer,
	gzip: mediaTypes.layerGzip,
	zstd: mediaTypes.layerZstd,
};

// What is wrong with a blob, however it shows.
const blobFailures: ReadonlySet<string> = new Set(['ERR_TSBUILD_CONTENT', 'ERR_TSBUILD_DECOMPRESS', 'ERR_TSBUILD_LAYER', 'ERR_TSBUILD_TAR', 'ERR_TSBUILD_UNPACKED_SIZE']);

/*
What makes, reads and compresses layers is imported where it is needed: a build that finds all in the cache does without.
*/

/**
The layers of snapshots, as blobs: made from a snapshot's changes when somebody needs them, or unpacked to a snapshot.
*/
export class LayerStore {
	readonly #store: Pick<Store, 'content' | 'metadata' | 'session' | 'snapshotter'>;
	readonly #diffs = new KeyedLock<SnapshotId>();
	readonly #chains = new KeyedLock<ChainId>();
	readonly #variants = new KeyedLock<string>();

	constructor(store: Pick<Store, 'content' | 'metadata' | 'session' | 'snapshotter'>) {
		this.#store = store;
	}

	async #makeBlob(id: SnapshotId, signal: AbortSignal | undefined): Promise<{readonly diffId: DiffId; readonly descriptor: Descriptor}> {
		const {content, snapshotter} = this.#store;
		const parentId = snapshotter.info(id)?.parent;
		using parent = parentId === undefined ? undefined : await snapshotter.view(parentId);
		const {layerTar} = await import('./diff.ts');
		const {digest, size} = await content.ingest(layerTar(snapshotter.changes(id), {parent, signal}), {signal});
		return {diffId: diffIdFrom(digest), descriptor: {mediaType: mediaTypes.layer, digest, size}};
	}

	async #apply({parent: parentId, chainId, diffId, blob, arriving, signal}: LayerToUnpack): Promise<SnapshotId> {
		const {metadata, snapshotter} = this.#store;
		await using active = await snapshotter.prepare(parentId);
		using parent = parentId === undefined ? undefined : await snapshotter.view(parentId);
		const {applyLayer} = await import('./apply.ts');
		const applied = await applyLayer(await this.#readTar(blob, {bytes: arriving?.bytes, reusesMemory: true, signal}), {
			into: active.changesDirectory,
			overlayAttributes: active.overlayAttributes,
			parent,
			maximumSize: maximumUnpackedSize(blob.size),
			signal,
		});
		checkDiffId(applied.diffId, diffId);
		await arriving?.ready();
		const id = await active.commit({description: `unpack layer ${diffId}`});
		recordLayer(metadata, id, {chainId, diffId, descriptor: blob});
		return id;
	}

	// A blob that went from the store while its snapshot stayed comes back with the image: else the layer would be made again, with another digest.
	async #restoreBlob(id: SnapshotId, {chainId, diffId, blob, signal}: LayerToUnpack): Promise<void> {
		const {content, metadata} = this.#store;
		const known = findLayer(metadata, id)!;
		if (await content.has(known.descriptor.digest) || !await content.has(blob.digest)) {
			return;
		}

		const {digest} = await new HashedStream(await this.#readTar(blob, {signal})).finish();
		checkDiffId(diffIdFrom(digest), diffId);
		recordLayer(metadata, id, {chainId, diffId, descriptor: blob});
	}

	async #readTar({digest, size}: Descriptor, {bytes, reusesMemory, signal}: ReadTarOptions): Promise<AsyncIterable<Uint8Array>> {
		const {decompressed} = await import('./decompress.ts');
		return decompressed(bytes ?? this.#store.content.read(digest, {size, reusesMemory, signal}), {maximumSize: maximumUnpackedSize(size), signal});
	}

	/**
	The layer of a committed snapshot. A new one is an uncompressed tar in the content store; one that was unpacked is the blob that it came as.

	A blob that has gone from the content store is made again. For a layer that another program had made, the new one is not the same to the byte, and takes the place of the old.

	@throws {TsbuildError} `ERR_TSBUILD_SNAPSHOT_NOT_FOUND`; `ERR_TSBUILD_STORE` when the blob cannot be written; the reason of `signal`
	*/
	async layerOf(id: SnapshotId, {signal}: {readonly signal?: AbortSignal | undefined} = {}): Promise<Layer> {
		const {content, metadata, snapshotter} = this.#store;
		using _lock = await this.#diffs.acquire(id);
		signal?.throwIfAborted();
		const known = findLayer(metadata, id);
		const isThere = known !== undefined && await content.has(known.descriptor.digest);
		if (isThere && isChained(known)) {
			return known;
		}

		const parent = snapshotter.info(id)?.parent;
		const [blob, parentLayer] = await Promise.all([
			isThere ? known : this.#makeBlob(id, signal),
			parent === undefined ? undefined : this.layerOf(parent, {signal}),
		]);
		const layer = {...blob, chainId: chainIdOf(parentLayer?.chainId, blob.diffId)};
		// Other processes find a snapshot by its chain: they must not, as long as only this one can have the blob.
		if (await content.size(layer.descriptor.digest) !== undefined) {
			recordLayer(metadata, id, layer);
		}

		return layer;
	}

	/** The snapshot of a chain of layers if there is one. It is kept from now on, until the session ends. */
	takeSnapshot(chainId: ChainId): SnapshotId | undefined {
		const {metadata, session} = this.#store;
		return takeSnapshotOfChain(metadata, chainId, session.id);
	}

	/**
	The snapshot of a chain of layers: a known one, or a new one to which the layer is unpacked, while it arrives if it does. Blob and content are verified before there is a snapshot, and after a failure nothing is left.

	@throws {TsbuildError} `ERR_TSBUILD_LAYER` for a blob that is not what it should be, or does what no layer may; `ERR_TSBUILD_CONTENT_NOT_FOUND` without the blob; `ERR_TSBUILD_STORE` when the disk is full; the reason of `signal`
	*/
	async unpack(layer: LayerToUnpack): Promise<SnapshotId> {
		const {metadata, session} = this.#store;
		using _lock = await this.#chains.acquire(layer.chainId);
		layer.signal?.throwIfAborted();
		try {
			const known = takeSnapshotOfChain(metadata, layer.chainId, session.id);
			if (known === undefined) {
				return await this.#apply(layer);
			}

			await layer.arriving?.ready();
			await this.#restoreBlob(known, layer);
			return known;
		} catch (error) {
			throw explainFailure(layer, error);
		}
	}

	/**
	The layer with no file younger than `latestNanoseconds`, uncompressed.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_DECOMPRESS`, `ERR_TSBUILD_TAR` for the source; `ERR_TSBUILD_STORE` when the blob cannot be written; the reason of `signal`
	*/
	async limitTimes(source: Descriptor, latestNanoseconds: bigint, {signal}: {readonly signal?: AbortSignal | undefined} = {}): Promise<LooseLayer> {
		const {limitTimes} = await import('./limit-times.ts');
		const tar = await this.#readTar(source, {signal});
		const {digest, size} = await this.#store.content.ingest(limitTimes(tar, latestNanoseconds), {signal});
		return {diffId: diffIdFrom(digest), descriptor: {mediaType: mediaTypes.layer, digest, size}};
	}

	/**
	The blob with the same content in another compression, which is made when there is none. A blob that has the compression already, at whatever level, is given back.

	`level` is 0 to 9 for gzip, 0 to 22 for zstd; the format's own default without it. A blob that has to be made can be read meanwhile through `observer`.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_CONTENT`, `ERR_TSBUILD_DECOMPRESS` for the source; `ERR_TSBUILD_STORE` when the blob cannot be written; the reason of `signal`
	*/
	async compress(source: Descriptor, compression: Compression, {level, observer, signal}: CompressOptions = {}): Promise<Descriptor> {
		if (compressions[source.mediaType] === compression) {
			return source;
		}

		const {content, metadata} = this.#store;
		const mediaType = layerMediaTypes[compression];
		using _lock = await this.#variants.acquire(`${source.digest} ${compression} ${level}`);
		signal?.throwIfAborted();
		const known = findVariant(metadata, source.digest, {mediaType, level});
		if (known !== undefined && await content.has(known.digest)) {
			return known;
		}

		const tar = await this.#readTar(source, {reusesMemory: true, signal});
		const {compressed} = await import('./compress.ts');
		const encoded = compression === 'none' ? tar : releasingMemory(compressed(tar, {compression, level}));
		const {digest, size} = await content.ingest(encoded, {observer, signal});
		const variant = {mediaType, digest, size};
		recordVariant(metadata, source.digest, {...variant, level});
		return variant;
	}
}

function isChained(layer: LooseLayer & Partial<Layer>): layer is Layer {
	return layer.chainId !== undefined;
}

function checkDiffId(actual: DiffId, expected: DiffId): void {
	if (actual !== expected) {
		throw new TsbuildError('ERR_TSBUILD_LAYER', `its content has the diff ID ${actual} instead of ${expected}`);
	}
}

function explainFailure({blob}: LayerToUnpack, error: unknown): unknown {
	return blobFailures.has(errorCode(error) ?? '')
		? new TsbuildError('ERR_TSBUILD_LAYER', `failed to unpack layer ${blob.digest}: ${errorMessage(error)}`, {
			cause: error,
			hint: 'The image is damaged, or was made by a broken or hostile program.',
		})
		: error;
}
