import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {dockerClient, startDockerEngine, type DockerEngine} from '../../scripts/bench/docker-engine.ts';
import {mediaTypes, type Descriptor} from '../../src/kernel/oci-types.ts';
import {makeTemporaryBaseImage} from '../support/base-image.ts';
import {testWhere} from '../support/conditions.ts';
import {makeProject} from '../support/project.ts';
import {startRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

/*
Images that other programs have built and pushed to a registry, each in its own form.
*/

const baseName = 'localhost/base-of-others:latest';

// What layers can do: replace, hide, make opaque; and what files can be.
const dockerfile = `FROM ${baseName}
RUN mkdir -p /d /e/deep && echo one > /d/one && echo two > /d/two && ln /d/one /d/link && ln -s two /d/symbolic && chown 12:34 /d/two && chmod 4755 /d/two && echo old > /e/old && mkfifo /d/fifo
RUN rm /d/one && rm -rf /e && mkdir /e && echo new > /e/new
ARG FORM
RUN echo "$FORM" > /form
ENV NAME="a value"
WORKDIR /d
`;

const listing = [
	'/d/fifo prw-r--r-- 0:0',
	'/d/link -rw-r--r-- 0:0',
	'/d/symbolic lrwxrwxrwx 0:0',
	'/d/two -rwsr-xr-x 12:34',
	'/e/new -rw-r--r-- 0:0',
];

const steps = String.raw`
RUN echo "$(cat /form) in $PWD: $NAME, $(cat link symbolic /e/new | tr '\n' ' ')"
RUN find /d /e ! -type d -exec stat -c '%n %A %u:%g' {} ';'
`;

const isRoot = process.getuid!() === 0;
const testWithDocker = testWhere(isRoot, 'a Docker engine needs root');
const cleanup = new AsyncDisposableStack();
let host: string;
let engine: DockerEngine;
let buildah: (...args: readonly string[]) => Promise<void>;
let context: string;

test.before('the others have the base image', async t => {
	t.timeout(300_000);
	({host} = cleanup.use(await startRegistry()));
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	const base = cleanup.use(await makeTemporaryBaseImage());
	// The other driver leaves a mount.
	buildah = async (...args) => {
		await runCommand('buildah', ['--storage-driver', 'vfs', '--root', `${directory}/buildah`, '--runroot', `${directory}/buildah-run`, ...args]);
	};

	context = path.join(directory, 'context');
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), dockerfile);
	const archive = path.join(directory, 'base.tar');
	await runCommand('skopeo', ['copy', '--quiet', `oci:${base.directory}:latest`, `docker-archive:${archive}:${baseName}`]);
	await buildah('pull', '--quiet', `docker-archive:${archive}`);
	if (!isRoot) {
		return;
	}

	engine = cleanup.use(await startDockerEngine(path.join(directory, 'docker')));
	await runDocker('load', '--input', archive);
});

test.after.always('the others are stopped', async () => {
	await cleanup.disposeAsync();
});

async function runDocker(...args: readonly string[]): Promise<void> {
	await runCommand(dockerClient, ['--host', engine.host, ...args]);
}

