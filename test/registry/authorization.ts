import {Buffer} from 'node:buffer';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {errorMessage} from '../../src/kernel/errors.ts';
import {parseReference} from '../../src/kernel/reference.ts';
import {startFaultProxy} from '../support/fault-proxy.ts';
import {
	blobOf,
	noise,
	openTestClient,
	pushTestImage,
} from '../support/registry-client.ts';
import {startRegistry, testUser} from '../support/registry.ts';
import {makeTemporaryDirectory, type TemporaryDirectory} from '../support/temporary-directory.ts';
import {startTokenServer} from '../support/token-server.ts';

const basic = {auth: Buffer.from(`${testUser.username}:${testUser.password}`).toString('base64')};

/** A home with a Docker configuration. */
async function makeHome(config: Record<string, unknown>): Promise<TemporaryDirectory> {
	const home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	await writeFile(path.join(home.path, '.docker/config.json'), JSON.stringify(config));
	return home;
}

test('a registry with a password takes it from the configuration of Docker', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const {reference} = await pushTestImage(client, `${registry.host}/private/image`);
	await t.notThrowsAsync(client.resolve(reference));
});

test('a registry with a password tells a user without one to log in', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using client = openTestClient();
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/private/image`)), {
		code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED',
		message: /^unexpected status from HEAD request to http:\/\/127\.0\.0\.1:\d+\/v2\/private\/image\/manifests\/latest: 401 Unauthorized/v,
	});
	t.like(error, {hint: `Log in first: tsbuild login ${registry.host}.`});
});

test('a wrong password is refused, and shown nowhere', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeHome({auths: {[registry.host]: {username: testUser.username, password: 'wrong-password'}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/private/image`)), {code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED'});
	t.notRegex(errorMessage(error), /wrong-password/v);
});

test('one token is asked for, and serves all requests that it allows', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const repository = parseReference(`${registry.host}/own/image`);
	const blobs = Array.from({length: 5}, () => blobOf(noise(1000)));
	await Promise.all(blobs.map(async blob => client.uploadBlob(repository, blob)));
	t.is(tokens.questions.length, 1);
	t.deepEqual(tokens.questions[0]!.parameters.getAll('scope'), ['repository:own/image:pull,push']);
	t.is(tokens.questions[0]!.parameters.get('service'), tokens.settings.service);
	t.is(tokens.questions[0]!.parameters.get('account'), testUser.username);
});

test('a token that has run out is replaced', async t => {
	await using tokens = await startTokenServer({expirySeconds: 0.001});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.notThrowsAsync(pushTestImage(client, `${registry.host}/own/image`));
	t.true(tokens.questions.length > 1);
});

