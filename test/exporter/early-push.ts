import path from 'node:path';
import test from 'ava';
import {EarlyPush} from '../../src/exporter/early-push.ts';
import {PushMeter} from '../../src/exporter/push-meter.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes, type Descriptor} from '../../src/kernel/oci-types.ts';
import {parseReference, type Reference} from '../../src/kernel/reference.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {createLayout, type ContentStore, type IngestObserver} from '../../snapshotter/content-store.ts';
import {startFaultProxy, type Fault, type ProxiedRequest} from '../support/fault-proxy.ts';
import {
	blobOf,
	noise,
	openTestClient,
	readAll,
} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const bytes = noise(3_000_000);
const half = bytes.length / 2;
const descriptor = {mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length};

type Scene = AsyncDisposable & {
	readonly client: RegistryClient;
	readonly repository: Reference;
	readonly requests: readonly ProxiedRequest[];
	readonly content: ContentStore;
	push(...repositories: readonly Reference[]): EarlyPush;
};

async function setScene(chooseFault: (request: ProxiedRequest) => Fault | undefined = () => undefined): Promise<Scene> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const registry = cleanup.use(await startRegistry());
	const proxy = cleanup.use(await startFaultProxy(registry.host, chooseFault));
	const client = cleanup.use(openTestClient());
	const content = await createLayout(path.join(directory, 'layout'));
	const kept = cleanup.move();
	return {
		client,
		repository: parseReference(`${proxy.host}/some/app:1`),
		requests: proxy.requests,
		content,
		push: (...references) => new EarlyPush({
			client, references, meter: new PushMeter(() => undefined), signal: new AbortController().signal,
		}),
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

/** Makes the layer in two parts; the second one waits. */
function makeLayer({content}: Scene, rest: Promise<unknown>): (observer?: IngestObserver) => Promise<Descriptor> {
	return async observer => {
		await content.ingest((async function * () {
			yield bytes.subarray(0, half);
			await rest;
			yield bytes.subarray(half);
		})(), {observer});
		return descriptor;
	};
}

test('a layer is on its way before it is whole', async t => {
	const begun = Promise.withResolvers<void>();
	await using scene = await setScene(({method}) => {
		if (method === 'PATCH') {
			begun.resolve();
		}

		return undefined;
	});
	await using early = scene.push(scene.repository);
	// The rest is made when the upload has begun.
	t.deepEqual(await early.follow(makeLayer(scene, begun.promise)), descriptor);
	await early.finish();
	const stored = await readAll(scene.client.readBlob(scene.repository, descriptor));
	t.true(stored.equals(bytes));
});

test('of several repositories of a registry one is sent the layer', async t => {
	await using scene = await setScene();
	await using early = scene.push(scene.repository, {...scene.repository, path: 'other/app'});
	const make = makeLayer(scene, Promise.resolve());
	await early.follow(make);
	await early.finish();
	t.is(scene.requests.filter(({method}) => method === 'POST').length, 1);
});

test('a layer that turns out to be there is not waited for', async t => {
	let isStopped = false;
	await using scene = await setScene(({method}) => isStopped && method === 'PATCH' ? {type: 'silence'} : undefined);
	await scene.client.uploadBlob(scene.repository, blobOf(bytes));
	isStopped = true;
	await using early = scene.push(scene.repository);
	await early.follow(makeLayer(scene, Promise.resolve()));
	await t.notThrowsAsync(early.finish());
});

test('a layer that cannot be made fails with its own error', async t => {
	await using scene = await setScene();
	await using early = scene.push(scene.repository);
	const failure = new Error('no such layer');
	const make = makeLayer(scene, Promise.reject(failure));
	await t.throwsAsync(early.follow(make), {is: failure});
	await t.throwsAsync(early.finish());
	t.false(await scene.client.hasBlob(scene.repository, descriptor.digest));
});

test('an upload that fails ends the work, with the name that was to be pushed', async t => {
	await using scene = await setScene(({method}) => method === 'POST' ? {type: 'answer', status: 403} : undefined);
	await using early = scene.push(scene.repository);
	const ended = Promise.withResolvers<void>();
	early.signal.addEventListener('abort', () => {
		ended.resolve();
	});
	await early.follow(makeLayer(scene, ended.promise));
	await t.throwsAsync(early.finish(), {code: 'ERR_TSBUILD_REGISTRY_DENIED', message: /^failed to push 127\.0\.0\.1:\d+\/some\/app:1: /v});
});
