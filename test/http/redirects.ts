import {buffer} from 'node:stream/consumers';
import {Readable} from 'node:stream';
import test from 'ava';
import {HttpClient, type HttpRequest} from '../../src/http.ts';
import {startScriptedRegistry, type ScriptedAnswer, type ScriptedRequest} from '../support/scripted-registry.ts';

const settings = {
	userAgent: 'tsbuild-test',
	idleMilliseconds: 20_000,
	proxies: {},
	authorities: async () => undefined,
	tlsSettings: async () => ({}),
};

type Scene = {
	/** Of the first server, which redirects to the second. */
	readonly status: number;
	readonly request?: Partial<HttpRequest>;
	/** Is the second the same one? */
	readonly isSame?: boolean;
};

type Outcome = {
	readonly status: number;
	/** What the second server got. */
	readonly received: readonly ScriptedRequest[];
};

/** Sends a request to a server that redirects it. */
async function redirect({status, request = {}, isSame = false}: Scene): Promise<Outcome> {
	const received: ScriptedRequest[] = [];
	const answerLast = (asked: ScriptedRequest): ScriptedAnswer => {
		received.push(asked);
		return {body: 'there'};
	};

	await using second = await startScriptedRegistry(answerLast);
	await using first = await startScriptedRegistry(asked => {
		const location = isSame ? '/second' : `http://${second.host}/second`;
		return asked.path === '/second' ? answerLast(asked) : {status, headers: {location}};
	});
	using client = new HttpClient(settings);
	await using response = await client.request({
		method: 'GET',
		url: new URL(`http://${first.host}/first`),
		headers: {authorization: 'Basic secret', accept: 'text/plain'},
		...request,
	});
	await buffer(response.body);
	return {status: response.status, received};
}

for (const status of [301, 302, 303, 307, 308]) {
	test(`a redirect with status ${status} is followed, without telling another server who asks`, async t => {
		const {status: last, received} = await redirect({status});
		t.is(last, 200);
		t.is(received.length, 1);
		t.like(received[0], {method: 'GET', path: '/second', headers: {authorization: undefined, accept: 'text/plain'}});
	});
}

test('the same server is told who asks', async t => {
	const {received} = await redirect({status: 302, isSame: true});
	t.like(received[0], {headers: {authorization: 'Basic secret'}});
});

test('bytes are sent again to where a redirect leads', async t => {
	const {status, received} = await redirect({status: 307, request: {method: 'PUT', body: new TextEncoder().encode('body')}});
	t.is(status, 200);
	t.like(received[0], {method: 'PUT', headers: {'content-length': '4', authorization: undefined}});
});

test('a stream that has been sent is not sent again', async t => {
	const {status, received} = await redirect({status: 307, request: {method: 'PUT', body: Readable.from([new Uint8Array(4)])}});
	t.deepEqual({status, received}, {status: 307, received: []});
});

test('what was not asked for as a page is not made one', async t => {
	const {status, received} = await redirect({status: 302, request: {method: 'POST'}});
	t.deepEqual({status, received}, {status: 302, received: []});
});

test('only the web is followed to', async t => {
	await using server = await startScriptedRegistry(() => ({status: 302, headers: {location: 'data:text/plain,x'}}));
	using client = new HttpClient(settings);
	await t.throwsAsync(client.request({method: 'GET', url: new URL(`http://${server.host}/`)}), {
		code: 'ERR_TSBUILD_NETWORK_REDIRECT',
		message: /: it leads to no http or https address$/v,
	});
});

test('an error has neither the user nor the query of an address', async t => {
	using client = new HttpClient(settings);
	await t.throwsAsync(client.request({method: 'GET', url: new URL('http://user:hidden@localhost:1/path?signature=hidden')}), {
		code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
		message: 'Get "http://localhost:1/path": dial tcp 127.0.0.1:1: connect: connection refused',
	});
});
