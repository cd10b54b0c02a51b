import {Buffer} from 'node:buffer';
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {randomUUID} from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {text} from 'node:stream/consumers';
import test, {type ExecutionContext} from 'ava';
import {asNamespaceRoot} from '../support/namespace-root.ts';
import {makeProject, type Project} from '../support/project.ts';
import {makeKey} from '../support/ssh-server.ts';
import {
	startTsbuild,
	tsbuild,
	waitForExit,
	type TsbuildProcess,
	type TsbuildResult,
} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

/*
The ways that a secret, or a key, could take out of the step that it is for. One build uses them in all ways; the tests look at what it has left where.
*/

const dockerfile = `FROM base AS first
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN --mount=type=ssh test -s /run/secrets/file && test -n "$TOKEN" && test -S $SSH_AUTH_SOCK
RUN --mount=type=cache,target=/cache --mount=type=secret,id=file,target=/cache/token test -s /cache/token
RUN --mount=type=bind,rw,target=/mnt --mount=type=secret,id=file,target=/mnt/token test -s /mnt/token
RUN --mount=type=secret,id=file,target=/new/token,env=TOKEN test -s /new/token
FROM base AS last
COPY --from=first / /first/
RUN --mount=type=cache,target=/cache cat /cache/token; env; ls -lR /run /mnt /new 2>&1; find / -xdev -name "*token*"
RUN --mount=type=bind,target=/mnt ls /mnt; cat /mnt/token 2>&1 || true
`;

const progressModes = ['plain', 'rawjson', 'none', 'quiet'] as const;

type Secrets = {
	/** What must not be found anywhere. */
	readonly words: readonly string[];
	readonly flags: readonly string[];
	/** Has the value of one of them, as the user's own environment. */
	readonly environment: Readonly<Record<string, string>>;
};

const cleanup = new AsyncDisposableStack();
let project: Project;
let secrets: Secrets;
let built: TsbuildResult;

/** Makes a secret in a file, one in a variable, and a key. */
function makeSecrets(directory: string): Secrets {
	const [inFile, inVariable] = [`file-${randomUUID()}`, `variable-${randomUUID()}`];
	const [file, key] = [path.join(directory, 'secret'), path.join(directory, 'key')];
	writeFileSync(file, `${inFile}\n`);
	makeKey(key);
	const keyLines = readFileSync(key, 'utf8').split('\n').slice(1, -2);
	return {
		words: [inFile, inVariable, ...keyLines.filter(line => line.length > 60).slice(1)],
		flags: ['--secret', `id=file,src=${file}`, '--secret', 'id=variable,env=SECRET', '--ssh', `default=${key}`],
		environment: {SECRET: inVariable},
	};
}

function inside(name: string): string {
	return path.join(project.directory, name);
}

/** Also the secrets' other forms. */
function formsOf(word: string): readonly string[] {
	const bytes = Buffer.from(word);
	return [word, bytes.toString('base64').slice(0, 40), bytes.toString('hex')];
}

function assertAbsent(t: ExecutionContext, output: string): void {
	for (const word of secrets.words.flatMap(secret => formsOf(secret))) {
		t.false(output.includes(word), output);
	}
}

/** Looks into all files below a place. */
function assertAbsentBelow(t: ExecutionContext, place: string): void {
	t.true(existsSync(place));
	const words = secrets.words.flatMap(secret => ['-e', ...formsOf(secret).flatMap(form => [form, '-e'])].slice(0, -1));
	const {stdout, status} = spawnSync('grep', ['-raoF', '-m1', ...words, place], {encoding: 'utf8'});
	t.deepEqual({stdout, status}, {stdout: '', status: 1});
}

async function build(...args: readonly string[]): Promise<TsbuildResult> {
	return project.buildIn(secrets.environment, ...secrets.flags, ...args);
}

test.before('a build uses its secrets in all ways, and writes all outputs', async () => {
	project = cleanup.use(await makeProject({Dockerfile: dockerfile}));
	secrets = makeSecrets(project.directory);
	built = await build(
		'-t',
		'app:1',
		...['oci', 'docker'].flatMap(type => ['-o', `type=${type},dest=${inside(`${type}.tar`)},compression=uncompressed`]),
		'-o',
		`type=tar,dest=${inside('files.tar')}`,
		'-o',
		`type=local,dest=${inside('files')}`,
		'--metadata-file',
		inside('metadata'),
		'--iidfile',
		inside('identity'),
	);
});

test.after.always('the project is removed', async () => {
	await cleanup.disposeAsync();
});

test('the build had its secrets', t => {
	t.is(built.exitCode, 0, built.stderr);
});

