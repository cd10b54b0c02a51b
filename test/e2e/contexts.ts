import {execFileSync} from 'node:child_process';
import {
	readdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import {mkdir} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {startGitServer} from '../support/git-server.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild, type TsbuildResult} from '../support/tsbuild.ts';
import {startWebServer} from '../support/web-server.ts';

const dockerfile = 'FROM scratch\nCOPY . /files/\n';

/** Builds a context that is none of this machine's directories, into the directory `out` of the project. */
async function build(project: Project, args: readonly string[], input?: string): Promise<TsbuildResult> {
	return tsbuild(['build', '--progress', 'plain', '-o', path.join(project.directory, 'out'), ...args], {root: project.root, cwd: project.directory, input});
}

function filesOf(project: Project, directory = 'out/files'): readonly string[] {
	return readdirSync(path.join(project.directory, directory)).toSorted();
}

function succeeds(t: ExecutionContext, result: TsbuildResult): void {
	t.is(result.exitCode, 0, result.stderr);
}

/** Writes an archive of the context beside it. */
function pack(project: Project, ...flags: readonly string[]): string {
	const archive = path.join(project.directory, 'context.archive');
	execFileSync('tar', ['-C', project.context, ...flags, '-cf', archive, '.']);
	return archive;
}

const archives = test.macro<string[]>({
	async exec(t, ...flags) {
		await using project = await makeProject({Dockerfile: dockerfile, 'sub/file': 'x', '.dockerignore': 'sub'});
		const result = await build(project, ['-'], pack(project, ...flags));
		succeeds(t, result);
		t.deepEqual(filesOf(project), ['.dockerignore', 'Dockerfile', 'sub']);
	},
	title: (_, ...flags) => `a context is taken from an archive on standard input: tar ${flags.join(' ')}`,
});

test(archives);
test(archives, '--gzip');
test(archives, '--bzip2');
test(archives, '--xz');
test(archives, '--zstd');
test(archives, '--format=v7');

test('files of an archive keep their owners, and -f names a Dockerfile in it', async t => {
	await using project = await makeProject({'sub/Other': dockerfile, file: 'x'});
	succeeds(t, await tsbuild(['build', '-f', 'sub/Other', '-o', `type=tar,dest=${project.directory}/root.tar`, '-'], {root: project.root, input: pack(project, '--owner=:12', '--group=:34')}));
	const listed = execFileSync('tar', ['--numeric-owner', '-tvf', path.join(project.directory, 'root.tar'), 'files/file']).toString();
	t.regex(listed, /^-rw-r--r-- 12\/34 /v);
});

test('the same archive is unpacked once', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const archive = pack(project);
	succeeds(t, await build(project, ['-'], archive));
	const {stderr} = await build(project, ['-'], archive);
	t.regex(stderr, /copy \/context \/\n#\d+ CACHED/v);
	t.regex(stderr, /COPY \. \/files\/\n#\d+ CACHED/v);
});

test('a Dockerfile on standard input has no files, or those of a directory', async t => {
	await using project = await makeProject({Dockerfile: 'FROM none\n', file: 'x', '.dockerignore': 'Dockerfile'});
	const input = path.join(project.directory, 'input');
	writeFileSync(input, 'FROM scratch\nCOPY <<a <<b /files/\na\nb\n');
	succeeds(t, await build(project, ['-'], input));
	t.deepEqual(filesOf(project), ['a', 'b']);
	writeFileSync(input, dockerfile);
	succeeds(t, await build(project, ['-f', '-', project.context], input));
	t.deepEqual(filesOf(project), ['.dockerignore', 'a', 'b', 'file']);
});

const fails = test.macro(async (t, args: readonly string[], content: string, message: RegExp) => {
	await using project = await makeProject({Dockerfile: dockerfile, file: 'x'});
	const input = path.join(project.directory, 'input');
	writeFileSync(input, content, 'latin1');
	const {exitCode, stderr} = await build(project, args, input);
	t.is(exitCode, 1);
	t.regex(stderr, message);
});

test('standard input is one thing', fails, ['-f', '-', '-'], '', /ERROR: failed to build: invalid argument: can't use stdin for both build context and dockerfile\n/v);
test('standard input is no second Dockerfile', fails, ['-f', 'a', '-'], 'FROM scratch\n', /ERROR: failed to build: ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles\n/v);
test('an empty standard input is no Dockerfile', fails, ['-'], '', /failed to solve: the Dockerfile cannot be empty/v);
test('what is no archive at its second look is no context', fails, ['-'], '\u{1F}\u{8B}\u{8}garbage', /failed to solve: failed to read dockerfile: open Dockerfile: no such file or directory/v);
test('a named context has to be there', fails, ['--build-context', 'a=none', '.'], '', /failed to get build context a: stat none: no such file or directory/v);

test('an archive or a Dockerfile of the web is a context, and a Dockerfile alone one with -f', async t => {
	await using project = await makeProject({Dockerfile: dockerfile, 'sub/file': 'x'});
	await using server = await startWebServer({
		'/archive': {content: readFileSync(pack(project, '--gzip'))},
		'/Dockerfile.txt': {content: 'FROM scratch\nCOPY context /files/read\n'},
		'/other': {content: 'FROM scratch\nCOPY sub /files/other\n'},
	});
	succeeds(t, await build(project, [`http://${server.host}/archive`]));
	t.deepEqual(filesOf(project), ['Dockerfile', 'sub']);
	succeeds(t, await build(project, [`http://${server.host}/Dockerfile.txt`]));
	t.is(readFileSync(path.join(project.directory, 'out/files/read'), 'utf8'), 'FROM scratch\nCOPY context /files/read\n');
	succeeds(t, await build(project, ['-f', `http://${server.host}/other`, project.context]));
	t.deepEqual(filesOf(project, 'out/files/other'), ['file']);
	const {exitCode, stderr} = await build(project, [`http://${server.host}/none`]);
	t.is(exitCode, 1);
	t.regex(stderr, /failed to solve: failed to load cache key: invalid response status 404/v);
});

test('a git repository is a context, as a whole or one directory of a branch', async t => {
	await using project = await makeProject({});
	await using server = await startGitServer();
	server.commit('app', {
		Dockerfile: dockerfile, '.dockerignore': 'sub', 'sub/Dockerfile': dockerfile, 'sub/file': 'x',
	}, 1_580_702_706);
	server.git('app', 'branch', 'dev');
	succeeds(t, await build(project, [`${server.url}/app.git`]));
	t.deepEqual(filesOf(project), ['.dockerignore', 'Dockerfile', 'sub']);
	await using other = await makeProject({});
	succeeds(t, await build(other, [`${server.url}/app.git#dev:sub`]));
	t.deepEqual(filesOf(other), ['Dockerfile', 'file']);
	succeeds(t, await build(other, ['--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', `${server.url}/app.git`]));
	t.true(filesOf(other).includes('.git'));
	const {exitCode, stderr} = await build(other, ['-f', 'none', `${server.url}/app.git`]);
	t.is(exitCode, 1);
	t.regex(stderr, /failed to read dockerfile: open none: no such file or directory/v);
});

test('CVE-2026-44517: a link in an archive leads the Dockerfile to no file of this machine', async t => {
	await using project = await makeProject({file: ''});
	symlinkSync('/etc/hostname', path.join(project.context, 'Dockerfile'));
	symlinkSync('/etc', path.join(project.context, 'directory'));
	for (const [args, name] of [[['-'], 'Dockerfile'], [['-f', 'directory/hostname', '-'], 'directory/hostname'], [['-f', '../../etc/hostname', '-'], '../../etc/hostname']] as const) {
		const {exitCode, stderr} = await build(project, args, pack(project));
		t.is(exitCode, 1);
		t.true(stderr.includes(`failed to read dockerfile: open ${name}: no such file or directory`));
	}
});

test('a Dockerfile in a repository is no link to a file of this machine', async t => {
	await using project = await makeProject({});
	await using server = await startGitServer();
	server.commit('app', {file: 'x'}, 1_580_702_706);
	symlinkSync('/etc/hostname', path.join(server.directory('app'), 'Dockerfile'));
	server.commit('app', {}, 1_580_702_706);
	const {exitCode, stderr} = await build(project, [`${server.url}/app.git`]);
	t.is(exitCode, 1);
	t.regex(stderr, /failed to read dockerfile: open Dockerfile: no such file or directory/v);
});

test('named contexts are directories, images, repositories and archives, which stages and COPY take', async t => {
	await using project = await makeProject({
		Dockerfile: `FROM images AS base
FROM local AS copied
COPY --from=base /image /image
COPY --from=repository /committed /committed
COPY --from=archive /Dockerfile /archived
RUN --mount=from=local,target=/mnt true
`,
	});
	await using server = await startGitServer();
	server.commit('app', {committed: 'x'}, 1_580_702_706);
	await using web = await startWebServer({'/context.tar': {content: readFileSync(pack(project))}});
	const local = path.join(project.directory, 'local');
	await mkdir(path.join(local, 'bin'), {recursive: true});
	writeFileSync(path.join(local, 'kept'), '');
	writeFileSync(path.join(local, 'left-out'), '');
	writeFileSync(path.join(local, '.dockerignore'), 'left-out\n.dockerignore\n');
	execFileSync('cp', ['/bin/busybox', path.join(local, 'bin/sh')]);
	execFileSync('cp', ['/bin/busybox', path.join(local, 'bin/true')]);
	await using image = await makeProject({Dockerfile: 'FROM scratch\nCOPY file /image\n', file: 'x'});
	succeeds(t, await tsbuild(['build', '-t', 'made:1', image.context], {root: project.root}));
	succeeds(t, await build(project, [
		'--build-context',
		'images=docker-image://made:1',
		'--build-context',
		`local=${local}`,
		'--build-context',
		`repository=${server.url}/app.git`,
		'--build-context',
		`archive=http://${web.host}/context.tar`,
		'--network',
		'none',
		project.context,
	]));
	t.deepEqual(filesOf(project, 'out').filter(name => !['dev', 'etc', 'proc', 'sys'].includes(name)), ['archived', 'bin', 'committed', 'image', 'kept']);
});