/** The manifest or index that the registry has under a name. */
async function readDocument(name: string): Promise<{readonly mediaType: string; readonly layers?: readonly Descriptor[]}> {
	const document = await runCommand('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${name}`]);
	return JSON.parse(document) as Awaited<ReturnType<typeof readDocument>>;
}

type Other = {
	readonly push: (name: string, form: string) => Promise<void>;
	/** What there is in the registry then. */
	readonly manifestType: string;
	/** Of the highest layer; the others may be those of the test before. */
	readonly layerType?: string;
};

async function pushByDocker(name: string, {form, buildKit}: {readonly form: string; readonly buildKit: string}): Promise<void> {
	await runCommand('env', [`DOCKER_BUILDKIT=${buildKit}`, dockerClient, '--host', engine.host, 'build', '--quiet', '--network', 'none', '--build-arg', `FORM=${form}`, '--tag', name, context]);
	await runDocker('push', '--quiet', name);
}

async function buildByBuildah(form: string): Promise<void> {
	await buildah('bud', '--quiet', '--layers', '--isolation', 'chroot', '--network', 'host', '--build-arg', `FORM=${form}`, '--tag', form, context);
}

function buildahPushes(...flags: readonly string[]): Other['push'] {
	return async (name, form) => {
		await buildByBuildah(form);
		await buildah('push', '--quiet', '--tls-verify=false', ...flags, form, `docker://${name}`);
	};
}

const reads = test.macro(async (t, form: string, {push, manifestType, layerType}: Other) => {
	t.timeout(300_000);
	const name = `${host}/${form}:1`;
	await push(name, form);
	const {mediaType, layers} = await readDocument(name);
	t.is(mediaType, manifestType);
	t.is(layers?.at(-1)?.mediaType, layerType);
	await using project = await makeProject({Dockerfile: `FROM ${name}\n${steps}`});
	const built = await project.build();
	t.is(built.exitCode, 0, built.stderr);
	t.true(built.stderr.includes(`${form} in /d: a value, one two new`), built.stderr);
	const listed = built.stderr.split('\n').map(line => line.replace(/^#\d+ \d+\.\d+ /v, '')).filter(line => /^\/[de]\//v.test(line));
	t.deepEqual(listed.toSorted(), listing);
	const pulled = await tsbuild(['pull', '-q', name], {root: project.root});
	t.is(pulled.exitCode, 0, pulled.stderr);
});

// One after the other: they share the programs' stores.
testWithDocker.serial('what Docker has built and pushed is read', reads, 'docker', {
	push: async (name, form) => pushByDocker(name, {form, buildKit: '0'}),
	manifestType: mediaTypes.dockerManifest,
	layerType: mediaTypes.dockerLayerGzip,
});
testWithDocker.serial('what BuildKit in Docker has built and pushed is read', reads, 'buildkit', {
	push: async (name, form) => pushByDocker(name, {form, buildKit: '1'}),
	manifestType: mediaTypes.dockerManifest,
	layerType: mediaTypes.dockerLayerGzip,
});
test.serial('what buildah has pushed is read', reads, 'buildah', {
	push: buildahPushes('--format', 'oci'),
	manifestType: mediaTypes.manifest,
	layerType: mediaTypes.layerGzip,
});
test.serial('what buildah has pushed in the form of Docker is read', reads, 'buildah-docker', {
	push: buildahPushes('--format', 'v2s2'),
	manifestType: mediaTypes.dockerManifest,
	layerType: mediaTypes.dockerLayerGzip,
});
test.serial('what buildah has pushed with zstd is read', reads, 'buildah-zstd', {
	push: buildahPushes('--format', 'oci', '--compression-format', 'zstd'),
	manifestType: mediaTypes.manifest,
	layerType: mediaTypes.layerZstd,
});
test.serial('an index of Docker\'s form that buildah has pushed is read', reads, 'buildah-index', {
	async push(name, form) {
		await buildByBuildah(form);
		await buildah('manifest', 'create', 'several');
		await buildah('manifest', 'add', 'several', form);
		await buildah('manifest', 'push', '--quiet', '--all', '--tls-verify=false', '--format', 'v2s2', 'several', `docker://${name}`);
	},
	manifestType: mediaTypes.dockerIndex,
});
test.serial('what skopeo has copied without compression is read', reads, 'skopeo', {
	async push(name, form) {
		const directory = path.join(context, '../copy');
		await buildahPushes('--format', 'oci')(name, form);
		await runCommand('skopeo', ['copy', '--quiet', '--src-tls-verify=false', '--dest-decompress', `docker://${name}`, `dir:${directory}`]);
		await runCommand('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', '--preserve-digests', `dir:${directory}`, `docker://${name}`]);
	},
	manifestType: mediaTypes.manifest,
	layerType: mediaTypes.layer,
});
