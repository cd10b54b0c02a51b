import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {makeAuthority, makeCertificate} from '../support/certificates.ts';
import {openTestClient, pushTestImage} from '../support/registry-client.ts';
import {startRegistry, testUser} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {startTokenServer, type TokenServer} from '../support/token-server.ts';
import {startWebProxy} from '../support/web-proxy.ts';

type Hub = AsyncDisposable & {
	readonly tokens: TokenServer;
	/** That of a user who is not logged in, and trusts it. */
	readonly environment: Readonly<Record<string, string>>;
	readonly home: string;
};

/** A Docker Hub of one's own: its registry and its token server, under their real names behind a proxy. */
async function startHub(): Promise<Hub> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const home = cleanup.use(await makeTemporaryDirectory()).path;
	const authority = await makeAuthority(directory);
	const tls = await makeCertificate(authority, directory, {names: 'DNS:registry-1.docker.io,DNS:auth.docker.io'});
	const tokens = cleanup.use(await startTokenServer({tls: {...tls, host: 'auth.docker.io'}, publicRepositories: ['library/busybox'], identityToken: 'identity-of-a-test'}));
	const registry = cleanup.use(await startRegistry({tls, tokenServer: tokens.settings}));
	const proxy = cleanup.use(await startWebProxy({
		findTarget: host => new Map([['registry-1.docker.io:443', registry.host], ['auth.docker.io:443', tokens.host]]).get(host) ?? '127.0.0.1:1',
	}));
	const kept = cleanup.move();
	return {
		tokens,
		home,
		environment: {HOME: home, HTTPS_PROXY: proxy.url, SSL_CERT_FILE: authority.certificate},
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

const main = path.join(import.meta.dirname, '../../src/main.ts');

test('who logs in without a registry pushes to Docker Hub, and everybody pulls from there', async t => {
	await using hub = await startHub();
	const child = spawn(process.execPath, [main, 'login', '-u', testUser.username, '--password-stdin'], {env: {PATH: process.env.PATH, ...hub.environment}});
	child.stdin.end(testUser.password);
	const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>]);
	t.deepEqual({exitCode, isWarned: stderr.includes('WARNING! Your credentials')}, {exitCode: 0, isWarned: true});
	t.is(stdout, 'Login Succeeded\n');
	const config = await readFile(path.join(hub.home, '.docker/config.json'), 'utf8');
	t.deepEqual(JSON.parse(config), {
		auths: {'https://index.docker.io/v1/': {auth: 'dGVzdGVyOg==', identitytoken: 'identity-of-a-test'}},
	});

	await using user = openTestClient({environment: hub.environment});
	await using anybody = openTestClient({environment: {...hub.environment, HOME: '/nonexistent'}});
	const {reference: own} = await pushTestImage(user, 'tester/image');
	const {reference: shared} = await pushTestImage(user, 'busybox');
	t.is(shared.path, 'library/busybox');
	await t.notThrowsAsync(anybody.resolve(shared));
	await t.notThrowsAsync(user.resolve(own));
	const error = await t.throwsAsync(anybody.resolve(own), {
		code: 'ERR_TSBUILD_REGISTRY_DENIED',
		message: 'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
	});
	t.like(error, {hint: 'Check the name of the repository. If it is not public, log in first: tsbuild login.'});
	t.deepEqual([...new Set(hub.tokens.questions.flatMap(({parameters}) => parameters.getAll('scope')))].toSorted(), [
		'repository:library/busybox:pull',
		'repository:library/busybox:pull,push',
		'repository:tester/image:pull',
		'repository:tester/image:pull,push',
	]);
});
