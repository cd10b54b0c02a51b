import {Buffer} from 'node:buffer';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {makeAuthority, makeCertificate} from '../support/certificates.ts';
import {startFaultProxy} from '../support/fault-proxy.ts';
import {
	blobOf,
	openTestClient,
	pushTestImage,
	readAll,
} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const size = 300_000;
const busybox = parseReference('busybox:1');

/** A client on a machine with a Docker engine of this configuration, where Docker Hub is out of reach. */
async function withEngine(config: unknown, action: (client: RegistryClient) => Promise<void>): Promise<void> {
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.config/docker'), {recursive: true});
	await writeFile(path.join(home.path, '.config/docker/daemon.json'), typeof config === 'string' ? config : JSON.stringify(config));
	await using client = openTestClient({environment: {HOME: home.path, HTTPS_PROXY: '127.0.0.1:1'}});
	await action(client);
}

/** Puts the image that is busybox of Docker Hub into a registry. */
async function fill(host: string) {
	await using client = openTestClient();
	return await pushTestImage(client, `${host}/library/busybox:1`, size);
}

test('an image of Docker Hub is read from a mirror', async t => {
	await using registry = await startRegistry();
	const {manifest, layer} = await fill(registry.host);
	await withEngine({'registry-mirrors': [`http://${registry.host}/`]}, async client => {
		const descriptor = await client.resolve(busybox);
		t.is(descriptor.digest, digestOf(manifest));
		t.deepEqual(Buffer.from(await client.fetchManifest(busybox, descriptor)), Buffer.from(manifest));
		const content = await readAll(client.readBlob(busybox, {digest: digestOf(layer), size}));
		t.true(content.equals(layer));
	});
});

test('what one mirror does not have, or does not give, the next one does', async t => {
	await using empty = await startRegistry();
	await using registry = await startRegistry();
	await using broken = await startFaultProxy(registry.host, () => ({type: 'answer', status: 503}));
	const {manifest, layer} = await fill(registry.host);
	const mirrors = ['http://127.0.0.1:1', `http://${broken.host}`, `http://${empty.host}`, `http://${registry.host}`];
	await withEngine({'registry-mirrors': mirrors}, async client => {
		const descriptor = await client.resolve(busybox);
		t.is(descriptor.digest, digestOf(manifest));
		const content = await readAll(client.readBlob(busybox, {digest: digestOf(layer), size}));
		t.true(content.equals(layer));
		// Each request once: the mirror is not asked again.
		t.is(broken.requests.length, 2);
	});
});

test('what one mirror has begun, the next one goes on with', async t => {
	await using registry = await startRegistry();
	const {layer} = await fill(registry.host);
	await using cut = await startFaultProxy(registry.host, () => ({type: 'cut-answer', after: 100_000}));
	await using whole = await startFaultProxy(registry.host, () => undefined);
	await withEngine({'registry-mirrors': [`http://${cut.host}`, `http://${whole.host}`]}, async client => {
		const content = await readAll(client.readBlob(busybox, {digest: digestOf(layer), size}));
		t.true(content.equals(layer));
		t.deepEqual([cut.requests.length, whole.requests.length], [1, 1]);
		t.regex(whole.requests[0]!.headers.range!, /^bytes=[1-9]\d*-$/v);
	});
});

test('what is in no mirror is asked of Docker Hub, whose error counts', async t => {
	await using empty = await startRegistry();
	await withEngine({'registry-mirrors': [`http://${empty.host}`]}, async client => {
		const error = {code: 'ERR_TSBUILD_NETWORK_UNREACHABLE', message: /"https:\/\/registry-1\.docker\.io\/v2\/library\/busybox\//v};
		await t.throwsAsync(client.resolve(busybox), error);
		const content = client.readBlob(busybox, {digest: digestOf('x'), size: 1});
		await t.throwsAsync(readAll(content), error);
	});
});

test('mirrors get nothing, and are not asked for images of other registries', async t => {
	await using registry = await startRegistry();
	await using mirror = await startFaultProxy(registry.host, () => undefined);
	await fill(registry.host);
	await withEngine({'registry-mirrors': [`http://${mirror.host}`]}, async client => {
		const blob = blobOf(new Uint8Array(10));
		await t.throwsAsync(client.uploadBlob(busybox, blob), {code: 'ERR_TSBUILD_NETWORK_UNREACHABLE'});
		await t.throwsAsync(client.hasBlob(busybox, digestOf('x')), {code: 'ERR_TSBUILD_NETWORK_UNREACHABLE'});
		await t.notThrowsAsync(client.resolve(parseReference(`${registry.host}/library/busybox:1`)));
		t.deepEqual(mirror.requests, []);
	});
});

test('registries that the engine calls insecure are so', async t => {
	await using directory = await makeTemporaryDirectory();
	const authority = await makeAuthority(directory.path);
	await using registry = await startRegistry({tls: await makeCertificate(authority, directory.path, {hasExpired: true})});
	await withEngine({'insecure-registries': [registry.host]}, async client => {
		await t.notThrowsAsync(pushTestImage(client, `${registry.host}/some/image`));
	});
});

const refuses = test.macro(async (t: ExecutionContext, config: unknown, message: RegExp) => {
	await withEngine(config, async client => {
		await t.throwsAsync(client.resolve(busybox), {code: 'ERR_TSBUILD_ENGINE_CONFIG', message});
	});
});

test('a configuration that is broken is told', refuses, '{"registry-mirrors": [', /^failed to read the configuration of the Docker engine .*\/daemon\.json: /v);
test('a mirror that is no address is told', refuses, {'registry-mirrors': ['mirror:5000']}, /: invalid mirror "mirror:5000": it must be http:\/\/HOST:PORT or https:\/\/HOST:PORT$/v);
test('a mirror with a path is told', refuses, {'registry-mirrors': ['https://mirror.example/hub']}, /: invalid mirror /v);

test('what else is in the configuration does not matter', async t => {
	await using registry = await startRegistry();
	await withEngine({debug: true, 'registry-mirrors': 'none', 'insecure-registries': [5]}, async client => {
		await t.notThrowsAsync(pushTestImage(client, `${registry.host}/some/image`));
	});
});
