import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import test from 'ava';
import {dockerClient, startDockerEngine, type DockerEngine} from '../../scripts/bench/docker-engine.ts';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import {testWhere} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory, type TemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

const dockerfile = 'FROM base\nRUN echo hello > /greeting\nENV NAME=world\n';

let directory: TemporaryDirectory;
let engine: DockerEngine;

test.before('the engine is started', async () => {
	directory = await makeTemporaryDirectory();
	engine = await startDockerEngine(directory.path);
});

test.after.always('the engine is stopped', async () => {
	await engine[Symbol.asyncDispose]();
	await directory[Symbol.asyncDispose]();
});

function docker(...args: readonly string[]): string {
	return execFileSync(dockerClient, ['--host', engine.host, ...args], {encoding: 'utf8'});
}

const loads = test.macro({
	async exec(t, name: string, flags: readonly string[]) {
		await using project = await makeProject({Dockerfile: dockerfile});
		const {exitCode, stderr} = await project.buildIn({DOCKER_HOST: engine.host}, '-t', name, ...flags);
		t.is(exitCode, 0);
		t.regex(stderr, /^#\d+ exporting to docker image format$/mv);
		t.regex(stderr, /^#\d+ importing to docker$/mv);
		t.deepEqual(JSON.parse(docker('image', 'inspect', '--format', '{{json .Config.Env}}', name)), ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'NAME=world']);
		t.is(docker('run', '--rm', '--network', 'none', name, 'cat', '/greeting'), 'hello\n');
	},
	title: (_, _name: string, flags: readonly string[]) => `docker runs an image that ${flags.join(' ')} has loaded`,
});

test(loads, 'load:1', ['--load']);
test(loads, 'load:2', ['-o', 'type=docker']);
test(loads, 'load:3', ['-o', 'type=docker,compression=gzip,oci-mediatypes=false']);

test('one build pushes an image, loads it and writes an archive and its files', async t => {
	await using registry = await startRegistry();
	await using project = await makeProject({Dockerfile: dockerfile});
	const [archive, root] = ['app.tar', 'root'].map(name => path.join(project.directory, name)) as [string, string];
	const name = `${registry.host}/all/app:1`;
	const built = await project.buildIn({DOCKER_HOST: engine.host}, '-t', name, '--push', '--load', '-o', `type=oci,dest=${archive}`, '-o', root);
	t.is(built.exitCode, 0, built.stderr);
	const id = docker('image', 'inspect', '--format', '{{.Id}}', name).trim();
	for (const source of [['--tls-verify=false', `docker://${name}`], [`oci-archive:${archive}`]]) {
		const config = await runCommand('skopeo', ['inspect', '--config', '--raw', ...source]);
		t.is(digestOf(Buffer.from(config)), id as Digest);
	}

	t.is(await readFile(path.join(root, 'greeting'), 'utf8'), 'hello\n');
});

test('docker loads an archive', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const archive = path.join(project.directory, 'app.tar');
	const result = await project.build('-t', 'archive:1', '-o', `type=docker,dest=${archive}`);
	t.is(result.exitCode, 0, result.stderr);
	t.is(docker('load', '--input', archive), 'Loaded image: archive:1\n');
	t.is(docker('run', '--rm', '--network', 'none', 'archive:1', 'cat', '/greeting'), 'hello\n');
});

test('what docker has saved is loaded, with the ID that it has there', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	await using other = await makeProject({Dockerfile: 'FROM there:1\nRUN cat /greeting && test $NAME = world\n'});
	const loaded = await project.buildIn({DOCKER_HOST: engine.host}, '-t', 'there:1', '-t', 'there:2', '--load');
	t.is(loaded.exitCode, 0, loaded.stderr);
	const archive = path.join(project.directory, 'saved.tar');
	docker('save', '--output', archive, 'there:1', 'there:2');
	const result = await tsbuild(['load', '-i', archive], {root: other.root});
	t.is(new TextDecoder().decode(result.stdout), 'Loaded image: there:1\nLoaded image: there:2\n');
	const id = await tsbuild(['images', '-q', '--no-trunc', 'there:1'], {root: other.root});
	t.is(new TextDecoder().decode(id.stdout), docker('image', 'inspect', '--format', '{{.Id}}', 'there:1'));
	const built = await other.build('-t', 'next:1');
	t.is(built.exitCode, 0, built.stderr);
});

test('an engine that refuses an image is told with its words', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	await using socket = await makeEngineThatRefuses();
	const {exitCode, stderr} = await project.buildIn({DOCKER_HOST: `unix://${socket.path}`}, '--load', '-t', 'app:1');
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: failed to solve: failed to load image into Docker: no space left on device$/mv);
});

test('an engine that was named must be there', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	const {exitCode, stderr} = await project.buildIn({DOCKER_HOST: 'unix:///nowhere/docker.sock'}, '--load', '-t', 'app:1');
	t.is(exitCode, 1);
	t.regex(stderr, /^ERROR: failed to build: failed to solve: Cannot connect to the Docker daemon at unix:\/\/\/nowhere\/docker\.sock\. Is the docker daemon running\?$/mv);
	const remote = await project.buildIn({DOCKER_HOST: 'tcp://127.0.0.1:1'}, '--load', '-t', 'app:1');
	t.regex(remote.stderr, /^ERROR: failed to build: DOCKER_HOST=tcp:\/\/127\.0\.0\.1:1 cannot be used/mv);
});

testWhere(!existsSync('/var/run/docker.sock'), 'there is a Docker engine')('without an engine the image is kept in the local store', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
	const {exitCode, stderr} = await project.build('--load', '-t', 'app:1');
	t.is(exitCode, 0, stderr);
	t.is(stderr.match(/^WARNING: there is no Docker engine at \/var\/run\/docker\.sock: the image is kept in the local store$/gmv)?.length, 1);
	t.is(stderr.match(/exporting to image/gv)?.length, 1);
	const images = await tsbuild(['images', '-q'], {root: project.root});
	t.regex(new TextDecoder().decode(images.stdout), /^[\da-f]{12}\n$/v);
	const nameless = await project.build('-o', 'type=docker,name=other:1');
	t.is(nameless.exitCode, 0, nameless.stderr);
	const other = await tsbuild(['inspect', 'other:1'], {root: project.root});
	t.is(other.exitCode, 0, other.stderr);
});

/** Says no before it has read all. */
async function makeEngineThatRefuses(): Promise<TemporaryDirectory> {
	const temporary = await makeTemporaryDirectory();
	const socket = path.join(temporary.path, 'docker.sock');
	const server = http.createServer((_request, response) => {
		response.statusCode = 500;
		response.end(JSON.stringify({message: 'no space left on device'}));
	}).listen(socket);
	await once(server, 'listening');
	return {
		path: socket,
		async [Symbol.asyncDispose]() {
			server.close();
			server.closeAllConnections();
			await temporary[Symbol.asyncDispose]();
		},
	};
}
