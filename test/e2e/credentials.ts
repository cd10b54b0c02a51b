import {Buffer} from 'node:buffer';
import {spawn} from 'node:child_process';
import {
	mkdir,
	readFile,
	readdir,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test from 'ava';
import {makeProject, type Project} from '../support/project.ts';
import {startRegistry, testUser, type TestRegistry} from '../support/registry.ts';
import {startTokenServer, type TokenServer} from '../support/token-server.ts';
import {tsbuild} from '../support/tsbuild.ts';

const main = path.join(import.meta.dirname, '../../src/main.ts');

const words = {
	identityToken: 'identity-token-that-nobody-sees',
	wrongPassword: 'wrong-password-that-nobody-sees',
	proxyPassword: 'proxy-password-that-nobody-sees',
	secret: 'secret-that-nobody-sees',
} as const;

// How each JSON Web Token begins, see https://www.rfc-editor.org/rfc/rfc7519#section-3.1
const tokenBeginning = Buffer.from('{"typ":"JWT"').toString('base64url').slice(0, 15);

const hidden = [
	...Object.values(words),
	...Object.values(words).map(word => Buffer.from(word).toString('base64').slice(2, -4)),
	testUser.password,
	encodeURIComponent(testUser.password),
	Buffer.from(`${testUser.username}:${testUser.password}`).toString('base64'),
	Buffer.from(`${testUser.username}:${words.wrongPassword}`).toString('base64'),
	tokenBeginning,
	// What registries sign of an upload.
	'_state=',
] as const;

const dockerfile = `FROM base
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size
RUN test -n "$HTTP_PROXY"
COPY a /a
`;

let tokens: TokenServer;
let registry: TestRegistry;

test.before('a registry that wants tokens is started', async () => {
	tokens = await startTokenServer({identityToken: words.identityToken});
	registry = await startRegistry({tokenServer: tokens.settings});
});

test.after.always('the registry is stopped', async () => {
	await registry[Symbol.asyncDispose]();
	await tokens[Symbol.asyncDispose]();
});

type Login = Readonly<Record<string, string>>;

const logins = {
	password: {auth: Buffer.from(`${testUser.username}:${testUser.password}`).toString('base64')},
	identityToken: {auth: Buffer.from(`${testUser.username}:`).toString('base64'), identitytoken: words.identityToken},
	wrongPassword: {username: testUser.username, password: words.wrongPassword},
} as const satisfies Record<string, Login>;

/** A project of a user who is logged in. Its home is outside of what is searched. */
async function makeScene(login: Login): Promise<Scene> {
	await using cleanup = new AsyncDisposableStack();
	const project = cleanup.use(await makeProject({Dockerfile: dockerfile, a: 'x'}));
	const configuration = path.join(project.directory, 'docker');
	const proxy = `http://user:${words.proxyPassword}@127.0.0.1:9`;
	await mkdir(configuration);
	await writeFile(path.join(configuration, 'config.json'), JSON.stringify({
		auths: {[registry.host]: login}, proxies: {default: {httpProxy: proxy, noProxy: '127.0.0.1'}},
	}));
	const env = {DOCKER_CONFIG: configuration, TOKEN: words.secret};
	const flags = ['build', '--build-context', `base=oci-layout://${project.base}`, '--secret', 'id=token,env=TOKEN', '--build-arg', `HTTP_PROXY=${proxy}`, '--no-cache'];
	const run: Scene['run'] = async (...args) => {
		const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root, env});
		return {exitCode, output: Buffer.concat([stdout, Buffer.from(stderr)]).toString('latin1')};
	};

	const kept = cleanup.move();
	return {
		project,
		run,
		build: async (...args) => run(...flags, ...args, project.context),
		buildInTerminal: async (...args) => runInTerminal([...flags, ...args, project.context], {...env, TSBUILD_ROOT: project.root}),
		[Symbol.asyncDispose]: async () => kept.disposeAsync(),
	};
}

type Run = {readonly exitCode: number; readonly output: string};

type Scene = AsyncDisposable & {
	readonly project: Project;
	run(...args: readonly string[]): Promise<Run>;
	build(...args: readonly string[]): Promise<Run>;
	/** What a terminal shows. */
	buildInTerminal(...args: readonly string[]): Promise<string>;
};

