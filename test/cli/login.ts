import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {
	chmod,
	lstat,
	mkdir,
	readFile,
	stat,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {startRegistry, testUser} from '../support/registry.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {startTokenServer} from '../support/token-server.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');
const basic = {auth: Buffer.from(`${testUser.username}:${testUser.password}`).toString('base64')};

type RunOptions = {
	readonly home: string;
	readonly input?: string;
	readonly environment?: Readonly<Record<string, string>>;
};

/** Runs the command line for a user with a home of its own. */
async function run(args: readonly string[], {home, input = '', environment = {}}: RunOptions) {
	const child = spawn(process.execPath, [main, ...args], {env: {PATH: process.env.PATH, HOME: home, ...environment}});
	child.stdin.end(input);
	const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number]>]);
	return {stdout, stderr, exitCode};
}

async function readConfig(home: string): Promise<unknown> {
	return JSON.parse(await readFile(path.join(home, '.docker/config.json'), 'utf8'));
}

test('login keeps what Docker would keep, for the user alone', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	const file = path.join(home.path, '.docker/config.json');
	const {stdout, stderr, exitCode} = await run(['login', '-u', testUser.username, '--password-stdin', registry.host], {home: home.path, input: `${testUser.password}\n`});
	t.deepEqual({stdout, exitCode}, {stdout: 'Login Succeeded\n', exitCode: 0});
	t.is(stderr, `\nWARNING! Your credentials are stored unencrypted in '${file}'.\nConfigure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n\n`);
	t.is(await readFile(file, 'utf8'), `{\n\t"auths": {\n\t\t"${registry.host}": {\n\t\t\t"auth": "${basic.auth}"\n\t\t}\n\t}\n}`);
	const {mode} = await stat(file);
	t.is(mode & 0o777, 0o600);
});

test('login leaves alone what else is in the file, its mode, and the link that it is', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	const real = path.join(home.path, 'real.json');
	await writeFile(real, JSON.stringify({psFormat: 'table', auths: {'other.example': basic}, plugins: {a: {b: 'c'}}}));
	await chmod(real, 0o640);
	const link = path.join(home.path, '.docker/config.json');
	await symlink('../real.json', link);
	await run(['login', '-u', testUser.username, '-p', testUser.password, registry.host], {home: home.path});
	t.deepEqual(await readConfig(home.path), {psFormat: 'table', auths: {'other.example': basic, [registry.host]: basic}, plugins: {a: {b: 'c'}}});
	const [linkStatus, {mode}] = [await lstat(link), await stat(real)];
	t.true(linkStatus.isSymbolicLink());
	t.is(mode & 0o777, 0o640);
});

test('login with a wrong password fails, and keeps nothing', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	const {stdout, stderr, exitCode} = await run(['login', '-u', testUser.username, '--password-stdin', registry.host], {home: home.path, input: 'wrong-password'});
	t.deepEqual({stdout, exitCode}, {stdout: '', exitCode: 1});
	t.regex(stderr, /^ERROR: login attempt to .* 401 Unauthorized/v);
	t.regex(stderr, /\nCheck the user name and the password\.\n$/v);
	t.notRegex(stderr, /wrong-password/v);
	await t.throwsAsync(readConfig(home.path), {code: 'ENOENT'});
});

test('login keeps the identity token of a registry instead of the password', async t => {
	await using tokens = await startTokenServer({identityToken: 'identity-of-a-test'});
	await using registry = await startRegistry({tokenServer: tokens.settings});
	await using home = await makeTemporaryDirectory();
	await run(['login', '-u', testUser.username, '--password-stdin', registry.host], {home: home.path, input: testUser.password});
	t.deepEqual(await readConfig(home.path), {
		auths: {
			[registry.host]: {
				auth: Buffer.from(`${testUser.username}:`).toString('base64'),
				identitytoken: 'identity-of-a-test',
			},
		},
	});
});

test('login again takes what is kept', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	await run(['login', '-u', testUser.username, '--password-stdin', registry.host], {home: home.path, input: testUser.password});
	const {stdout, exitCode} = await run(['login', registry.host], {home: home.path});
	t.is(exitCode, 0);
	t.is(stdout, `Authenticating with existing credentials... [Username: ${testUser.username}]
To login with a different account, run 'tsbuild logout' followed by 'tsbuild login'

Login Succeeded
`);
});

