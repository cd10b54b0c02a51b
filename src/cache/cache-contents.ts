import {
	chainIdOf,
	parseDiffId,
	type ChainId,
	type DiffId,
	type Digest,
} from '../kernel/digest.ts';
import type {Descriptor} from '../kernel/oci-types.ts';
import type {CachedLayer, CachedResult} from '../../snapshotter/cached-layers.ts';
import type {CacheConfig, CacheConfigRecord} from './cache-config.ts';

/** Says of a layer what its tar's digest is. */
export const diffIdAnnotation = 'containerd.io/uncompressed';

/** Says of a layer when its files were made. */
export const createdAtAnnotation = 'buildkit/createdat';

// More than any file system can stack; a chain that is longer is an attack on the time.
const maximumChainLength = 1000;

// What stands for the layer below the lowest.
const noLayer = -1;

/**
What a cache holds, by its keys. A result whose layers are not told whole, or make no sense, is a key alone.
*/
export class CacheContents {
	readonly #config: CacheConfig;
	readonly #descriptors: ReadonlyMap<Digest, Descriptor>;
	readonly #records: ReadonlyMap<string, CacheConfigRecord>;
	/** When layers were made, by their index. Descriptors tell it too, but the same blob may have been made at several times. */
	readonly #times: ReadonlyMap<number, string>;
	readonly #results = new Map<CacheConfigRecord, CachedResult>();

	/** `descriptors` are those of the layers, by their blobs. */
	constructor(config: CacheConfig, descriptors: ReadonlyMap<Digest, Descriptor>) {
		this.#config = config;
		this.#descriptors = descriptors;
		this.#times = new Map(config.records.flatMap(({top}) => (top === undefined ? [] : [[top.layer, top.createdAt] as const])));
		this.#records = new Map(config.records.flatMap(record => [record.digest, ...record.aliases].map(key => [key, record] as const)));
	}

	#layersUpTo(highest: number): CachedResult['layers'] {
		const {layers} = this.#config;
		const blobs: DatedBlob[] = [];
		for (let index = highest; index !== noLayer; index = layers[index]!.parent) {
			const layer = layers[index];
			const descriptor = layer && this.#descriptors.get(layer.blob);
			if (descriptor === undefined || blobs.length === maximumChainLength) {
				return undefined;
			}

			blobs.push({descriptor, createdAt: this.#times.get(index) ?? descriptor.annotations?.[createdAtAnnotation]});
		}

		const [lowest, ...others] = describeLayers(blobs.toReversed()) ?? [];
		return lowest && [lowest, ...others];
	}

	/** What is under a key. */
	find(key: string): CachedResult | undefined {
		const record = this.#records.get(key);
		if (record === undefined) {
			return undefined;
		}

		const known = this.#results.get(record);
		if (known !== undefined) {
			return known;
		}

		const layers = record.top && this.#layersUpTo(record.top.layer);
		const result: CachedResult = {keys: [record.digest, ...record.aliases], ...(layers !== undefined && {layers})};
		this.#results.set(record, result);
		return result;
	}
}

type DatedBlob = {readonly descriptor: Descriptor; readonly createdAt: string | undefined};

function describeLayers(blobs: readonly DatedBlob[]): readonly CachedLayer[] | undefined {
	let chainId: ChainId | undefined;
	const layers: CachedLayer[] = [];
	for (const {descriptor: {annotations = {}, ...blob}, createdAt: time} of blobs) {
		const diffId = readDiffId(annotations[diffIdAnnotation] ?? '');
		if (diffId === undefined) {
			return undefined;
		}

		const createdAt = Date.parse(time ?? '');
		chainId = chainIdOf(chainId, diffId);
		layers.push({
			diffId, chainId, blob, createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
		});
	}

	return layers;
}

function readDiffId(text: string): DiffId | undefined {
	try {
		return parseDiffId(text);
	} catch {
		return undefined;
	}
}
