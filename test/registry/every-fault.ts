import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {startFaultProxy, type Fault} from '../support/fault-proxy.ts';
import {openTestClient, pushTestImage, readAll} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';

const size = 200_000;

const faults: Readonly<Record<string, Fault>> = {
	latency: {type: 'delay', milliseconds: 20},
	'answers that are cut off': {type: 'cut-answer', after: 10},
	'requests that are cut off': {type: 'cut-request', after: 100},
	'requests of which a part is kept': {type: 'keep-part', size: 100},
	'answers that are lost': {type: 'lose-answer'},
	'a status of 429': {type: 'answer', status: 429, headers: {'retry-after': '0'}},
	'a status of 500': {type: 'answer', status: 500},
	'a status of 502': {type: 'answer', status: 502, body: '<html>bad gateway</html>'},
	'a status of 200 for everything': {type: 'answer', status: 200, body: '<html>welcome</html>'},
	'a status of 204 for everything': {type: 'answer', status: 204},
	'answers that are shorter': {type: 'truncate', size: 20},
	'answers with another byte': {type: 'corrupt', at: 3},
	'requests with another byte': {type: 'corrupt-request', at: 3},
	'redirects in a circle': {type: 'answer', status: 307, headers: {location: '?again'}},
	'redirects to nowhere': {type: 'answer', status: 307, headers: {location: 'http://127.0.0.1:1/'}},
	'answers that come a byte at a time': {type: 'drip', milliseconds: 5},
	'answers that end in silence': {type: 'stall', after: 10},
	silence: {type: 'silence'},
	'a length that is too small': {type: 'claim-length', size: 10},
	'a length that is too large': {type: 'claim-length', size: 1_000_000},
};

/** What an action has thrown, which must be an error that users can do something with. */
async function failureOf(action: Promise<unknown>): Promise<TsbuildError | undefined> {
	try {
		await action;
		return undefined;
	} catch (error) {
		if (error instanceof TsbuildError && /^ERR_TSBUILD_(?:CONTENT|NETWORK|REGISTRY)/v.test(error.code)) {
			return error;
		}

		throw error;
	}
}

/** Reads an image, and tells whether it is the one that was pushed. */
async function isWhole(client: RegistryClient, {reference, layer, manifest}: Awaited<ReturnType<typeof pushTestImage>>): Promise<boolean> {
	const read = await client.fetchManifest(reference, await client.resolve(reference));
	const content = await readAll(client.readBlob(reference, {digest: digestOf(layer), size}));
	return Buffer.from(manifest).equals(read) && content.equals(layer);
}

const rightBytesOrError = test.macro(async (t, fault: Fault, isHit: (number: number) => boolean) => {
	// Nothing may hang; whether it takes long is not the question.
	t.timeout(120_000);
	await using registry = await startRegistry();
	await using proxy = await startFaultProxy(registry.host, ({number}) => isHit(number) ? fault : undefined);
	await using client = openTestClient({idleMilliseconds: 300, retryPolicy: {attempts: 3, firstMilliseconds: 1, maximumMilliseconds: 1000}});
	await using direct = openTestClient();

	const pushed: {image?: Awaited<ReturnType<typeof pushTestImage>>} = {};
	const pushFailure = await failureOf((async () => {
		pushed.image = await pushTestImage(client, `${proxy.host}/some/image:1`, size);
	})());
	const reference = parseReference(`${registry.host}/some/image:1`);
	t.true(pushFailure !== undefined || await isWhole(direct, {...pushed.image!, reference}), 'what is told to be pushed is there');

	const image = await pushTestImage(direct, `${registry.host}/other/image:1`, size);
	const pulled = isWhole(client, {...image, reference: {...image.reference, domain: proxy.host}});
	const pullFailure = await failureOf(pulled);
	t.true(pullFailure !== undefined || await pulled, 'what is told to be pulled is what was pushed');
	t.true(proxy.requests.length > 0);
});

for (const [name, fault] of Object.entries(faults)) {
	test(`${name}, each time: right bytes or a clear error`, rightBytesOrError, fault, () => true);
	test(`${name}, now and then: right bytes or a clear error`, rightBytesOrError, fault, number => number % 3 === 1);
}
