import {copyFile, mkdir, rm} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {parseReference} from '../../src/kernel/reference.ts';
import type {OpenRegistryClientOptions} from '../../src/registry/open-registry-client.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';
import {
	makeAuthority,
	makeCertificate,
	type CertificateOptions,
	type TestCertificate,
} from '../support/certificates.ts';
import {openTestClient, pushTestImage} from '../support/registry-client.ts';
import {startRegistry, type TestRegistry} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

type SceneOptions = CertificateOptions & {
	/** Must clients have a certificate of the authority? */
	readonly asksForClient?: boolean;
};

type Scene = AsyncDisposable & {
	readonly registry: TestRegistry;
	readonly authority: TestCertificate;
	readonly home: string;
	/** Where the user keeps certificates for the registry. */
	readonly kept: string;
	readonly directory: string;
	readonly open: (options?: Partial<OpenRegistryClientOptions>) => RegistryClient;
};

/** A registry that speaks TLS, and a user who has the certificate of its authority. */
async function setScene({asksForClient = false, ...options}: SceneOptions = {}): Promise<Scene> {
	await using cleanup = new AsyncDisposableStack();
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const home = cleanup.use(await makeTemporaryDirectory()).path;
	const authority = await makeAuthority(directory);
	const certificate = await makeCertificate(authority, directory, options);
	const registry = cleanup.use(await startRegistry({tls: {...certificate, ...(asksForClient && {clientAuthority: authority.certificate})}}));
	const kept = path.join(home, '.config/docker/certs.d', registry.host);
	await mkdir(kept, {recursive: true});
	await copyFile(authority.certificate, path.join(kept, 'ca.crt'));
	const moved = cleanup.move();
	return {
		registry,
		authority,
		home,
		kept,
		directory,
		open: openOptions => openTestClient({environment: {HOME: home}, ...openOptions}),
		[Symbol.asyncDispose]: async () => moved.disposeAsync(),
	};
}

test('a registry whose authority the user keeps is spoken to in TLS', async t => {
	await using scene = await setScene();
	await using client = scene.open();
	const {reference} = await pushTestImage(client, `${scene.registry.host}/some/image`);
	await t.notThrowsAsync(client.resolve(reference));
});

test('an authority that the user trusts everywhere counts', async t => {
	await using scene = await setScene();
	// Something must tell that the registry speaks TLS: on this machine it would not be expected to.
	await rm(path.join(scene.kept, 'ca.crt'));
	const client = await makeCertificate(scene.authority, scene.directory);
	await copyFile(client.certificate, path.join(scene.kept, 'client.cert'));
	await copyFile(client.key, path.join(scene.kept, 'client.key'));
	await using trusting = scene.open({environment: {HOME: scene.home, SSL_CERT_FILE: scene.authority.certificate}});
	await t.notThrowsAsync(pushTestImage(trusting, `${scene.registry.host}/some/image`));
});

test('a file of authorities that is named and not there is told', async t => {
	await using scene = await setScene();
	await using client = scene.open({environment: {HOME: scene.home, SSL_CERT_FILE: '/nonexistent/authorities.crt'}});
	await t.throwsAsync(client.resolve(parseReference(`${scene.registry.host}/some/image`)), {
		code: 'ERR_TSBUILD_CERTIFICATE',
		message: /^failed to read the certificates that SSL_CERT_FILE names: ENOENT: .*'\/nonexistent\/authorities\.crt'$/v,
	});
});

const fails = test.macro(async (t, options: SceneOptions & {readonly message: RegExp; readonly hint: RegExp; readonly code?: string}) => {
	const {message, hint, code = 'ERR_TSBUILD_NETWORK_TLS', ...sceneOptions} = options;
	await using scene = await setScene(sceneOptions);
	await using client = scene.open();
	const error = await t.throwsAsync(client.resolve(parseReference(`${scene.registry.host}/some/image`)), {code, message});
	t.regex(String((error as {readonly hint?: string}).hint), hint);
});

test('a certificate whose time is over is refused', fails, {
	hasExpired: true,
	message: /^failed to do request: Head "https:\/\/127\.0\.0\.1:\d+\/v2\/some\/image\/manifests\/latest": tls: failed to verify certificate: x509: certificate has expired or is not yet valid$/v,
	hint: /^Renew the certificate of the server, or set the clock of this machine, which says 2\d{3}-/v,
});

test('a certificate for another address is refused', fails, {
	names: 'IP:192.0.2.1,IP:192.0.2.2,DNS:127.0.0.1.example',
	message: /x509: certificate is valid for 192\.0\.2\.1, 192\.0\.2\.2, not 127\.0\.0\.1$/v,
	hint: /^Use the name that the certificate of the server was made for\.$/v,
});

