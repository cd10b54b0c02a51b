import {execFileSync} from 'node:child_process';
import {readdir} from 'node:fs/promises';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {makeProject, type Project} from '../support/project.ts';
import {startWebServer} from '../support/web-server.ts';

const hello = 'hello from http\n';
const helloDigest = 'sha256:9347bf9e5b6f42fa181ab19631e9011b836363d3a08b05a8faf318868be5882e';
const lastModified = 'Thu, 02 Jan 2020 03:04:05 GMT';

async function build(t: ExecutionContext, project: Project, ...args: readonly string[]): Promise<string> {
	const {exitCode, stderr} = await project.build(...args);
	t.is(exitCode, 0, stderr);
	return stderr;
}

/** Builds the files of the image, and lists those that are no directories: mode, owner, size, time and name. */
async function listFiles(t: ExecutionContext, project: Project): Promise<readonly string[]> {
	const archive = path.join(project.directory, 'root.tar');
	await build(t, project, '-o', `type=tar,dest=${archive}`);
	const lines = execFileSync('tar', ['--utc', '--full-time', '--numeric-owner', '-tvf', archive]).toString().trim().split('\n');
	return lines.filter(line => !line.startsWith('d')).map(line => line.replaceAll(/ +/gv, ' '));
}

function stepsOf(log: string): readonly string[] {
	return log.matchAll(/^#\d+ (?<word>CACHED|DONE)/gmv).map(({groups}) => groups!.word!).toArray();
}

test('ADD takes a file of the web, for root alone, with the time that its server tells', async t => {
	await using server = await startWebServer({
		'/dir/hello.txt': {content: hello, headers: {'last-modified': lastModified}},
		'/': {content: 'index'},
		'/late%20file?query': {content: 'query'},
	});
	await using project = await makeProject({
		Dockerfile: `FROM scratch
ADD http://${server.host}/dir/hello.txt /into/
ADD http://${server.host}/dir/hello.txt /renamed
ADD --chown=12:34 --chmod=4751 http://${server.host}/dir/hello.txt /owned
ADD http://${server.host} http://${server.host}/late%20file?query local /all/
`,
		local: 'local\n',
	});
	t.deepEqual(await listFiles(t, project).then(lines => lines.filter(line => !line.endsWith('all/local'))), [
		'-rw------- 0/0 5 1970-01-01 00:00:00 all/__unnamed__',
		'-rw------- 0/0 5 1970-01-01 00:00:00 all/late file',
		'-rw------- 0/0 16 2020-01-02 03:04:05 into/hello.txt',
		'-rwsr-x--x 12/34 16 2020-01-02 03:04:05 owned',
		'-rw------- 0/0 16 2020-01-02 03:04:05 renamed',
	]);
});

const revalidates = test.macro(async (t, headers: Readonly<Record<string, string>>, changed: Readonly<Record<string, string>>) => {
	await using server = await startWebServer({'/f': {content: 'first', headers}});
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD http://${server.host}/f /f\n`});
	await build(t, project, '-t', 'app:1');
	t.deepEqual(server.requests.splice(0), ['GET /f']);
	const log = await build(t, project, '-t', 'app:1');
	t.deepEqual(server.requests.splice(0), ['HEAD /f']);
	t.deepEqual(stepsOf(log).slice(-3, -1), ['CACHED', 'CACHED']);
	server.files.set('/f', {content: 'other', headers: changed});
	const changedLog = await build(t, project, '--explain', '-o', path.join(project.directory, 'out'));
	t.regex(changedLog, /\/f \/f\n +content at the address changed\n/v);
	t.is(execFileSync('cat', [path.join(project.directory, 'out/f')]).toString(), 'other');
});

test('a file with an entity tag is not downloaded again', revalidates, {etag: '"1"'}, {etag: '"2"'});
test('a file with a weak entity tag is not downloaded again', revalidates, {etag: 'W/"1"'}, {etag: 'W/"2"'});
test('a file with a time of modification is not downloaded again', revalidates, {'last-modified': lastModified}, {'last-modified': 'Thu, 02 Jan 2020 03:04:06 GMT'});

test('a file of which the server tells nothing is downloaded each time, and is the same if its content is', async t => {
	await using server = await startWebServer({'/f': {content: 'first'}});
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD http://${server.host}/f /f\n`});
	await build(t, project, '-t', 'app:1');
	const log = await build(t, project, '-t', 'app:1');
	t.deepEqual(server.requests, ['GET /f', 'GET /f']);
	t.deepEqual(stepsOf(log).slice(-3, -1), ['CACHED', 'CACHED']);
});

test('a file with a checksum is downloaded once, and nobody is asked after that', async t => {
	await using server = await startWebServer({'/f': {content: hello}});
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD --checksum=${helloDigest} http://${server.host}/f /f\n`});
	await build(t, project, '-t', 'app:1');
	await build(t, project, '-t', 'app:1');
	t.deepEqual(server.requests, ['GET /f']);
});

test('an archive of the web is unpacked when ADD is told to, and only then', async t => {
	await using project = await makeProject({'files/one': '1', 'files/sub/two': '2'});
	const archive = execFileSync('tar', ['-C', path.join(project.context, 'files'), '-cz', '.']);
	await using server = await startWebServer({'/a.tgz': {content: archive}});
	await project.write({Dockerfile: `FROM scratch\nADD --unpack=true http://${server.host}/a.tgz /unpacked/\nADD http://${server.host}/a.tgz /kept/\n`});
	const files = await listFiles(t, project);
	t.deepEqual(files.map(line => line.split(' ').at(-1)), ['kept/a.tgz', 'unpacked/one', 'unpacked/sub/two']);
});

const fails = test.macro(async (t, file: Parameters<typeof startWebServer>[0], flags: string, message: RegExp) => {
	await using server = await startWebServer(file);
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD ${flags} http://${server.host}/f /f\n`});
	const {exitCode, stderr} = await project.build('-t', 'app:1');
	t.is(exitCode, 1);
	t.regex(stderr, message);
	t.deepEqual(await readdir(path.join(project.root, 'snapshots')), []);
});

test('a missing file fails the build', fails, {}, '', /ERROR: failed to build: failed to solve: failed to load cache key: invalid response status 404\n/v);
test('a server that fails fails the build', fails, {'/f': {status: 503}}, '', /invalid response status 503/v);
test(
	'a file that is not what the checksum says fails the build',
	fails,
	{'/f': {content: 'x'}},
	`--checksum=${helloDigest}`,
	/failed to solve: digest mismatch sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881: sha256:9347bf9e/v,
);
test('a file that ends too early fails the build', fails, {'/f': {content: 'x'.repeat(100_000), cutAfter: 50_000}}, '', /failed to load cache key: Get "http:\/\/127.0.0.1:\d+\/f": unexpected EOF/v);
test(
	'a checksum that is none fails the build',
	fails,
	{},
	'--checksum=md5:abc',
	/>>> ADD --checksum=md5:abc [^\n]*\n(?:[^\n]*\n)*ERROR: failed to build: failed to solve: unsupported digest algorithm/v,
);

test('a secret tells a server who asks, and only that server', async t => {
	await using other = await startWebServer({'/f': {content: 'x'}});
	const elsewhere = other.host.replace('127.0.0.1', 'localhost');
	await using server = await startWebServer({'/f': {status: 302, headers: {location: `http://${elsewhere}/f`}}});
	await using project = await makeProject({Dockerfile: `FROM scratch\nADD http://${server.host}/f /f\n`});
	const log = await project.buildIn({SECRET: 'sesame-1234\n'}, '-t', 'app:1', '--secret', 'id=HTTP_AUTH_TOKEN_127.0.0.1,env=SECRET');
	t.is(log.exitCode, 0, log.stderr);
	t.deepEqual(server.requests, ['GET /f Bearer sesame-1234']);
	t.deepEqual(other.requests, ['GET /f']);
	t.false(log.stderr.includes('sesame'));
	t.throws(() => execFileSync('grep', ['-r', 'sesame', project.root]), undefined, 'it is nowhere in the store');
});
