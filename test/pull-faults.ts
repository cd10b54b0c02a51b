import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fastCheck from 'fast-check';
import {digestOf} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import {mediaTypes} from '../src/kernel/oci-types.ts';
import {parseReference} from '../src/kernel/reference.ts';
import {pullImage} from '../src/pull-image.ts';
import type {OpenRegistryClientOptions} from '../src/registry/open-registry-client.ts';
import {BuildStore} from './support/build-store.ts';
import {startFaultProxy, type Fault} from './support/fault-proxy.ts';
import {blobOf, openTestClient} from './support/registry-client.ts';
import {startRegistry} from './support/registry.ts';
import {blocks, endOfArchive, rawHeader} from './support/tar-bytes.ts';

const platform = {os: 'linux', architecture: 'amd64'};
const layerSize = 200_000;

/** Pushes an image whose layers have a file of noise each, and gives what is in it. */
async function pushNoise(name: string, count: number): Promise<readonly string[]> {
	await using client = openTestClient();
	const reference = parseReference(name);
	const contents = Array.from({length: count}, () => randomBytes(layerSize / 2).toString('hex'));
	const layers = contents.map((content, index) => Buffer.concat([rawHeader({name: Buffer.from(`file${index}`), size: layerSize}), blocks(content), endOfArchive]));
	const config = Buffer.from(JSON.stringify({...platform, config: {}, rootfs: {type: 'layers', diff_ids: layers.map(layer => digestOf(layer))}}));
	for (const blob of [config, ...layers]) {
		await client.uploadBlob(reference, blobOf(blob));
	}

	const describe = (mediaType: string, bytes: Uint8Array) => ({mediaType, digest: digestOf(bytes), size: bytes.length});
	const manifest = {
		schemaVersion: 2,
		mediaType: mediaTypes.manifest,
		config: describe(mediaTypes.config, config),
		layers: layers.map(layer => describe(mediaTypes.layer, layer)),
	};
	await client.pushManifest(reference, {bytes: Buffer.from(JSON.stringify(manifest)), mediaType: mediaTypes.manifest});
	return contents;
}

const impatient = {idleMilliseconds: 300, retryPolicy: {attempts: 3, firstMilliseconds: 1, maximumMilliseconds: 2}};

async function pull(build: BuildStore, name: string, options: Partial<OpenRegistryClientOptions> = {}): Promise<void> {
	await using client = openTestClient(options);
	await pullImage(parseReference(name), {
		store: build.store,
		client,
		platform,
		progress() {
			// Nobody looks.
		},
		signal: new AbortController().signal,
	});
}

/** What is in the layers' directories, the lowest first. */
function readLayers({store: {metadata, root}}: BuildStore): readonly string[] {
	const rows = metadata.statement('SELECT id FROM snapshots ORDER BY id').all();
	return rows.map(({id}, index) => readFileSync(path.join(root, 'snapshots', String(id), 'fs', `file${index}`), 'utf8'));
}

const place = fastCheck.nat(layerSize + 1000);

const faults: fastCheck.Arbitrary<Fault | undefined> = fastCheck.oneof(
	fastCheck.constant(undefined),
	fastCheck.constant<Fault>({type: 'lose-answer'}),
	fastCheck.constantFrom(401, 404, 429, 500, 503).map((status): Fault => ({type: 'answer', status})),
	fastCheck.nat(30).map((milliseconds): Fault => ({type: 'delay', milliseconds})),
	place.map((at): Fault => ({type: 'corrupt', at})),
	place.map((size): Fault => ({type: 'truncate', size})),
	place.map((size): Fault => ({type: 'claim-length', size})),
	place.map((after): Fault => ({type: 'cut-answer', after})),
	place.map((after): Fault => ({type: 'stall', after})),
);

test('whatever happens on the way, an image comes right or not at all, and can be had afterwards', async t => {
	t.timeout(600_000);
	await using registry = await startRegistry();
	const expected = await pushNoise(`${registry.host}/noise:1`, 3);
	const withFaults = fastCheck.asyncProperty(fastCheck.array(faults, {maxLength: 12}), async list => {
		const left = [...list];
		await using proxy = await startFaultProxy(registry.host, () => left.shift());
		await using build = await BuildStore.open();
		const name = `${proxy.host}/noise:1`;
		const [outcome] = await Promise.allSettled([pull(build, name, impatient)]);
		t.deepEqual(readdirSync(build.store.session.directory), ['lock']);
		if (outcome.status === 'fulfilled') {
			t.deepEqual(readLayers(build), expected);
		} else {
			t.regex(errorCode(outcome.reason) ?? String(outcome.reason), /^ERR_TSBUILD_/v);
			left.length = 0;
			await pull(build, name);
			t.deepEqual(readLayers(build), expected);
		}
	});
	await fastCheck.assert(withFaults, {numRuns: 25});
});
