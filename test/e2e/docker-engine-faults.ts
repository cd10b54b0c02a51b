import {once} from 'node:events';
import {existsSync} from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'ava';
import {testWhere} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';
import {makeTemporaryDirectory, type TemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

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
