import {Buffer} from 'node:buffer';
import test, {type ExecutionContext} from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import type {OpenRegistryClientOptions} from '../../src/registry/open-registry-client.ts';
import type {RetryNotice} from '../../src/http/retry.ts';
import {startFaultProxy, type Fault, type ProxiedRequest} from '../support/fault-proxy.ts';
import {openTestClient, pushTestImage, readAll} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';

const size = 1_000_000;

type Trouble = {
	/** What happens to a request for the blob, the first one being number 0. */
	readonly fault: (number: number) => Fault | undefined;
	readonly options?: Partial<OpenRegistryClientOptions>;
};

type Outcome = {
	readonly read: Promise<Buffer>;
	readonly expected: Buffer;
	/** Those for the blob. */
	readonly requests: readonly ProxiedRequest[];
	readonly notices: readonly RetryNotice[];
};

/** Reads a blob of noise through a proxy. */
async function withTrouble({fault, options = {}}: Trouble, judge: (outcome: Outcome) => Promise<void>): Promise<void> {
	await using registry = await startRegistry();
	const requests: ProxiedRequest[] = [];
	await using proxy = await startFaultProxy(registry.host, request => {
		if (request.method !== 'GET') {
			return undefined;
		}

		requests.push(request);
		return fault(requests.length - 1);
	});
	const notices: RetryNotice[] = [];
	await using patient = openTestClient();
	const {reference, layer} = await pushTestImage(patient, `${registry.host}/some/image`, size);
	await using client = openTestClient({
		onRetry(notice) {
			notices.push(notice);
		},
		...options,
	});
	const content = client.readBlob({...reference, domain: proxy.host}, {digest: digestOf(layer), size});
	await judge({
		read: readAll(content),
		expected: Buffer.from(layer),
		requests,
		notices,
	});
}

const survives = test.macro(async (t, trouble: Trouble) => {
	await withTrouble(trouble, async ({read, expected}) => {
		t.true(expected.equals(await read));
	});
});

const fails = test.macro(async (t: ExecutionContext, trouble: Trouble, code: string, message: RegExp) => {
	await withTrouble(trouble, async ({read}) => {
		await t.throwsAsync(read, {code, message});
	});
});

test('a blob that is cut off again and again comes whole, each byte once', async t => {
	await withTrouble({fault: number => number < 8 ? {type: 'cut-answer', after: 120_000} : undefined}, async ({read, expected, requests}) => {
		t.true(expected.equals(await read));
		t.true(requests.length > 5);
		const starts = requests.slice(1).map(({headers}) => Number(/^bytes=(?<start>\d+)-$/v.exec(headers.range ?? '')?.groups?.start));
		t.deepEqual(starts, starts.toSorted((first, second) => first - second));
		t.true(starts[0]! > 0);
	});
});

test('an answer that is lost before it begins is asked for again', survives, {fault: number => number === 0 ? {type: 'lose-answer'} : undefined});
test('a server that is slow gives the blob', survives, {fault: () => ({type: 'delay', milliseconds: 100})});

for (const status of [408, 429, 500, 502, 503, 504]) {
	test(`a status of ${status} is one that passes`, survives, {fault: number => number === 0 ? {type: 'answer', status} : undefined});
	test(`a status of ${status} that stays is told`, fails, {fault: () => ({type: 'answer', status})}, status === 429 ? 'ERR_TSBUILD_REGISTRY_RATE_LIMIT' : 'ERR_TSBUILD_REGISTRY_STATUS', new RegExp(String.raw`^unexpected status from GET request to http://127\.0\.0\.1:\d+/v2/some/image/blobs/sha256:[\da-f]+: ${status} `, 'v'));
}

test('a status of 403 is told at once, with what the registry says', async t => {
	await withTrouble({fault: () => ({type: 'answer', status: 403, body: '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'})}, async ({read, requests}) => {
		await t.throwsAsync(read, {code: 'ERR_TSBUILD_REGISTRY_DENIED', message: /: 403 Forbidden\ndenied: requested access to the resource is denied$/v});
		t.is(requests.length, 1);
	});
});

const waitsAsAsked = test.macro(async (t, retryAfter: () => string) => {
	await withTrouble({
		fault: number => number === 0 ? {type: 'answer', status: 429, headers: {'retry-after': retryAfter()}} : undefined,
	}, async ({read, expected, notices}) => {
		t.true(expected.equals(await read));
		t.is(notices.length, 1);
		t.regex(notices[0]!.reason, /429 Too Many Requests$/v);
		t.true(notices[0]!.seconds > 0 && notices[0]!.seconds <= 2);
	});
});

