import {copyFile, mkdir} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeAuthority, makeCertificate} from '../support/certificates.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry, testUser} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

test('an image goes to a registry with TLS and a password, from login to logout', async t => {
	await using directory = await makeTemporaryDirectory();
	await using home = await makeTemporaryDirectory();
	const authority = await makeAuthority(directory.path);
	await using registry = await startRegistry({hasPassword: true, tls: await makeCertificate(authority, directory.path)});
	const certificates = path.join(home.path, '.config/docker/certs.d', registry.host);
	await mkdir(certificates, {recursive: true});
	await copyFile(authority.certificate, path.join(certificates, 'ca.crt'));
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo hello > /greeting\n'});
	await using other = await makeProject({Dockerfile: `FROM ${registry.host}/private/app:1\nRUN cat /greeting\n`});
	const env = {HOME: home.path, DOCKER_CONFIG: undefined};
	const run = async (...args: readonly string[]) => tsbuild(args, {root: other.root, env});
	const push = async () => tsbuild(['build', '--progress', 'plain', '--build-context', `base=oci-layout://${project.base}`, '--push', '-t', `${registry.host}/private/app:1`, project.context], {root: project.root, env});

	const refused = await push();
	t.is(refused.exitCode, 1);
	t.regex(refused.stderr, /401 Unauthorized/v);
	t.regex(refused.stderr, new RegExp(String.raw`^Log in first: tsbuild login ${registry.host}\.$`, 'mv'));

	const login = await run('login', '-u', testUser.username, '-p', testUser.password, registry.host);
	t.is(login.exitCode, 0, login.stderr);
	const pushed = await push();
	t.is(pushed.exitCode, 0, pushed.stderr);
	await runCommand('skopeo', ['copy', '--quiet', '--src-cert-dir', certificates, '--src-creds', `${testUser.username}:${testUser.password}`, `docker://${registry.host}/private/app:1`, `dir:${path.join(directory.path, 'pulled')}`]);
	const built = await run('build', '--progress', 'plain', other.context);
	t.is(built.exitCode, 0, built.stderr);
	t.regex(built.stderr, /^#\d+ \d+\.\d+ hello$/mv);

	await run('logout', registry.host);
	const pulled = await run('pull', `${registry.host}/private/app:1`);
	t.is(pulled.exitCode, 1);
	t.regex(pulled.stderr, /401 Unauthorized/v);
});