async function runInTerminal(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
	const command = [process.execPath, main, ...args].map(word => `'${word}'`).join(' ');
	const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {env: {...process.env, ...env}, stdio: ['ignore', 'pipe', 'inherit']});
	return text(child.stdout);
}

function findHidden(output: string): readonly string[] {
	return hidden.filter(word => output.includes(word));
}

/** Reads all files below a directory, but not through links. */
async function readFiles(directory: string): Promise<ReadonlyMap<string, string>> {
	const entries = await readdir(directory, {recursive: true, withFileTypes: true});
	const files = entries.filter(entry => entry.isFile()).map(entry => path.join(entry.parentPath, entry.name));
	return new Map(await Promise.all(files.map(async file => [file, await readFile(file, 'latin1')] as const)));
}

async function findInFiles(directory: string): Promise<ReadonlyArray<readonly [file: string, words: readonly string[]]>> {
	const files = await readFiles(directory);
	return files.entries().map(([file, content]) => [file, findHidden(content)] as const).filter(([, found]) => found.length > 0).toArray();
}

const progressFlags = [
	['--progress', 'plain'],
	['--progress', 'plain', '--debug'],
	['--progress', 'rawjson'],
	['--progress', 'quiet'],
	['--progress', 'none'],
] as const;

const succeeds = test.macro(async (t, login: Login, repository: string) => {
	await using scene = await makeScene(login);
	const {project} = scene;
	const results = path.join(project.directory, 'results');
	await mkdir(results);
	const name = `${registry.host}/${repository}`;
	const archive = `type=docker,compression=uncompressed,force-compression=true,dest=${results}/app.tar`;
	const outputs = ['-t', name, '--push', '-o', archive, '--metadata-file', `${results}/metadata`, '--iidfile', `${results}/id`];
	for (const flags of progressFlags) {
		const {exitCode, output} = await scene.build(...flags, ...outputs);
		t.deepEqual([exitCode, flags, findHidden(output)], [0, flags, []]);
	}

	const screen = await scene.buildInTerminal('--progress', 'tty', ...outputs);
	t.true(screen.includes('pushing manifest'));
	t.deepEqual(findHidden(screen), []);
	t.deepEqual(await findInFiles(results), []);
	t.deepEqual(await findInFiles(project.root), []);
	// It would be found if it were there.
	const configurations = await findInFiles(path.join(project.directory, 'docker'));
	t.is(configurations.length, 1);
});

test('nothing shows or keeps what is secret when an image is built and pushed', succeeds, logins.password, 'own/image:1');
test('nothing shows or keeps what is secret when an identity token is used', succeeds, logins.identityToken, 'own/image:2');

test('nothing shows what is secret when other commands use it', async t => {
	await using scene = await makeScene(logins.password);
	const name = `${registry.host}/own/commands:1`;
	const built = await scene.build('--progress', 'plain', '-t', name);
	t.is(built.exitCode, 0, built.output);
	const commands = [['push', name], ['pull', name], ['images'], ['inspect', name], ['save', name], ['du', '--verbose'], ['logout', registry.host]];
	for (const args of commands) {
		const {exitCode, output} = await scene.run(...args);
		t.deepEqual([exitCode, args, findHidden(output)], [0, args, []]);
	}

	t.deepEqual(await findInFiles(scene.project.root), []);
});

const fails = test.macro(async (t, login: Login, repository: string) => {
	await using scene = await makeScene(login);
	const name = `${registry.host}/${repository}`;
	for (const flags of progressFlags) {
		const {exitCode, output} = await scene.build(...flags, '-t', name, '--push');
		t.regex(output, /failed to push/v);
		t.deepEqual([exitCode, flags, findHidden(output)], [1, flags, []]);
	}

	const pulled = await scene.run('pull', name);
	t.is(pulled.exitCode, 1);
	t.deepEqual(findHidden(pulled.output), []);
	t.deepEqual(await findInFiles(scene.project.root), []);
});

test('nothing shows what is secret when the password is wrong', fails, logins.wrongPassword, 'own/image:1');
test('nothing shows what is secret when the push is not allowed', fails, logins.password, 'foreign/image:1');