test('Retry-After in seconds is waited for', waitsAsAsked, () => '1');
test('Retry-After as a date is waited for', waitsAsAsked, () => new Date(Date.now() + 2000).toUTCString());

test('a wait that is too long is told instead', async t => {
	await withTrouble({fault: () => ({type: 'answer', status: 429, headers: {'retry-after': '3600'}})}, async ({read, notices}) => {
		const error = await t.throwsAsync(read, {code: 'ERR_TSBUILD_REGISTRY_RATE_LIMIT'});
		t.regex(String((error as {readonly hint?: string}).hint), /asks to be left alone for 60 minutes: try again then/v);
		t.deepEqual(notices, []);
	});
});

test(
	'a blob that is shorter than its descriptor says is refused',
	fails,
	{fault: () => ({type: 'truncate', size: 1000})},
	'ERR_TSBUILD_CONTENT',
	/the registry has 1000 bytes of it instead of 1000000$/v,
);
test(
	'a blob that is longer than its descriptor says is refused',
	fails,
	{fault: () => ({type: 'claim-length', size: 2_000_000})},
	'ERR_TSBUILD_CONTENT',
	/the registry has 2000000 bytes of it instead of 1000000$/v,
);
test('a blob with another byte is refused', fails, {fault: () => ({type: 'corrupt', at: 777_777})}, 'ERR_TSBUILD_CONTENT', /what the registry sends has the digest sha256:[\da-f]{64}$/v);

test('redirects in a circle end', async t => {
	await withTrouble({fault: () => ({type: 'answer', status: 307, headers: {location: '/v2/elsewhere'}})}, async ({read, requests}) => {
		await t.throwsAsync(read, {code: 'ERR_TSBUILD_NETWORK_REDIRECT', message: /^failed to do request: Get ".*": stopped after 10 redirects$/v});
		t.is(requests.length, 11);
	});
});

test(
	'a redirect to what is no web address is not followed',
	fails,
	{fault: () => ({type: 'answer', status: 302, headers: {location: 'file:///etc/passwd'}})},
	'ERR_TSBUILD_NETWORK_REDIRECT',
	/leads to no http or https address$/v,
);

const impatient = {idleMilliseconds: 250, retryPolicy: {attempts: 2, firstMilliseconds: 1, maximumMilliseconds: 1}};

// Alone, because it is no silence when this process is busy with other tests.
test.serial('a server that falls silent is asked for the rest', survives, {
	fault: number => number === 0 ? {type: 'stall', after: 500_000} : undefined,
	options: {idleMilliseconds: 2000},
});
test('a server that stays silent is asked once more, however many attempts there are', async t => {
	await withTrouble({fault: () => ({type: 'silence'}), options: {idleMilliseconds: 250}}, async ({read, notices}) => {
		await t.throwsAsync(read, {code: 'ERR_TSBUILD_NETWORK_TIMEOUT'});
		t.is(notices.length, 1);
	});
});
test(
	'a server that stays silent is given up',
	fails,
	{fault: () => ({type: 'silence'}), options: impatient},
	'ERR_TSBUILD_NETWORK_TIMEOUT',
	/^failed to do request: Get ".*": i\/o timeout: no progress for 0\.25 seconds$/v,
);
test('a server that falls silent each time is given up', fails, {fault: () => ({type: 'stall', after: 10}), options: impatient}, 'ERR_TSBUILD_NETWORK_TIMEOUT', /no progress/v);
test('a server that sends a byte now and then is given up', fails, {fault: () => ({type: 'drip', milliseconds: 20}), options: impatient}, 'ERR_TSBUILD_NETWORK_TIMEOUT', /no progress/v);

test.serial('whoever takes their time with what came is not cut off', async t => {
	await using registry = await startRegistry();
	await using patient = openTestClient();
	const {reference, layer} = await pushTestImage(patient, `${registry.host}/some/image`, 20_000_000);
	const notices: RetryNotice[] = [];
	await using client = openTestClient({
		idleMilliseconds: 2000,
		onRetry(notice) {
			notices.push(notice);
		},
	});
	const chunks: Uint8Array[] = [];
	for await (const chunk of client.readBlob(reference, {digest: digestOf(layer), size: layer.length})) {
		if (chunks.length === 3) {
			await new Promise<void>(resolve => {
				setTimeout(resolve, 2500);
			});
		}

		chunks.push(chunk);
	}

	t.true(Buffer.concat(chunks).equals(layer));
	t.deepEqual(notices, []);
});
