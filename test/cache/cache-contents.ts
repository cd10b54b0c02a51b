import {Buffer} from 'node:buffer';
import test from 'ava';
import {parseCacheConfig} from '../../src/cache/cache-config.ts';
import {CacheContents} from '../../src/cache/cache-contents.ts';
import {encodeAnnotatedCache, encodeCache, encodeCacheManifest} from '../../src/cache/encode-cache.ts';
import {byDigest} from '../../src/cache/read-cache.ts';
import {
	chainIdOf,
	diffIdFrom,
	digestOf,
	type ChainId,
} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import type {CachedLayer, CachedResult} from '../../snapshotter/cached-layers.ts';

const keys = [digestOf('a'), digestOf('b'), digestOf('c'), digestOf('d')] as const;

function stack(...names: readonly string[]): readonly [CachedLayer, ...CachedLayer[]] {
	let chainId: ChainId | undefined;
	return names.map((name, index) => {
		const diffId = diffIdFrom(digestOf(`tar of ${name}`));
		chainId = chainIdOf(chainId, diffId);
		return {
			diffId, chainId, blob: {mediaType: mediaTypes.layerGzip, digest: digestOf(name), size: name.length}, createdAt: 1000 * (index + 1),
		};
	}) as unknown as readonly [CachedLayer, ...CachedLayer[]];
}

const results: readonly CachedResult[] = [
	{keys: [keys[0], keys[1]], layers: stack('base', 'one')},
	{keys: [keys[2]], layers: stack('one')},
	{keys: [keys[3]]},
];

function read(document: unknown, layers = encodeCache({results, mounts: []}).layers): CacheContents {
	const bytes = Buffer.from(JSON.stringify(document));
	return new CacheContents(parseCacheConfig(bytes), byDigest(layers));
}

test('what is written is read again, with the time of each layer, whatever else has the same blob', t => {
	const {config, layers} = encodeCache({results, mounts: []});
	const contents = read(JSON.parse(new TextDecoder().decode(config.bytes)), layers);
	t.deepEqual(contents.find(keys[0]), results[0]);
	t.deepEqual(contents.find(keys[1]), results[0]);
	t.deepEqual(contents.find(keys[2]), results[1]);
	t.deepEqual(contents.find(keys[3]), results[2]);
	t.is(contents.find(digestOf('nobody')), undefined);
});

test('the same results have the same bytes in any order', t => {
	const reversed = encodeCache({results: results.toReversed(), mounts: []});
	t.deepEqual(reversed, encodeCache({results, mounts: []}));
});

test('a document that tells of the layers itself is read without a manifest', t => {
	const {bytes} = encodeAnnotatedCache(encodeCache({results, mounts: []}));
	const {layers} = parseCacheConfig(bytes);
	t.deepEqual(Object.keys(layers[0]!.annotations!), ['mediaType', 'diffId', 'size', 'createdAt']);
	t.throws(() => parseCacheConfig(Buffer.from(JSON.stringify({layers: [{blob: keys[0], annotations: {size: -1}}]}))), {code: 'ERR_TSBUILD_CACHE'});
});

test('a document has the form of BuildKit', t => {
	const {config} = encodeCache({results: [results[0]!], mounts: []});
	const document = JSON.parse(new TextDecoder().decode(config.bytes)) as {readonly layers: ReadonlyArray<{readonly blob: string}>};
	const [lower, upper] = [digestOf('base'), digestOf('one')];
	const isLowerFirst = lower < upper;
	t.deepEqual(document, {
		layers: isLowerFirst ? [{blob: lower, parent: -1}, {blob: upper}] : [{blob: upper, parent: 1}, {blob: lower, parent: -1}],
		records: [{layers: [{layer: isLowerFirst ? 1 : 0, createdAt: '1970-01-01T00:00:02.000Z'}], digest: keys[0], aliases: [keys[1]]}],
	});
	t.is(config.descriptor.mediaType, 'application/vnd.buildkit.cacheconfig.v0');
});

test('a manifest is that of an image or, on wish, an index that names the document at last', t => {
	const cache = encodeCache({results, mounts: []});
	const text = (manifest: {readonly bytes: Uint8Array}) => JSON.parse(new TextDecoder().decode(manifest.bytes)) as Record<string, unknown>;
	const image = encodeCacheManifest(cache, {mediaTypes: 'oci', isImageManifest: true});
	t.deepEqual(text(image), {
		schemaVersion: 2, mediaType: mediaTypes.manifest, config: cache.config.descriptor, layers: cache.layers,
	});
	const index = encodeCacheManifest(cache, {mediaTypes: 'docker', isImageManifest: false});
	t.is(index.descriptor.mediaType, mediaTypes.dockerIndex);
	t.deepEqual((text(index).manifests as unknown[]).at(-1), cache.config.descriptor);
	t.is((text(index).manifests as Array<{readonly mediaType: string}>)[0]!.mediaType, mediaTypes.dockerLayerGzip);
});

const refuses = test.macro({
	exec(t, document: unknown) {
		const error = t.throws<Error & {readonly code: string}>(() => read(document));
		t.true(['ERR_TSBUILD_CACHE', 'ERR_TSBUILD_INVALID_DIGEST'].includes(error.code));
	},
	title: (_, document: unknown) => `${JSON.stringify(document)} is no cache`,
});

test(refuses, []);
test(refuses, 'text');
test(refuses, {layers: {}});
test(refuses, {layers: [{}]});
test(refuses, {layers: [{blob: 'sha256:../../../../etc/passwd', parent: -1}]});
test(refuses, {layers: [{blob: keys[0], parent: 0.5}]});
test(refuses, {records: [{digest: '../x'}]});
test(refuses, {records: [{digest: keys[0], aliases: ['x']}]});
test(refuses, {records: [{digest: keys[0], layers: [{layer: 'x'}]}]});
test(refuses, {mounts: [{id: 'x'}]});

const holdsKeysAlone = test.macro({
	exec(t, layers: ReadonlyArray<{readonly parent?: number}>, layer: number) {
		const blobs = layers.map(each => ({blob: digestOf('one'), ...each}));
		const contents = read({layers: blobs, records: [{digest: keys[0], layers: [{layer}]}]});
		t.deepEqual(contents.find(keys[0]), {keys: [keys[0]]});
	},
	title: (_, layers: readonly unknown[], layer: number) => `layer ${layer} of ${JSON.stringify(layers)} is none`,
});

test(holdsKeysAlone, [{parent: 0}], 0);
test(holdsKeysAlone, [{parent: 1}, {parent: 0}], 0);
test(holdsKeysAlone, [{}], 0);
test(holdsKeysAlone, [{parent: 1_000_000_000}], 0);
test(holdsKeysAlone, [{parent: -1}], 7);
test(holdsKeysAlone, [{parent: -1}], -5);

test('layers without a diff ID are none', t => {
	const layers = encodeCache({results, mounts: []}).layers.map(({annotations: _, ...layer}) => layer);
	const contents = read({layers: [{blob: digestOf('one'), parent: -1}], records: [{digest: keys[0], layers: [{layer: 0}]}]}, layers);
	t.deepEqual(contents.find(keys[0]), {keys: [keys[0]]});
});
