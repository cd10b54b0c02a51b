import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {chmod, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {dockerClient, startDockerEngine, type DockerEngine} from '../../scripts/bench/docker-engine.ts';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {makeRootlessUser} from '../support/rootless-user.ts';
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

test('an ordinary user who may use the engine loads an image into it', async t => {
	await using user = await makeRootlessUser();
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY --chown=12:34 a /\n', a: 'x'});
	await user.own(project.directory);
	await chmod(directory.path, 0o711);
	await chmod(path.join(directory.path, 'docker.sock'), 0o666);
	const result = await user.tsbuild(['build', '--load', '-t', 'user:1', project.context], {env: {DOCKER_HOST: engine.host}});
	t.is(result.exitCode, 0, result.stderr);
	const container = docker('create', 'user:1', 'none').trim();
	const files = execFileSync(dockerClient, ['--host', engine.host, 'cp', `${container}:/a`, '-']);
	const listed = execFileSync('tar', ['--numeric-owner', '-tv'], {input: files, encoding: 'utf8'});
	t.regex(listed, /12\/34 .* a$/mv);
});
