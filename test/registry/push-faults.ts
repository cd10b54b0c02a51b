import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {parseReference, type Reference} from '../../src/kernel/reference.ts';
import type {OpenRegistryClientOptions} from '../../src/registry/open-registry-client.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {startFaultProxy, type Fault, type ProxiedRequest} from '../support/fault-proxy.ts';
import {
	blobOf,
	noise,
	openTestClient,
	readAll,
} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';

const bytes = noise(1_000_000);
const descriptor = {digest: digestOf(bytes), size: bytes.length};

type Trouble = {
	/** What happens to a request. `count` is the number of those with its method so far, the first one being 0. */
	readonly fault: (method: string, count: number) => Fault | undefined;
	readonly options?: Partial<OpenRegistryClientOptions>;
};

type Scene = {
	readonly client: RegistryClient;
	readonly repository: Reference;
	readonly requests: readonly ProxiedRequest[];
	/** What the registry itself has of the blob. */
	readonly readStored: () => Promise<Buffer>;
};

async function withTrouble({fault, options = {}}: Trouble, play: (scene: Scene) => Promise<void>): Promise<void> {
	await using registry = await startRegistry();
	const counts = new Map<string, number>();
	await using proxy = await startFaultProxy(registry.host, ({method}) => {
		const count = counts.get(method) ?? 0;
		counts.set(method, count + 1);
		return fault(method, count);
	});
	await using client = openTestClient(options);
	await play({
		client,
		repository: parseReference(`${proxy.host}/some/image:1`),
		requests: proxy.requests,
		readStored: async () => readAll(client.readBlob(parseReference(`${registry.host}/some/image`), descriptor)),
	});
}

const survives = test.macro(async (t, trouble: Trouble) => {
	await withTrouble(trouble, async ({client, repository, readStored}) => {
		const source = blobOf(bytes);
		await client.uploadBlob(repository, source);
		const stored = await readStored();
		t.true(stored.equals(bytes));
	});
});

const fails = test.macro(async (t, trouble: Trouble, code: string, message: RegExp) => {
	await withTrouble(trouble, async ({client, repository}) => {
		const source = blobOf(bytes);
		await t.throwsAsync(client.uploadBlob(repository, source), {code, message});
	});
});

const first = (method: string, fault: Fault): Trouble => ({fault: (asked, count) => asked === method && count === 0 ? fault : undefined});

test('an upload that is cut off begins again where the registry has lost it', survives, first('PATCH', {type: 'cut-request', after: 400_000}));
test('an upload whose beginning is not answered begins again', survives, first('POST', {type: 'lose-answer'}));
test('an upload whose bytes are not acknowledged goes on', survives, first('PATCH', {type: 'lose-answer'}));
test('an upload whose end is not acknowledged has ended', survives, first('PUT', {type: 'lose-answer'}));
test('an upload that was changed on the way is sent again', survives, first('PATCH', {type: 'corrupt-request', at: 500_000}));
test('an upload that the registry has forgotten begins again', survives, first('PUT', {type: 'answer', status: 404}));

for (const method of ['HEAD', 'POST', 'PATCH', 'PUT']) {
	test(`a registry that is overloaded by ${method} is asked again`, survives, first(method, {type: 'answer', status: 503}));
}

test('an upload goes on behind what the registry has kept', async t => {
	const trouble = {fault: (method: string, count: number): Fault | undefined => method === 'PATCH' && count < 3 ? {type: 'keep-part', size: 200_000} : undefined};
	await withTrouble(trouble, async ({client, repository, requests, readStored}) => {
		const offsets: number[] = [];
		const {content} = blobOf(bytes);
		await client.uploadBlob(repository, {
			descriptor,
			content(offset) {
				offsets.push(offset);
				return content(offset);
			},
		});
		t.deepEqual(offsets, [0, 200_000, 400_000, 600_000]);
		t.deepEqual(requests.filter(({method}) => method === 'PATCH').map(({headers}) => headers['content-range']), [undefined, '200000-999999', '400000-999999', '600000-999999']);
		const stored = await readStored();
		t.true(stored.equals(bytes));
	});
});

