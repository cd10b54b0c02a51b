import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	existsSync,
	readdirSync,
	symlinkSync,
} from 'node:fs';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {startGitServer, type GitServer} from '../support/git-server.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const first = 1_580_702_706;
const second = first + 1000;

/** A repository with two commits, a tag `v1` and a branch `dev` on the first one. */
function fill(server: GitServer, repository = 'app'): {readonly first: string; readonly second: string} {
	const hash = server.commit(repository, {one: '1', 'sub/two': '2'}, first);
	server.git(repository, 'tag', '-a', 'v1', '-m', 'v1');
	server.git(repository, 'branch', 'dev');
	chmodSync(path.join(server.directory(repository), 'one'), 0o775);
	symlinkSync('../one', path.join(server.directory(repository), 'sub/link'));
	return {first: hash, second: server.commit(repository, {three: '3'}, second)};
}

async function build(t: ExecutionContext, project: Project, ...args: readonly string[]): Promise<string> {
	const {exitCode, stderr} = await project.build(...args);
	t.is(exitCode, 0, stderr);
	return stderr;
}

async function listFiles(t: ExecutionContext, project: Project): Promise<readonly string[]> {
	const archive = path.join(project.directory, 'root.tar');
	await build(t, project, '-o', `type=tar,dest=${archive}`);
	return execFileSync('tar', ['--utc', '--full-time', '--numeric-owner', '-tvf', archive]).toString().trim().split('\n').map(line => line.replaceAll(/ +/gv, ' '));
}

test('ADD takes the files of the default branch, with the time of the commit', async t => {
	await using server = await startGitServer();
	fill(server);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.url}/app.git /app\n`});
	const [, ...files] = await listFiles(t, project);
	t.deepEqual(files, [
		'-rwxr-xr-x 0/0 1 2020-02-03 04:21:46 app/one',
		'drwxr-xr-x 0/0 0 2020-02-03 04:21:46 app/sub/',
		'lrwxrwxrwx 0/0 0 2020-02-03 04:21:46 app/sub/link -> ../one',
		'-rw-r--r-- 0/0 1 2020-02-03 04:21:46 app/sub/two',
		'-rw-r--r-- 0/0 1 2020-02-03 04:21:46 app/three',
	]);
	const usage = await tsbuild(['du', '--filter', 'type=source.git.checkout', '--format', '{{.Description}}'], {root: project.root});
	t.regex(usage.stdout.toString(), /^[^\n]*ADD [^\n]*\/app\.git[^\n]*\n$/v);
});

const names = test.macro({
	async exec(t, ending: (hashes: {readonly first: string; readonly second: string}) => string, expected: readonly string[]) {
		await using server = await startGitServer();
		const hashes = fill(server);
		await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.url}/app.git${ending(hashes)} /\n`});
		await build(t, project, '-o', path.join(project.directory, 'out'));
		t.deepEqual(readdirSync(path.join(project.directory, 'out')), [...expected]);
	},
	title: (description: string | undefined) => `ADD takes ${description ?? ''} of a repository`,
});

test('a branch', names, () => '#dev', ['one', 'sub']);
test('an annotated tag', names, () => '#v1', ['one', 'sub']);
test('a tag of a query', names, () => '?tag=v1', ['one', 'sub']);
test('a branch of a query', names, () => '?branch=main', ['one', 'sub', 'three']);
test('a directory', names, () => '#:sub', ['link', 'two']);
test('a directory of a branch in a query', names, () => '?branch=dev&subdir=/sub/', ['two']);
test('a commit', names, ({first: hash}) => `#${hash}`, ['one', 'sub']);
test('a directory of a commit', names, ({first: hash}) => `#${hash}:sub`, ['two']);
test('a full reference', names, () => '#refs/heads/dev', ['one', 'sub']);

