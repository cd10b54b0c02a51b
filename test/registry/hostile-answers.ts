import {Buffer} from 'node:buffer';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {parseReference, type Reference} from '../../src/kernel/reference.ts';
import {errorMessage} from '../../src/kernel/errors.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {blobOf, openTestClient, readAll} from '../support/registry-client.ts';
import {startScriptedRegistry, type ScriptedAnswer, type ScriptedRequest} from '../support/scripted-registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

type Scene = {
	readonly client: RegistryClient;
	readonly image: Reference;
	readonly requests: readonly string[];
};

/** A user with a password, and a registry that answers like this. */
async function withRegistry(answer: (request: ScriptedRequest, host: string) => ScriptedAnswer, play: (scene: Scene) => Promise<void>): Promise<void> {
	await using registry = await startScriptedRegistry(request => answer(request, registry.host));
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	await writeFile(path.join(home.path, '.docker/config.json'), JSON.stringify({auths: {[registry.host]: {username: 'user', password: 'hidden'}}}));
	await using client = openTestClient({environment: {HOME: home.path}});
	await play({client, image: parseReference(`${registry.host}/some/image`), requests: registry.requests});
}

const bytes = new TextEncoder().encode('{"schemaVersion": 2}');
const descriptor = {digest: digestOf(bytes), size: bytes.length};

const resolveFails = test.macro(async (t, answer: (request: ScriptedRequest, host: string) => ScriptedAnswer, code: string, message: RegExp) => {
	t.timeout(60_000);
	await withRegistry(answer, async ({client, image}) => {
		const error = await t.throwsAsync(client.resolve(image), {code, message});
		t.notRegex(`${error?.stack}`, /hidden|aGlkZGVu/v);
	});
});

test(
	'a digest that is none is refused',
	resolveFails,
	() => ({headers: {'docker-content-digest': 'sha256:../../etc/passwd', 'content-length': '20'}}),
	'ERR_TSBUILD_INVALID_DIGEST',
	/^invalid digest "sha256:\.\.\/\.\.\/etc\/passwd"$/v,
);
test(
	'a manifest that is too large is refused before it is read',
	resolveFails,
	() => ({headers: {'docker-content-digest': descriptor.digest, 'content-length': '5000000'}}),
	'ERR_TSBUILD_REGISTRY_PROTOCOL',
	/it has 5000000 bytes, and at most 4194304 are taken$/v,
);
test(
	'a manifest that turns out too large is not read to its end',
	resolveFails,
	({method}) => method === 'HEAD' ? {status: 405} : {body: new Uint8Array(5_000_000)},
	'ERR_TSBUILD_REGISTRY_PROTOCOL',
	/it has too many bytes, and at most 4194304 are taken$/v,
);
test(
	'a manifest that is not what its digest says is refused',
	resolveFails,
	({method}) => method === 'HEAD' ? {status: 405} : {headers: {'docker-content-digest': digestOf('another')}, body: bytes},
	'ERR_TSBUILD_CONTENT',
	/^failed to verify sha256:/v,
);

test(
	'what a terminal would obey is taken out of errors',
	resolveFails,
	({method}) => method === 'HEAD' ? {status: 405} : {status: 403, body: JSON.stringify({errors: [{code: 'DENIED\u{1B}[2J', message: '\u{1B}]0;title\u{7}no\u{9B}31m'}]})},
	'ERR_TSBUILD_REGISTRY_DENIED',
	/: 403 Forbidden\ndenied\[2j: \]0;titleno31m$/v,
);
test(
	'a long error is cut',
	resolveFails,
	({method}) => method === 'HEAD' ? {status: 405} : {status: 403, body: JSON.stringify({errors: [{code: 'DENIED', message: 'x'.repeat(100_000)}]})},
	'ERR_TSBUILD_REGISTRY_DENIED',
	/: 403 Forbidden\ndenied: x{992}$/v,
);
test(
	'an error without end is not read to its end',
	resolveFails,
	({method}) => method === 'HEAD' ? {status: 405} : {status: 403, body: 'x'.repeat(3_000_000)},
	'ERR_TSBUILD_REGISTRY_DENIED',
	/: 403 Forbidden$/v,
);

test('what a registry says of a refusal is told of a blob, too', async t => {
	await withRegistry(() => ({status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}'}), async ({client, image, requests}) => {
		await t.throwsAsync(client.hasBlob(image, descriptor.digest), {
			code: 'ERR_TSBUILD_REGISTRY_DENIED',
			message: /^unexpected status from HEAD request to .*: 403 Forbidden\ndenied: not yours$/v,
		});
		t.is(requests.length, 2);
	});
});

test('a registry that does not know HEAD is asked for a blob by GET', async t => {
	await withRegistry(({method, path: asked}) => method === 'HEAD' ? {status: 405} : {status: asked.endsWith(descriptor.digest) ? 200 : 404, body: bytes}, async ({client, image}) => {
		t.true(await client.hasBlob(image, descriptor.digest));
		t.false(await client.hasBlob(image, digestOf('another')));
	});
});