test('a certificate for a name is refused for an address', fails, {
	names: 'DNS:registry.example',
	message: /x509: cannot validate certificate for 127\.0\.0\.1 because it doesn't contain any IP SANs$/v,
	hint: /^Use the name/v,
});

test('a registry that asks for a certificate tells a user without one', fails, {
	asksForClient: true,
	message: /: remote error: tls: (?:bad certificate|certificate required)$/v,
	hint: /^A server that asks for a client certificate needs client\.cert and client\.key in \/etc\/docker\/certs\.d\/127\.0\.0\.1:\d+\.$/v,
});

test('a registry that asks for a certificate gets that of the user', async t => {
	await using scene = await setScene({asksForClient: true});
	const certificate = await makeCertificate(scene.authority, scene.directory, {names: 'DNS:client'});
	await copyFile(certificate.certificate, path.join(scene.kept, 'client.cert'));
	await copyFile(certificate.key, path.join(scene.kept, 'client.key'));
	await using client = scene.open();
	await t.notThrowsAsync(pushTestImage(client, `${scene.registry.host}/some/image`));
});

test('a client certificate without its key is told', async t => {
	await using scene = await setScene();
	await copyFile(scene.authority.certificate, path.join(scene.kept, 'client.cert'));
	await using client = scene.open();
	await t.throwsAsync(client.resolve(parseReference(`${scene.registry.host}/some/image`)), {
		code: 'ERR_TSBUILD_CERTIFICATE',
		message: 'failed to read the certificates of a registry: missing key client.key for client certificate client.cert',
	});
});

test('a key that belongs to another certificate is told', async t => {
	await using scene = await setScene();
	const other = await makeCertificate(scene.authority, scene.directory);
	await copyFile(scene.authority.certificate, path.join(scene.kept, 'client.cert'));
	await copyFile(other.key, path.join(scene.kept, 'client.key'));
	await using client = scene.open();
	await t.throwsAsync(client.resolve(parseReference(`${scene.registry.host}/some/image`)), {
		code: 'ERR_TSBUILD_CERTIFICATE',
		message: `failed to use the certificates for ${scene.registry.host}`,
	});
});

test('an authority that nobody knows is refused', async t => {
	await using scene = await setScene();
	await using other = await setScene();
	await copyFile(other.authority.certificate, path.join(scene.kept, 'ca.crt'));
	await using client = scene.open();
	const {host} = scene.registry;
	const error = await t.throwsAsync(client.resolve(parseReference(`${host}/some/image`)), {
		code: 'ERR_TSBUILD_NETWORK_TLS',
		message: `failed to do request: Head "https://${host}/v2/some/image/manifests/latest": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
	});
	t.like(error, {hint: `If you trust the server, put the certificate of its authority into /etc/docker/certs.d/${host}/ca.crt, or give --insecure-registry ${host}.`});
});

test('of an insecure registry the certificate does not count', async t => {
	await using scene = await setScene({hasExpired: true, names: 'DNS:registry.example'});
	await rm(path.join(scene.kept, 'ca.crt'));
	await using client = scene.open({insecureRegistries: [scene.registry.host]});
	await t.notThrowsAsync(pushTestImage(client, `${scene.registry.host}/some/image`));
});

test('an insecure registry may speak plain HTTP', async t => {
	await using registry = await startRegistry();
	await using client = openTestClient({insecureRegistries: ['127.0.0.0/8']});
	await t.notThrowsAsync(pushTestImage(client, `${registry.host}/some/image`));
});

test('a registry that turns out to speak no TLS is told', async t => {
	await using registry = await startRegistry();
	await using scene = await setScene();
	const kept = path.join(path.dirname(scene.kept), registry.host);
	await mkdir(kept);
	await copyFile(scene.authority.certificate, path.join(kept, 'ca.crt'));
	await using client = scene.open();
	const error = await t.throwsAsync(client.resolve(parseReference(`${registry.host}/some/image`)), {
		code: 'ERR_TSBUILD_NETWORK_TLS',
		message: /: http: server gave HTTP response to HTTPS client$/v,
	});
	t.like(error, {hint: `If the server is meant to speak plain HTTP, give --insecure-registry ${registry.host}.`});
});

test('a registry on this machine that turns out to speak TLS is told', async t => {
	await using scene = await setScene();
	await using client = openTestClient();
	const error = await t.throwsAsync(client.resolve(parseReference(`${scene.registry.host}/some/image`)), {message: /: 400 Bad Request$/v});
	t.regex(String((error as {readonly hint?: string}).hint), /^Registries on this machine are spoken to in plain HTTP\. If 127\.0\.0\.1:\d+ speaks TLS, /v);
});