for (const place of ['store', 'oci.tar', 'docker.tar', 'files.tar', 'files', 'metadata', 'identity']) {
	test(`a secret is not in ${place === 'store' ? 'the store: no layer, cache record or database' : `the output ${place}`}`, t => {
		assertAbsentBelow(t, inside(place));
	});
}

test('a secret is not in the log', t => {
	assertAbsent(t, built.stderr);
});

for (const mode of progressModes) {
	test(`a secret is not shown by --progress ${mode}`, async t => {
		const {exitCode, stdout, stderr} = await build('--progress', mode, '--no-cache', '--debug');
		t.is(exitCode, 0);
		assertAbsent(t, stderr);
		assertAbsent(t, Buffer.from(stdout).toString());
	});
}

test('a secret is not shown on a terminal', async t => {
	const main = path.join(import.meta.dirname, '../../src/main.ts');
	const words = [process.execPath, main, 'build', '--root', project.root, '--build-context', `base=oci-layout://${project.base}`, ...secrets.flags, '--no-cache', project.context];
	const child = spawn('script', ['-qec', words.map(word => `'${word}'`).join(' '), '/dev/null'], {
		stdio: ['ignore', 'pipe', 'inherit'], env: {...process.env, ...secrets.environment, TERM: 'xterm'},
	});
	const output = await text(child.stdout);
	t.true(output.includes('[+] Building'));
	t.false(output.includes('ERROR'));
	assertAbsent(t, output);
});

const shows = test.macro<string[]>({
	async exec(t, ...args) {
		const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root});
		t.is(exitCode, 0);
		assertAbsent(t, Buffer.from(stdout).toString() + stderr);
	},
	title: (_, ...args) => `a secret is not shown by tsbuild ${args.join(' ')}`,
});

test(shows, 'inspect', 'app:1');
test(shows, 'images', '--format', 'json');
test(shows, 'du', '--verbose');
test(shows, 'du', '--format', 'json');

test('what mounts stand on has none of it in the next stage, with a cache, or in the context', t => {
	t.is(readFileSync(inside('files/first/etc/passwd'), 'utf8'), readFileSync(inside('files/etc/passwd'), 'utf8'));
	for (const place of ['first/run/secrets', 'first/run/buildkit', 'first/new', 'run/secrets', 'run/buildkit']) {
		t.false(existsSync(inside(`files/${place}`)));
	}

	t.deepEqual(readdirSync(project.context), ['Dockerfile']);
});