test('a token that runs out while a blob is uploaded is replaced, and the upload goes on', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	const {realm, service} = tokens.settings;
	const challenge = `Bearer realm="${realm}",service="${service}",scope="repository:own/image:pull,push",error="invalid_token"`;
	let refusals = 0;
	const refusal = {type: 'answer', status: 401, headers: {'www-authenticate': challenge}} as const;
	await using proxy = await startFaultProxy(registry.host, ({method}) => method === 'PATCH' && refusals++ === 0 ? refusal : undefined);
	await using home = await makeHome({auths: {[proxy.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.notThrowsAsync(pushTestImage(client, `${proxy.host}/own/image`));
	t.is(tokens.questions.length, 2);
});

test('an upload that is refused again and again is given up', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using proxy = await startFaultProxy(registry.host, ({method}) => method === 'PATCH' ? {type: 'answer', status: 401} : undefined);
	await using home = await makeHome({auths: {[proxy.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.throwsAsync(pushTestImage(client, `${proxy.host}/own/image`), {code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED'});
	t.is(proxy.requests.filter(({method}) => method === 'PATCH').length, 2);
});

test('an identity token that the token server does not know any more is told, and not shown', async t => {
	await using tokens = await startTokenServer({identityToken: 'new-identity'});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: {auth: Buffer.from('tester:').toString('base64'), identitytoken: 'old-identity'}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)), {
		code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED',
		message: /^failed to authorize: failed to fetch oauth token: unexpected status from POST request to .*\/token: 401 Unauthorized\n/v,
	});
	t.notRegex(errorMessage(error), /old-identity/v);
	t.like(error, {hint: `The credentials that are kept for ${registry.host} do not count, or no longer. Log in again: tsbuild logout ${registry.host}, tsbuild login ${registry.host}.`});
});

test('a token for the registry itself is shown to it as it is', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: {registrytoken: 'unknown-token'}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)), {code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED'});
	t.notRegex(errorMessage(error), /unknown-token/v);
	t.deepEqual(tokens.questions, []);
});

test('a token server that only knows POST is asked that way', async t => {
	await using tokens = await startTokenServer({hasOnlyPost: true});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.notThrowsAsync(pushTestImage(client, `${registry.host}/own/image`));
	t.deepEqual(tokens.questions.map(({method}) => method), ['GET', 'POST']);
	t.is(tokens.questions[1]!.parameters.get('grant_type'), 'password');
});

test('an identity token is changed for tokens', async t => {
	await using tokens = await startTokenServer({identityToken: 'identity-of-a-test'});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: {auth: Buffer.from('tester:').toString('base64'), identitytoken: 'identity-of-a-test'}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.notThrowsAsync(pushTestImage(client, `${registry.host}/own/image`));
	t.deepEqual(tokens.questions.map(({method, parameters}) => [method, parameters.get('grant_type')]), [['POST', 'refresh_token']]);
});

test('who has no name reads what is public, and nothing else', async t => {
	await using tokens = await startTokenServer({publicRepositories: ['public/image']});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using owner = openTestClient({environment: {HOME: home.path}});
	await using anybody = openTestClient();
	const {reference} = await pushTestImage(owner, `${registry.host}/public/image`);
	const {reference: other} = await pushTestImage(owner, `${registry.host}/private/image`);
	await t.notThrowsAsync(anybody.resolve(reference));
	const error = await t.throwsAsync(anybody.resolve(other), {
		code: 'ERR_TSBUILD_REGISTRY_DENIED',
		message: 'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
	});
	t.like(error, {hint: `Check the name of the repository. If it is not public, log in first: tsbuild login ${registry.host}.`});
});

test('a push to the repository of another is denied, in the words of containerd', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const foreign = parseReference(`${registry.host}/foreign/image`);
	const expected = {
		code: 'ERR_TSBUILD_REGISTRY_DENIED',
		message: 'push access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
	};
	const blob = blobOf(noise(10));
	await t.throwsAsync(client.uploadBlob(foreign, blob), expected);
	await t.throwsAsync(client.hasBlob(foreign, `sha256:${'0'.repeat(64)}` as never), expected);
	await t.throwsAsync(client.pushManifest(foreign, {bytes: new Uint8Array(2), mediaType: 'application/json'}), expected);
});

test('a blob is not mounted from a repository that the user may not read', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const own = parseReference(`${registry.host}/own/image`);
	t.false(await client.mountBlob(own, {digest: `sha256:${'0'.repeat(64)}` as never, from: parseReference(`${registry.host}/foreign/image`)}));
});

test('a token server that refuses the password says so, in the words of BuildKit', async t => {
	await using tokens = await startTokenServer();
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: {username: 'tester', password: 'wrong-password'}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)), {
		code: 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED',
		message: /^failed to authorize: failed to fetch oauth token: unexpected status from POST request to http:.*\/token: 401 Unauthorized\nunauthorized: incorrect username or password$/v,
	});
	t.notRegex(errorMessage(error), /wrong-password/v);
});

test('what a server sends back of the password is not shown', async t => {
	await using tokens = await startTokenServer({
		answer: ({authorization, parameters}) => ({
			status: 401,
			body: JSON.stringify({errors: [{code: 'UNAUTHORIZED', message: String.raw`"${String(parameters.get('password'))}" ${authorization ?? ''} "se\cret"`}]}),
		}),
	});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: {username: 'tester', password: String.raw`"se\cret"`}}});
	await using client = openTestClient({environment: {HOME: home.path}});
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)));
	t.regex(errorMessage(error), /unauthorized: "\[redacted\]"/v);
	t.notRegex(errorMessage(error), /cret/v);
});

test('a token that would break a header is refused', async t => {
	await using tokens = await startTokenServer({answer: () => ({status: 200, body: JSON.stringify({token: 'a\r\nx-evil: 1'})})});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using client = openTestClient();
	await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)), {
		code: 'ERR_TSBUILD_REGISTRY_PROTOCOL',
		message: `failed to authorize: failed to fetch anonymous token: the token server of ${registry.host} sent no token`,
	});
});

test('an answer of the token server without end is not read to its end', async t => {
	await using tokens = await startTokenServer({answer: () => ({status: 200, body: `{"token": "${'x'.repeat(2_000_000)}"}`})});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using client = openTestClient();
	await t.throwsAsync(client.resolve(parseReference(`${registry.host}/own/image`)), {code: 'ERR_TSBUILD_REGISTRY_PROTOCOL'});
});

test('a token server in trouble is asked again', async t => {
	let count = 0;
	await using tokens = await startTokenServer({answer: () => count++ === 0 ? {status: 503, body: 'busy'} : undefined});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeHome({auths: {[registry.host]: basic}});
	await using client = openTestClient({environment: {HOME: home.path}});
	await t.notThrowsAsync(pushTestImage(client, `${registry.host}/own/image`));
});
