import {errorCode} from '../kernel/errors.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import {encodeLayers, type LayerEncoding} from '../exporter/encoded-image.ts';
import {findCacheRecord} from '../../snapshotter/cache-records.ts';
import type {CachedLayer, CachedResult} from '../../snapshotter/cached-layers.ts';
import type {LayerStore} from '../../snapshotter/layers.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {CacheMode} from './cache-option.ts';
import type {ImportedSource} from './import-caches.ts';

/** The records that a build has found or made, and where they are. */
export type UsedResultsOptions = {
	readonly store: Pick<Store, 'metadata' | 'snapshotter'>;
	readonly layers: LayerStore;
	/** Canonical keys, each with all that lead to the same record. */
	readonly usedKeys: ReadonlyMap<string, ReadonlySet<string>>;
	/** Where those may be that nobody has loaded. */
	readonly sources: readonly ImportedSource[];
	/** What the build has made; `null` is the empty file system. */
	readonly snapshot: SnapshotId | null;
	readonly signal: AbortSignal;
};

/** What of a build can be exported: its records, with their layers as they are in the store or elsewhere. */
export class UsedResults {
	readonly #options: UsedResultsOptions;

	constructor(options: UsedResultsOptions) {
		this.#options = options;
	}

	async #layersOf(snapshot: SnapshotId): Promise<readonly CachedLayer[]> {
		const {store: {snapshotter}, layers, signal} = this.#options;
		return Promise.all(snapshotter.chain(snapshot).map(async id => {
			const {diffId, chainId, descriptor} = await layers.layerOf(id, {signal});
			return {
				diffId, chainId, blob: descriptor, createdAt: snapshotter.info(id)!.createdAt,
			};
		}));
	}

	/** `undefined` when there are none, or some are gone. */
	async #localLayers(key: string, {snapshot: isKept}: Filter): Promise<readonly CachedLayer[] | undefined> {
		const {store: {metadata}} = this.#options;
		const {snapshot = null} = findCacheRecord(metadata, key) ?? {};
		if (snapshot === null || !isKept(snapshot)) {
			return undefined;
		}

		try {
			return await this.#layersOf(snapshot);
		} catch (error) {
			if (errorCode(error) === 'ERR_TSBUILD_CONTENT_NOT_FOUND') {
				return undefined;
			}

			throw error;
		}
	}

	async #importedLayers(key: string, filter: Filter): Promise<readonly CachedLayer[] | undefined> {
		const {sources, signal} = this.#options;
		for (const source of sources) {
			const result = source.find(key);
			if (result?.layers !== undefined && filter.layer(result.layers.at(-1)!) && await source.hasLayers(result, {signal})) {
				return result.layers;
			}
		}

		return undefined;
	}

	async #resultOf(key: string, aliases: ReadonlySet<string>, filter: Filter): Promise<CachedResult> {
		const [lowest, ...others] = await this.#localLayers(key, filter) ?? await this.#importedLayers(key, filter) ?? [];
		return {keys: [key, ...[...aliases].filter(alias => alias !== key)], ...(lowest !== undefined && {layers: [lowest, ...others]})};
	}

	async #filter(mode: CacheMode): Promise<Filter> {
		if (mode === 'max') {
			return {snapshot: () => true, layer: () => true};
		}

		const snapshots = new Set(this.#chain);
		const chain = new Set(await this.chainIds());
		return {snapshot: snapshot => snapshots.has(snapshot), layer: ({chainId}) => chain.has(chainId)};
	}

	get #chain(): readonly SnapshotId[] {
		const {store: {snapshotter}, snapshot} = this.#options;
		return snapshot === null ? [] : snapshotter.chain(snapshot);
	}

	/** Of the layers of the build's result, lowest first. */
	async chainIds(): Promise<readonly string[]> {
		const {snapshot} = this.#options;
		const layers = snapshot === null ? [] : await this.#layersOf(snapshot);
		return layers.map(({chainId}) => chainId);
	}

	/** The results; with mode `min` those outside of the build's result are keys alone. Layers that nobody needed before are made now. */
	async list(mode: CacheMode): Promise<readonly CachedResult[]> {
		const filter = await this.#filter(mode);
		return Promise.all(this.#options.usedKeys.entries().map(async ([key, aliases]) => this.#resultOf(key, aliases, filter)));
	}
}

type Filter = {
	readonly snapshot: (snapshot: SnapshotId) => boolean;
	readonly layer: (highest: CachedLayer) => boolean;
};

type CompressContext = {readonly layers: LayerStore; readonly signal: AbortSignal};

/** The same results, with layers that have the wanted compression. */
export async function compressResults(results: readonly CachedResult[], encoding: LayerEncoding, context: CompressContext): Promise<readonly CachedResult[]> {
	const blobs = new Map(results.flatMap(({layers = []}) => layers).map(({blob}) => [blob.digest, blob])).values().toArray();
	const encoded = await encodeLayers(blobs, encoding, context);
	const encodedBlobs = new Map<string, Descriptor>(blobs.map(({digest}, index) => [digest, encoded[index]!]));
	return results.map(result => {
		const [lowest, ...others] = (result.layers ?? []).map(layer => ({...layer, blob: encodedBlobs.get(layer.blob.digest)!}));
		return lowest === undefined ? result : {...result, layers: [lowest, ...others]};
	});
}