test('a later step has a secret neither as a variable nor as a file', t => {
	t.notRegex(built.stderr, /TOKEN=|SSH_AUTH_SOCK=/v);
	t.regex(built.stderr, /can't open '\/mnt\/token': No such file or directory/v);
});

test('COPY does not take the file of a secret', async t => {
	await using other = await makeProject({Dockerfile: 'FROM base AS first\nRUN --mount=type=secret,id=file cat /run/secrets/file > /dev/null\nFROM base\nCOPY --from=first /run/secrets/file /\n'});
	const {exitCode, stderr} = await other.buildIn(secrets.environment, ...secrets.flags);
	t.is(exitCode, 1);
	t.regex(stderr, /"\/run\/secrets\/file": not found/v);
	assertAbsent(t, stderr);
});

test('a secret is no part of the cache key', async t => {
	const changed = inside('changed');
	writeFileSync(changed, 'changed');
	const flags = secrets.flags.map(flag => (flag.startsWith('id=file,') ? `id=file,src=${changed}` : flag));
	const {stderr} = await project.buildIn({SECRET: 'changed'}, ...flags, '--progress', 'plain', '--target', 'first');
	t.is(stderr.match(/RUN --mount.*\n#\d+ CACHED/gv)?.length, 4);
});

const tells = test.macro<[lines: readonly string[]]>({
	async exec(t, lines) {
		await using other = await makeProject({Dockerfile: ['FROM base', ...lines].join('\n')});
		const {exitCode, stderr} = await other.buildIn(secrets.environment, ...secrets.flags, '--debug');
		t.is(exitCode, 1);
		assertAbsent(t, stderr);
		assertAbsentBelow(t, other.root);
	},
	title: (what = '') => `a secret is not in the message about ${what}`,
});

test('a command that fails', tells, ['RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN false "$TOKEN"']);
test('a program that is not there', tells, ['RUN --mount=type=secret,id=variable,env=TOKEN ["/nothing"]']);
test('a secret that cannot be mounted', tells, ['RUN --mount=type=secret,id=file,target=/proc/x true']);
test('a directory that cannot be made', tells, ['RUN mkdir /d && echo > /d/f', 'RUN --mount=type=secret,id=file,target=/d/f/x true']);
test('a user who is not there', tells, ['USER nobody-knows', 'RUN --mount=type=secret,id=variable,env=TOKEN true']);

test('a secret with a NUL byte is not in the message that refuses it', async t => {
	await using other = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=secret,id=binary,env=TOKEN true\n'});
	const file = path.join(other.directory, 'binary');
	writeFileSync(file, 'hidden\0word');
	const {exitCode, stderr} = await other.build('--secret', `id=binary,src=${file}`);
	t.is(exitCode, 1);
	t.notRegex(stderr, /hidden|word/v);
});

test('a secret of a file that cannot be read, or is too large, is not in the message', async t => {
	const large = inside('large');
	writeFileSync(large, secrets.words[0]!.repeat(20_000));
	const {exitCode, stderr} = await project.build('--secret', `id=file,src=${large}`);
	t.is(exitCode, 1);
	assertAbsent(t, stderr);
});

test('a key that cannot be read is not in the message', async t => {
	const damaged = inside('damaged');
	const [first, second, ...others] = readFileSync(inside('key'), 'utf8').split('\n');
	writeFileSync(damaged, [first, `AAAA${second}`, ...others].join('\n'));
	const {exitCode, stderr} = await project.build('--ssh', `default=${damaged}`);
	t.is(exitCode, 1);
	assertAbsent(t, stderr);
});

/** Starts a build with secrets, for tests that interrupt it. */
function startBuild({base, context, root}: Project, {flags}: Secrets, env: Readonly<Record<string, string>>): TsbuildProcess {
	return startTsbuild(['build', '--progress', 'plain', '--build-context', `base=oci-layout://${base}`, ...flags, context], {root, env});
}

/** What processes other than those of the step and its parents say of themselves. */
function describeProcesses(): string {
	return readdirSync('/proc').filter(name => /^\d+$/v.test(name)).map(name => readProcess(`/proc/${name}`)).join('\n');
}

function readProcess(directory: string): string {
	try {
		const [commandLine, environment] = [readFileSync(`${directory}/cmdline`, 'latin1'), readFileSync(`${directory}/environ`, 'latin1')];
		// The step is the one that may have it.
		return environment.includes('TOKEN=') ? commandLine : commandLine + environment;
	} catch {
		// It has ended meanwhile.
		return '';
	}
}

test('while a step runs, and after SIGKILL, a secret is in no file and in no other process', async t => {
	await using other = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=secret,id=file --mount=type=secret,id=file,target=/x,env=TOKEN --mount=type=ssh echo begun; sleep 1000\n'});
	const own = makeSecrets(other.directory);
	const temporary = path.join(other.directory, 'temporary');
	mkdirSync(temporary);
	const running = startBuild(other, own, {TMPDIR: temporary});
	await waitForText(running.stderr, ' begun\n');
	const words = own.words.flatMap(word => ['-e', word]);
	const search = () => spawnSync(...asNamespaceRoot('grep', ['-raF', ...words, other.root]), {encoding: 'utf8'}).stdout;
	t.is(search(), '');
	const described = describeProcesses();
	t.false(own.words.some(word => described.includes(word)));
	running.kill('SIGKILL');
	await waitForExit(running);
	t.is(search(), '');
	await tsbuild(['du'], {root: other.root});
	t.is(search(), '');
	// Where Node.js keeps code that it has compiled.
	t.deepEqual(readdirSync(temporary).filter(name => name !== 'node-compile-cache'), []);
	t.is(execFileSync(...asNamespaceRoot('find', [other.root, '-type', 's']), {encoding: 'utf8'}), '');
});

test('a secret is not in the report of a crash', async t => {
	await using other = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=secret,id=file --mount=type=secret,id=file,target=/x,env=TOKEN --mount=type=ssh echo begun; sleep 1000\n'});
	const own = makeSecrets(other.directory);
	const reports = path.join(other.directory, 'reports');
	mkdirSync(reports);
	const running = startBuild(other, own, {NODE_OPTIONS: `--report-on-signal --report-exclude-network --report-directory=${reports}`});
	await waitForText(running.stderr, ' begun\n');
	running.kill('SIGUSR2');
	await waitForText(running.stderr, 'report completed');
	running.kill('SIGTERM');
	t.is(await waitForExit(running), 130);
	const [report = ''] = readdirSync(reports);
	const content = readFileSync(path.join(reports, report), 'utf8');
	t.true(content.includes('javascriptStack'));
	t.false(own.words.some(word => content.includes(word)));
});
