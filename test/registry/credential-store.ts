import {Buffer} from 'node:buffer';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test, {type ExecutionContext} from 'ava';
import {CredentialStore} from '../../src/registry/credential-store.ts';
import type {Credentials} from '../../src/registry/credentials.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const encode = (text: string) => Buffer.from(text).toString('base64');
const passwordOf = (username: string): Credentials => ({type: 'password', username, password: 'secret'});
const entryOf = (username: string) => ({auth: encode(`${username}:secret`)});

type Kept = {
	/** By their path in the user's home; `json` is written as it is when it is text. */
	readonly files?: Readonly<Record<string, unknown>>;
	/** Programs by their name without `docker-credential-`: their scripts. */
	readonly programs?: Readonly<Record<string, string>>;
	/** `HOME` in a value stands for the directory. */
	readonly environment?: Readonly<Record<string, string>>;
};

/** A store of a user who keeps this. */
async function withStore({files = {}, programs = {}, environment = {}}: Kept, action: (store: CredentialStore) => Promise<void>): Promise<void> {
	await using home = await makeTemporaryDirectory();
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(home.path, name);
		await mkdir(path.dirname(file), {recursive: true});
		await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
	}

	for (const [name, script] of Object.entries(programs)) {
		await writeFile(path.join(home.path, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, {mode: 0o755});
	}

	const variables = Object.entries(environment).map(([name, value]) => [name, value.replace('HOME', () => home.path)] as const);
	await action(new CredentialStore({HOME: home.path, PATH: `${home.path}:${process.env.PATH}`, ...Object.fromEntries(variables)}));
}

const finds = test.macro(async (t: ExecutionContext, kept: Kept, expected: Readonly<Record<string, Credentials | undefined>>) => {
	await withStore(kept, async store => {
		for (const [domain, credentials] of Object.entries(expected)) {
			t.deepEqual(await store.find(domain), credentials, domain);
		}
	});
});

test('there may be nothing', finds, {}, {'docker.io': undefined});

test('Docker Hub has its own name, and others', finds, {files: {'.docker/config.json': {auths: {'https://index.docker.io/v1/': entryOf('hub'), 'docker.io': entryOf('other')}}}}, {
	'docker.io': passwordOf('hub'),
	'registry-1.docker.io.example': undefined,
});

test('a registry may be written as an address', finds, {files: {'.docker/config.json': {auths: {'https://one.example/v2/': entryOf('one'), 'two.example:5000': entryOf('two')}}}}, {
	'one.example': passwordOf('one'),
	'two.example': undefined,
	'two.example:5000': passwordOf('two'),
	example: undefined,
});

test('credentials have several forms', finds, {
	files: {
		'.docker/config.json': {
			auths: {
				plain: {username: 'plain', password: 'secret'},
				padded: {auth: encode('padded:secret\0\0')},
				colons: {auth: encode('colons:a:b')},
				identity: {auth: encode('identity:'), identitytoken: 'token'},
				registry: {registrytoken: 'token'},
				empty: {},
				nonsense: 'x',
			},
		},
	},
}, {
	plain: passwordOf('plain'),
	padded: passwordOf('padded'),
	colons: {type: 'password', username: 'colons', password: 'a:b'},
	identity: {type: 'identity-token', username: 'identity', token: 'token'},
	registry: {type: 'registry-token', token: 'token'},
	empty: undefined,
	nonsense: undefined,
});

test('the files of Docker and Podman are read in their order', finds, {
	files: {
		'docker/config.json': {auths: {first: entryOf('docker'), second: entryOf('docker')}},
		'named.json': {auths: {first: entryOf('named')}},
		'run/containers/auth.json': {auths: {second: entryOf('run'), third: entryOf('run')}},
		'.config/containers/auth.json': {auths: {third: entryOf('config'), fourth: entryOf('config')}},
	},
	environment: {DOCKER_CONFIG: 'HOME/docker', REGISTRY_AUTH_FILE: 'HOME/named.json', XDG_RUNTIME_DIR: 'HOME/run'},
}, {
	first: passwordOf('named'),
	second: passwordOf('docker'),
	third: passwordOf('run'),
	fourth: passwordOf('config'),
});