test('logout forgets the registry, under whatever name it is kept', async t => {
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	await writeFile(path.join(home.path, '.docker/config.json'), JSON.stringify({auths: {'https://one.example/v1/': basic, 'one.example': basic, 'https://index.docker.io/v1/': basic}}));
	const one = await run(['logout', 'one.example'], {home: home.path});
	t.deepEqual(one, {stdout: 'Removing login credentials for one.example\n', stderr: '', exitCode: 0});
	t.deepEqual(await readConfig(home.path), {auths: {'https://index.docker.io/v1/': basic}});
	const hub = await run(['logout'], {home: home.path});
	t.is(hub.stdout, 'Removing login credentials for https://index.docker.io/v1/\n');
	t.deepEqual(await readConfig(home.path), {auths: {}});
});

/** Keeps what it is given in a file beside it. */
const credentialProgram = `#!/bin/sh
cd "$(dirname "$0")"
case $1 in
	store) cat > kept;;
	get) cat > asked; [ -e kept ] || { echo 'credentials not found in native keychain'; exit 1; }; cat kept;;
	erase) cat > erased; rm -f kept;;
esac
`;

test('login and logout leave credentials to the program that the configuration names', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	await writeFile(path.join(home.path, '.docker/config.json'), JSON.stringify({credsStore: 'test'}));
	await writeFile(path.join(home.path, 'docker-credential-test'), credentialProgram, {mode: 0o755});
	const environment = {PATH: `${home.path}:${process.env.PATH}`};
	const login = await run(['login', '-u', testUser.username, '--password-stdin', registry.host], {home: home.path, input: testUser.password, environment});
	t.deepEqual(login, {stdout: 'Login Succeeded\n', stderr: '', exitCode: 0});
	const kept = await readFile(path.join(home.path, 'kept'), 'utf8');
	t.deepEqual(JSON.parse(kept), {ServerURL: registry.host, Username: testUser.username, Secret: testUser.password});
	t.deepEqual(await readConfig(home.path), {auths: {[registry.host]: {}}, credsStore: 'test'});

	const again = await run(['login', registry.host], {home: home.path, environment});
	t.regex(again.stdout, /Login Succeeded\n$/v);
	t.is(await readFile(path.join(home.path, 'asked'), 'utf8'), registry.host);

	await run(['logout', registry.host], {home: home.path, environment});
	t.is(await readFile(path.join(home.path, 'erased'), 'utf8'), registry.host);
	t.deepEqual(await readConfig(home.path), {auths: {}, credsStore: 'test'});
});

test('a program for credentials that is not there is named', async t => {
	await using registry = await startRegistry({hasPassword: true});
	await using home = await makeTemporaryDirectory();
	await mkdir(path.join(home.path, '.docker'));
	await writeFile(path.join(home.path, '.docker/config.json'), JSON.stringify({credHelpers: {[registry.host]: 'missing'}}));
	const {stderr, exitCode} = await run(['login', registry.host], {home: home.path});
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: error getting credentials - err: exec: "docker-credential-missing": executable file not found in \$PATH\n/v);
});

const refuses = test.macro(async (t, args: readonly string[], message: string) => {
	await using home = await makeTemporaryDirectory();
	const {stderr, exitCode} = await run(['login', ...args], {home: home.path});
	t.is(exitCode, 1);
	t.is(stderr.split('\n').find(line => line === message), message);
});

test('login needs a terminal to ask', refuses, ['registry.example'], 'ERROR: Cannot perform an interactive login from a non TTY device');
test('login wants a name with a password from standard input', refuses, ['--password-stdin'], 'ERROR: Must provide --username with --password-stdin');
test('login takes one password', refuses, ['-u', 'a', '-p', 'b', '--password-stdin'], 'ERROR: --password and --password-stdin are mutually exclusive');
test('login warns of a password that others can see', refuses, ['-u', 'a', '-p', 'b', 'localhost:1'], 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
test('login refuses what is no host', refuses, ['-u', 'a', '-p', 'b', 'not a host'], 'ERROR: invalid registry "not a host"');