test('a blob that is made while it is uploaded goes on after a cut', async t => {
	await withTrouble(first('PATCH', {type: 'cut-request', after: 300_000}), async ({client, repository, readStored}) => {
		const made = Promise.withResolvers<typeof descriptor>();
		await client.uploadBlob(repository, {
			descriptor: made.promise,
			async * content(offset) {
				yield * blobOf(bytes).content(offset);
				made.resolve(descriptor);
			},
		});
		const stored = await readStored();
		t.true(stored.equals(bytes));
	});
});

test(
	'an upload that is cut off each time is given up',
	fails,
	{fault: method => method === 'PATCH' ? {type: 'cut-request', after: 1000} : undefined},
	'ERR_TSBUILD_NETWORK_CUT',
	/^failed to do request: Patch "http:\/\/127\.0\.0\.1:\d+\/v2\/some\/image\/blobs\/uploads\/[\d\-a-f]+": /v,
);
test(
	'an upload that is changed each time is given up, with what the registry says',
	fails,
	{fault: method => method === 'PATCH' ? {type: 'corrupt-request', at: 7} : undefined},
	'ERR_TSBUILD_REGISTRY_STATUS',
	/: 400 Bad Request\ndigest invalid: provided digest did not match uploaded content$/v,
);
test(
	'an upload that is too large is told so at once',
	fails,
	{fault: method => method === 'PATCH' ? {type: 'answer', status: 413} : undefined},
	'ERR_TSBUILD_REGISTRY_TOO_LARGE',
	/: 413 Payload Too Large$/v,
);
test(
	'an upload that is forbidden is told so at once',
	fails,
	{fault: method => method === 'POST' ? {type: 'answer', status: 403, body: '{"errors":[{"code":"DENIED"}]}'} : undefined},
	'ERR_TSBUILD_REGISTRY_DENIED',
	/: 403 Forbidden\ndenied$/v,
);
test(
	'a registry that does not say where to upload to is none',
	fails,
	{fault: method => method === 'POST' ? {type: 'answer', status: 202} : undefined},
	'ERR_TSBUILD_REGISTRY_PROTOCOL',
	/does not say where to$/v,
);
test('a registry that does not answer an upload is given up', fails, {
	fault: method => method === 'PATCH' ? {type: 'silence'} : undefined,
	options: {idleMilliseconds: 250, retryPolicy: {attempts: 2, firstMilliseconds: 1, maximumMilliseconds: 1}},
}, 'ERR_TSBUILD_NETWORK_TIMEOUT', /no progress for 0\.25 seconds$/v);

test('a manifest is pushed whatever happens on the way', async t => {
	const manifest = new TextEncoder().encode(JSON.stringify({schemaVersion: 2, mediaType: mediaTypes.index, manifests: []}));
	const faults: readonly Fault[] = [{type: 'lose-answer'}, {type: 'answer', status: 500}, {type: 'cut-request', after: 10}];
	await withTrouble({fault: (method, count) => method === 'PUT' ? faults[count] : undefined}, async ({client, repository, requests}) => {
		await client.pushManifest(repository, {bytes: manifest, mediaType: mediaTypes.index});
		t.is(requests.length, 4);
		const fetched = await client.fetchManifest(repository, await client.resolve(repository));
		t.true(Buffer.from(fetched).equals(manifest));
	});
});

test('a manifest that the registry refuses is told with what it says', async t => {
	await withTrouble({fault: () => undefined}, async ({client, repository}) => {
		const manifest = new TextEncoder().encode(JSON.stringify({
			schemaVersion: 2, mediaType: mediaTypes.manifest, config: {mediaType: mediaTypes.config, ...descriptor}, layers: [],
		}));
		await t.throwsAsync(client.pushManifest(repository, {bytes: manifest, mediaType: mediaTypes.manifest}), {
			code: 'ERR_TSBUILD_REGISTRY_STATUS',
			message: /: 400 Bad Request\nmanifest blob unknown: blob unknown to registry$/v,
		});
	});
});