test('the environment may have all of it', finds, {
	files: {'.docker/config.json': {auths: {one: entryOf('file'), two: entryOf('file')}}},
	environment: {DOCKER_AUTH_CONFIG: JSON.stringify({auths: {one: entryOf('environment')}})},
}, {one: passwordOf('environment'), two: passwordOf('file')});

const answer = (username: string, secret: string) => `read server; printf '{"ServerURL":"%s","Username":"${username}","Secret":"${secret}"}' "$server"`;

test('a program has them for its registry, another for all others', finds, {
	files: {'.docker/config.json': {credHelpers: {one: 'special'}, credsStore: 'common', auths: {one: {}, two: {}}}},
	programs: {special: answer('special', 'secret'), common: answer('common', 'secret')},
}, {one: passwordOf('special'), two: passwordOf('common')});

test('a program is asked for Docker Hub by the name that Docker has for it', finds, {
	files: {'.docker/config.json': {credsStore: 'test'}},
	programs: {test: 'read server; printf \'{"Username":"%s","Secret":"secret"}\' "$server"'},
}, {'docker.io': passwordOf('https://index.docker.io/v1/'), 'ghcr.io': passwordOf('ghcr.io')});

test('a program may have an identity token', finds, {
	files: {'.docker/config.json': {credsStore: 'test'}},
	programs: {test: answer('<token>', 'token')},
}, {one: {type: 'identity-token', username: '', token: 'token'}});

test('where a program has nothing, the file counts', finds, {
	files: {'.docker/config.json': {credsStore: 'test', auths: {one: entryOf('file')}}},
	programs: {test: 'echo "credentials not found in native keychain"; exit 1'},
}, {one: passwordOf('file'), two: undefined});

const fails = test.macro(async (t: ExecutionContext, kept: Kept, message: RegExp) => {
	await withStore(kept, async store => {
		const error = await t.throwsAsync(store.find('one'), {code: 'ERR_TSBUILD_CREDENTIALS', message});
		t.notRegex(`${error?.stack} ${String(error?.cause)}`, /hidden/v);
	});
});

const withProgram = (script: string): Kept => ({files: {'.docker/config.json': {credsStore: 'test'}}, programs: {test: script}});

test(
	'a file that is broken is named, and not shown',
	fails,
	{files: {'.docker/config.json': '{"auths": {"one": {"auth": "hidden"}'}},
	/^failed to read the configuration of Docker .*\/\.docker\/config\.json: it is no JSON$/v,
);
test('a variable that is broken is named, and not shown', fails, {environment: {DOCKER_AUTH_CONFIG: 'hidden'}}, /in DOCKER_AUTH_CONFIG: it is no JSON$/v);
test('a file that is no object is named', fails, {files: {'.docker/config.json': '["hidden"]'}}, /it is no JSON object$/v);
test(
	'what is not encoded as it should be is refused',
	fails,
	{files: {'.docker/config.json': {auths: {one: {auth: encode('hidden')}}}}},
	/^failed to read the credentials for one: invalid auth configuration file$/v,
);
test('a program that fails is told with what it says', fails, withProgram('echo "the keychain is locked"; exit 3'), /^error getting credentials - err: exit status 3, out: "the keychain is locked"$/v);
test('a program that says nonsense is told, and the nonsense not shown', fails, withProgram('echo "hidden"'), /^error getting credentials - err: its answer is no JSON$/v);
test(
	'a program that is not there is named',
	fails,
	{files: {'.docker/config.json': {credsStore: 'nowhere'}}},
	/^error getting credentials - err: exec: "docker-credential-nowhere": executable file not found in \$PATH$/v,
);
test('a program is looked for in PATH alone', fails, {files: {'.docker/config.json': {credsStore: '../test'}}, programs: {test: 'exit 0'}}, /its name is none of a program$/v);

test('a program that does not read what it is told does not matter', finds, withProgram('exec <&-; printf \'{"Username":"a","Secret":"secret"}\''), {one: passwordOf('a')});