test('a repository is asked for its commit in each build, and fetched when that is another one', async t => {
	await using server = await startGitServer();
	const {first: hash} = fill(server);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.url}/app.git#main /main\nADD ${server.url}/app.git#${hash} /first\n`});
	await build(t, project, '-t', 'app:1');
	server.requests.length = 0;
	const log = await build(t, project, '-t', 'app:1');
	t.regex(log, /CACHED\n\n#\d+ exporting/v);
	t.true(server.requests.length <= 2, server.requests.join('\n'));
	server.commit('app', {four: '4'}, second);
	const changed = await build(t, project, '--explain', '-o', path.join(project.directory, 'out'));
	t.regex(changed, /app\.git#main \/main\n +commit changed\n/v);
	t.true(existsSync(path.join(project.directory, 'out/main/four')));
});

test('--keep-git-dir keeps a repository that git can work with, and no more of it than one commit', async t => {
	await using server = await startGitServer();
	const {first: hash} = fill(server);
	await using project = await makeProject({
		Dockerfile: [
			'FROM scratch',
			`ADD --keep-git-dir=true ${server.url.replace('//', '//user:password@')}/app.git#v1 /app`,
			`ADD ${server.url}/app.git?keep-git-dir=1&commit=${hash} /commit`,
		].join('\n'),
	});
	const out = path.join(project.directory, 'out');
	await build(t, project, '-o', out);
	for (const directory of ['app', 'commit']) {
		const git = (...parameters: readonly string[]) => execFileSync('git', ['-c', 'safe.directory=*', '-C', path.join(out, directory), ...parameters], {encoding: 'utf8'}).trim();
		t.is(git('log', '--format=%H', '--all', 'HEAD'), hash);
		t.is(git('status', '--porcelain'), '');
		t.false(git('config', 'remote.origin.url').includes('password'));
	}
});

test('submodules come with a repository, without what leads to their own', async t => {
	await using server = await startGitServer();
	fill(server, 'library');
	server.commit('app', {file: ''}, first);
	server.git('app', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', server.directory('library'), 'library');
	server.git('app', 'config', '--file=.gitmodules', 'submodule.library.url', '../library.git');
	server.commit('app', {}, second);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.url}/app.git /with\nADD ${server.url}/app.git?submodules=false /without\n`});
	const out = path.join(project.directory, 'out');
	await build(t, project, '-o', out);
	t.deepEqual(readdirSync(path.join(out, 'with/library')), ['one', 'sub', 'three']);
	t.deepEqual(readdirSync(path.join(out, 'without/library')), []);
});

const fails = test.macro<[ending: string, message: RegExp, flags?: string]>(async (t, ending, message, flags = '') => {
	await using server = await startGitServer();
	fill(server);
	symlinkSync('/etc', path.join(server.directory('app'), 'outside'));
	server.commit('app', {}, second);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${flags} ${server.url}/${ending} /app\n`});
	const {exitCode, stderr} = await project.build('-t', 'app:1');
	t.is(exitCode, 1);
	t.regex(stderr, message);
	t.deepEqual(readdirSync(path.join(project.root, 'snapshots')), []);
});

test(
	'a repository that is not there fails the build',
	fails,
	'none.git',
	/failed to load cache key: error fetching default branch for repository http:\/\/127.0.0.1:\d+\/none.git: git stderr:\nfatal: repository 'http:.*' not found\n: exit status 128\n/v,
);
test('a branch that is not there fails the build', fails, 'app.git#none', /repository does not contain ref none, output: ""/v);
test('a directory that is not there fails the build', fails, 'app.git#:none', /failed to open subdir none: /v);
test('a file is no directory of a repository', fails, 'app.git#:one', /failed to open subdir one: /v);
test('a link in a repository leads to nothing of this machine', fails, 'app.git#:outside', /failed to open subdir outside: /v);
test('what is like an option of git is no branch', fails, 'app.git#--upload-pack=touch', /failed to parse git ref .*: invalid ref "--upload-pack=touch"/v);
test('a commit that is not the expected one fails the build', fails, 'app.git', /expected checksum to match abcdef, got [\da-f]{40}/v, '--checksum=abcdef');
test('a checksum that is none of a commit fails the build', fails, 'app.git', /invalid checksum sha256:1/v, '--checksum=sha256:1');
test('a query that nobody knows fails the build', fails, 'app.git?x=1', /failed to parse git ref .*: unexpected query "x"/v);
test('two wishes about the repository fail the build', fails, 'app.git?keep-git-dir=false', /inconsistent keep-git-dir configuration/v, '--keep-git-dir');

test('a submodule comes neither from the disk nor from a program', async t => {
	await using server = await startGitServer();
	fill(server, 'library');
	for (const [name, url] of [['disk', server.directory('library')], ['program', `ext::sh -c touch% ${server.directory('canary')}`]] as const) {
		server.commit(name, {file: ''}, first);
		server.git(name, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', server.directory('library'), 'library');
		server.git(name, 'config', '--file=.gitmodules', 'submodule.library.url', url);
		server.commit(name, {}, second);
		await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${server.url}/${name}.git /app\n`});
		const {exitCode, stderr} = await project.build('-t', 'app:1');
		t.is(exitCode, 1);
		t.regex(stderr, /transport '(?:ext|file)' not allowed/v);
	}

	t.false(existsSync(server.directory('canary')));
});

test('a token tells the server who asks, and stands nowhere else', async t => {
	const header = `basic ${Buffer.from('x-access-token:sesame-1234').toString('base64')}`;
	await using server = await startGitServer({authorization: header});
	fill(server);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD --keep-git-dir ${server.url}/app.git /app\n`});
	const {exitCode, stderr} = await project.buildIn({TOKEN: 'sesame-1234'}, '-t', 'app:1', '--secret', 'id=GIT_AUTH_TOKEN,env=TOKEN');
	t.is(exitCode, 0);
	for (const secret of ['sesame', header.slice('basic '.length)]) {
		t.false(stderr.includes(secret));
		t.throws(() => execFileSync('grep', ['-r', secret, project.root]), undefined, 'it is nowhere in the store');
	}

	const refused = await project.build('-t', 'app:1', '--no-cache');
	t.is(refused.exitCode, 1);
	t.regex(refused.stderr, /could not read Username|Authentication failed/v);
});
