import {Buffer} from 'node:buffer';
import is from '@sindresorhus/is';
import {digestOf, type Digest} from '../kernel/digest.ts';
import {stringifyAsGo} from '../kernel/go-json.ts';
import {parseImageConfig} from '../kernel/image-documents.ts';
import type {Descriptor, ImageConfig, ImageManifest} from '../kernel/oci-types.ts';
import type {CachedResult} from '../../snapshotter/cached-layers.ts';
import {parseCacheRecords} from './cache-config.ts';
import {CacheContents, createdAtAnnotation, diffIdAnnotation} from './cache-contents.ts';
import {encodeRecord, sortRecords} from './encode-cache.ts';

// https://github.com/moby/buildkit/blob/v0.32.2/cache/remotecache/import.go (importInlineCache)

/**
Reads the records in the config of an image. Those of an image without any are `undefined`.

@throws {TsbuildError} `ERR_TSBUILD_CACHE` when the field holds something else; `ERR_TSBUILD_IMAGE` as `parseImageConfig`
*/
export function readInlineCache(manifest: ImageManifest, configBytes: Uint8Array): {readonly contents: CacheContents; readonly layers: readonly Descriptor[]} | undefined {
	const config = parseImageConfig(configBytes);
	const {'moby.buildkit.cache.v0': text}: {readonly 'moby.buildkit.cache.v0'?: unknown} = config;
	const diffIds = config.rootfs.diff_ids ?? [];
	if (!is.string(text) || diffIds.length !== manifest.layers.length) {
		return undefined;
	}

	const records = parseCacheRecords(Buffer.from(text, 'base64'));
	const times = layerTimes(config);
	// The same blob may be in an image twice, at other times: each layer has a name of its own.
	const layers = manifest.layers.map((layer, index) => ({
		name: nameOf(index),
		descriptor: {...layer, annotations: {[diffIdAnnotation]: diffIds[index]!, [createdAtAnnotation]: times[index] ?? ''}},
	}));
	return {
		contents: new CacheContents({
			layers: layers.map(({name}, index) => ({blob: name, parent: index - 1})), records, mounts: [],
		}, new Map(layers.map(({name, descriptor}) => [name, descriptor]))),
		layers: layers.map(({descriptor}) => descriptor),
	};
}

/**
What an image carries of the cache: the results whose layers begin as the image does, and the keys of the others. `chain` holds the chain IDs of the image's layers as they are in the store.
*/
export function encodeInlineCache(results: readonly CachedResult[], chain: readonly string[]): string {
	const records = results.map(result => {
		const layer = result.layers === undefined ? -1 : chain.indexOf(result.layers.at(-1)!.chainId);
		return encodeRecord(result, layer === -1 ? undefined : layer);
	});
	return Buffer.from(stringifyAsGo(sortRecords(records))).toString('base64');
}

function layerTimes({history}: ImageConfig): ReadonlyArray<string | undefined> {
	return (history ?? []).filter(({empty_layer: isEmpty}) => isEmpty !== true).map(({created}) => created);
}

function nameOf(index: number): Digest {
	return digestOf(`layer ${index}`);
}
