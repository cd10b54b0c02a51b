import {copyFile, mkdir} from 'node:fs/promises';
import {Buffer} from 'node:buffer';
import path from 'node:path';
import test from 'ava';
import {parseReference} from '../../src/kernel/reference.ts';
import {makeAuthority, makeCertificate} from '../support/certificates.ts';
import {openTestClient, pushTestImage} from '../support/registry-client.ts';
import {startRegistry} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {startWebProxy} from '../support/web-proxy.ts';

const basic = `Basic ${Buffer.from('user:its secret').toString('base64')}`;

test('a registry behind a proxy is spoken to in TLS through a tunnel', async t => {
	await using directory = await makeTemporaryDirectory();
	await using home = await makeTemporaryDirectory();
	const authority = await makeAuthority(directory.path);
	const certificate = await makeCertificate(authority, directory.path, {names: 'DNS:registry.test'});
	await using registry = await startRegistry({tls: certificate});
	await using proxy = await startWebProxy({findTarget: () => registry.host});
	const kept = path.join(home.path, '.config/containers/certs.d/registry.test');
	await mkdir(kept, {recursive: true});
	await copyFile(authority.certificate, path.join(kept, 'ca.crt'));
	await using client = openTestClient({environment: {HOME: home.path, HTTPS_PROXY: proxy.url.replace('//', '//user:its%20secret@')}});
	const {reference} = await pushTestImage(client, 'registry.test/some/image');
	await t.notThrowsAsync(client.resolve(reference));
	t.deepEqual([...new Set(proxy.questions.map(({line, authorization}) => `${line} ${authorization}`))], [`CONNECT registry.test:443 ${basic}`]);
});

test('a registry behind a proxy is spoken to in plain HTTP by requests to the proxy', async t => {
	await using registry = await startRegistry();
	await using proxy = await startWebProxy({findTarget: () => registry.host});
	await using client = openTestClient({environment: {HOME: '/nonexistent', HTTP_PROXY: proxy.url.replace('//', '//user:its%20secret@')}, insecureRegistries: ['registry.test']});
	await pushTestImage(client, 'registry.test/some/image');
	t.true(proxy.questions.every(({line, authorization}) => /^[A-Z]+ http:\/\/registry\.test\/v2\/some\/image\//v.test(line) && authorization === basic));
});

const fails = test.macro(async (t, refusal: 403 | 407 | 502, expected: {readonly code: string; readonly reason: string; readonly hint: (host: string) => string}) => {
	await using proxy = await startWebProxy({findTarget: () => '127.0.0.1:1', refusal});
	const {host} = new URL(proxy.url);
	await using client = openTestClient({environment: {HOME: '/nonexistent', HTTPS_PROXY: proxy.url.replace('//', '//user:hidden@')}});
	const error = await t.throwsAsync(client.resolve(parseReference('registry.test/some/image')), {
		code: expected.code,
		message: `failed to do request: Head "https://registry.test/v2/some/image/manifests/latest": proxyconnect tcp: ${host}: ${expected.reason}`,
	});
	t.like(error, {hint: expected.hint(host)});
	t.is(proxy.questions.length, refusal === 502 ? 4 : 1);
});

test('a proxy that wants to know who asks is told', fails, 407, {
	code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
	reason: '407 Proxy Authentication Required',
	hint: host => `The proxy wants to know who asks: HTTPS_PROXY=http://USER:PASSWORD@${host}.`,
});

test('a proxy that does not want to is told', fails, 403, {
	code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
	reason: '403 Forbidden',
	hint: host => `The proxy ${host} of HTTPS_PROXY does not connect to registry.test; NO_PROXY names hosts that need none.`,
});

test('a proxy that cannot is asked again', fails, 502, {
	code: 'ERR_TSBUILD_NETWORK_CUT',
	reason: '502 Bad Gateway',
	hint: host => `The proxy ${host} of HTTPS_PROXY does not connect to registry.test; NO_PROXY names hosts that need none.`,
});

test('a proxy that is not there is told', async t => {
	await using client = openTestClient({environment: {HOME: '/nonexistent', HTTPS_PROXY: 'http://user:hidden@127.0.0.1:1'}});
	const error = await t.throwsAsync(client.resolve(parseReference('registry.test/some/image')), {
		code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
		message: /: proxyconnect tcp: dial tcp 127\.0\.0\.1:1: connect: connection refused$/v,
	});
	t.like(error, {hint: 'Check the proxy 127.0.0.1:1 of HTTP_PROXY and HTTPS_PROXY; NO_PROXY names hosts that need none.'});
});