const unauthorized = (challenge: string): ScriptedAnswer => ({status: 401, headers: {'www-authenticate': challenge}});
test(
	'who is refused again and again gives up',
	resolveFails,
	({path: asked}, host) => asked.startsWith('/token') ? {body: '{"token":"t"}'} : unauthorized(`Bearer realm="http://${host}/token"`),
	'ERR_TSBUILD_REGISTRY_UNAUTHORIZED',
	/: 401 Unauthorized$/v,
);
test('a token is asked for on the web alone', resolveFails, () => unauthorized('Bearer realm="file:///etc/passwd"'), 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED', /: 401 Unauthorized$/v);
test(
	'a password is not sent where anybody can read it',
	resolveFails,
	() => unauthorized('Bearer realm="http://token-server/"'),
	'ERR_TSBUILD_REGISTRY_PROTOCOL',
	/wants the password sent to http:\/\/token-server, where anybody on the way can read it$/v,
);
test('what asks for who asks may be nonsense', resolveFails, () => unauthorized(`Bearer realm=", ,,=="", ${'a="\\'.repeat(2000)}`), 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED', /: 401 Unauthorized$/v);
test('what asks for who asks may be an unknown scheme', resolveFails, () => unauthorized('Negotiate abc, Digest realm="x"'), 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED', /: 401 Unauthorized$/v);

test('who asks is not told where uploads go to another host', async t => {
	const received: Array<string | undefined> = [];
	await using elsewhere = await startScriptedRegistry(({method, headers}) => {
		received.push(headers.authorization);
		return method === 'PATCH' ? {status: 202, headers: {location: '/upload'}} : {status: 201};
	});
	await withRegistry(({method, headers}) => {
		if (headers.authorization === undefined) {
			return unauthorized('Basic realm="x"');
		}

		return method === 'POST' ? {status: 202, headers: {location: `http://${elsewhere.host}/upload`}} : {status: 404};
	}, async ({client, image, requests}) => {
		await client.uploadBlob(image, blobOf(bytes));
		t.deepEqual(received, [undefined, undefined]);
		t.deepEqual(requests, ['POST /v2/some/image/blobs/uploads/', 'POST /v2/some/image/blobs/uploads/']);
	});
});

const readFails = test.macro(async (t, second: ScriptedAnswer, code: string, message: RegExp) => {
	const half = Buffer.from(bytes.subarray(0, 10));
	let count = 0;
	// The first answer ends in the middle.
	await withRegistry(() => count++ === 0 ? {headers: {'transfer-encoding': 'chunked'}, body: half} : second, async ({client, image}) => {
		await t.throwsAsync(readAll(client.readBlob(image, descriptor)), {code, message});
	});
});

test(
	'a part that begins behind what is missing is refused',
	readFails,
	{status: 206, headers: {'content-range': 'bytes 15-19/20'}, body: bytes.subarray(15)},
	'ERR_TSBUILD_REGISTRY_PROTOCOL',
	/^failed to resume at byte 10: the registry sends the range "bytes 15-19\/20"$/v,
);
test(
	'a part of something longer is refused',
	readFails,
	{status: 206, headers: {'content-range': 'bytes 10-19/30'}, body: bytes.subarray(10)},
	'ERR_TSBUILD_CONTENT',
	/the registry has 30 bytes of it instead of 20$/v,
);
test(
	'a part of something else is refused',
	readFails,
	{status: 206, headers: {'content-range': 'bytes 10-19/20'}, body: new Uint8Array(10)},
	'ERR_TSBUILD_CONTENT',
	/what the registry sends has the digest/v,
);
test('nothing more of a blob is refused', readFails, {status: 416}, 'ERR_TSBUILD_CONTENT', /the registry has 10 bytes of it instead of 20$/v);

test('an image that is the right one passes', async t => {
	await withRegistry(() => ({headers: {'docker-content-digest': descriptor.digest, 'content-type': `${mediaTypes.manifest}; charset=utf-8`}, body: bytes}), async ({client, image}) => {
		t.deepEqual(await client.resolve(image), {...descriptor, mediaType: mediaTypes.manifest});
		t.deepEqual(Buffer.from(await client.fetchManifest(image, descriptor)), Buffer.from(bytes));
	});
});

test('a manifest that is cut off is read again', async t => {
	let count = 0;
	const cut = {headers: {'content-length': '20', connection: 'close'}, body: bytes.subarray(0, 5)};
	await withRegistry(() => count++ === 0 ? cut : {headers: {'docker-content-digest': descriptor.digest}, body: bytes}, async ({client, image, requests}) => {
		t.deepEqual(Buffer.from(await client.fetchManifest(image, descriptor)), Buffer.from(bytes));
		t.is(requests.length, 2);
	});
});

test('a message names no secret', async t => {
	const denied = (message: string): ScriptedAnswer => ({status: 403, body: JSON.stringify({errors: [{code: 'DENIED', message}]})});
	await withRegistry(({headers: {authorization}}) => authorization === undefined ? unauthorized('Basic realm="x"') : denied(`${authorization} hidden`), async ({client, image}) => {
		const error = await t.throwsAsync(client.resolve(image), {code: 'ERR_TSBUILD_REGISTRY_DENIED'});
		t.regex(errorMessage(error), /denied: Basic \[redacted\] \[redacted\]$/v);
	});
});
