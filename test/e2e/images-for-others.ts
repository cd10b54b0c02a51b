import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {dockerClient, startDockerEngine} from '../../scripts/bench/docker-engine.ts';
import {testWhere} from '../support/conditions.ts';
import {makeProject, type Project} from '../support/project.ts';
import {startRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {tsbuild} from '../support/tsbuild.ts';

/*
Images that are built here, pushed or saved, and read by other programs.
*/

// What layers can do: replace, hide, make opaque; and what files can be.
const dockerfile = `FROM base
RUN mkdir -p /d /e/deep && echo one > /d/one && echo two > /d/two && ln /d/two /d/link && ln -s two /d/symbolic && chown 12:34 /d/two && chmod 4755 /d/two && echo old > /e/old
RUN rm /d/one && rm -rf /e && mkdir /e && echo new > /e/new
COPY --chmod=600 a /d/copied
ENV NAME="a value"
WORKDIR /d
`;

const list = 'echo "$PWD $NAME"; find /d /e ! -type d -exec stat -c "%n %A %u:%g %h" {} ";" | sort; cat link symbolic copied /e/new';

const listing = `/d a value
/d/copied -rw------- 0:0 1
/d/link -rwsr-xr-x 12:34 2
/d/symbolic lrwxrwxrwx 0:0 1
/d/two -rwsr-xr-x 12:34 2
/e/new -rw-r--r-- 0:0 1
two
two
copied
new
`;

const isRoot = process.getuid!() === 0;
const testWithDocker = testWhere(isRoot, 'a Docker engine needs root');
const cleanup = new AsyncDisposableStack();
let registry: string;
let project: Project;
let docker: (...args: readonly string[]) => Promise<string>;
let buildah: (...args: readonly string[]) => Promise<string>;

test.before('an image is built, and the others are started', async t => {
	t.timeout(300_000);
	({host: registry} = cleanup.use(await startRegistry()));
	const directory = cleanup.use(await makeTemporaryDirectory()).path;
	project = cleanup.use(await makeProject({Dockerfile: dockerfile, a: 'copied\n'}));
	// The other driver leaves a mount.
	buildah = async (...args) => runCommand('buildah', ['--storage-driver', 'vfs', '--root', `${directory}/buildah`, '--runroot', `${directory}/buildah-run`, ...args]);
	await build('-t', 'saved:1');
	if (!isRoot) {
		return;
	}

	const engine = cleanup.use(await startDockerEngine(path.join(directory, 'docker')));
	docker = async (...args) => runCommand(dockerClient, ['--host', engine.host, ...args]);
});

test.after.always('the others are stopped', async () => {
	await cleanup.disposeAsync();
});

async function build(...args: readonly string[]): Promise<void> {
	const {exitCode, stderr} = await project.build(...args);
	if (exitCode !== 0) {
		throw new Error(stderr);
	}
}

async function save(...args: readonly string[]): Promise<void> {
	const {exitCode, stderr} = await tsbuild(['save', ...args], {root: project.root});
	if (exitCode !== 0) {
		throw new Error(stderr);
	}
}

/** What a container of an image finds. */
async function listByDocker(name: string): Promise<string> {
	return docker('run', '--rm', '--network', 'none', name, 'sh', '-c', list);
}

async function listByBuildah(source: string): Promise<string> {
	const container = await buildah('from', '--quiet', '--tls-verify=false', source);
	try {
		return await buildah('run', '--isolation', 'chroot', container.trim(), '--', 'sh', '-c', list);
	} finally {
		await buildah('rm', container.trim());
	}
}

const pulls = test.macro(async (t, form: string, {attributes, list: listImage}: {readonly attributes: string; readonly list: (name: string) => Promise<string>}) => {
	t.timeout(300_000);
	const name = `${registry}/${form}:1`;
	await build('-o', `type=registry,store=false,name=${name}${attributes}`);
	t.is(await listImage(name), listing);
});

async function pullByDocker(name: string): Promise<string> {
	await docker('pull', '--quiet', name);
	return listByDocker(name);
}

async function pullByBuildah(name: string): Promise<string> {
	return listByBuildah(`docker://${name}`);
}

testWithDocker('docker pulls an image', pulls, 'docker-oci', {attributes: '', list: pullByDocker});
testWithDocker('docker pulls an image with its own media types', pulls, 'docker-docker', {attributes: ',oci-mediatypes=false', list: pullByDocker});
testWithDocker('docker pulls an image that is not compressed', pulls, 'docker-plain', {attributes: ',compression=uncompressed,force-compression=true', list: pullByDocker});
test('buildah pulls an image', pulls, 'buildah-oci', {attributes: '', list: pullByBuildah});
test('buildah pulls an image with the media types of Docker', pulls, 'buildah-docker', {attributes: ',oci-mediatypes=false', list: pullByBuildah});
test('buildah pulls an image that is not compressed', pulls, 'buildah-plain', {attributes: ',compression=uncompressed,force-compression=true', list: pullByBuildah});
test('buildah pulls an image with zstd', pulls, 'buildah-zstd', {attributes: ',compression=zstd,force-compression=true', list: pullByBuildah});

testWithDocker('docker loads what is saved', async t => {
	t.timeout(300_000);
	const archive = path.join(project.directory, 'docker.tar');
	await save('-o', archive, 'saved:1');
	t.is(await docker('load', '--input', archive), 'Loaded image: saved:1\n');
	t.is(await listByDocker('saved:1'), listing);
});

test('buildah reads what is saved, in both formats', async t => {
	t.timeout(300_000);
	for (const [format, transport] of [['docker', 'docker-archive'], ['docker', 'oci-archive'], ['oci', 'oci-archive']] as const) {
		const archive = path.join(project.directory, `${format}-${transport}.tar`);
		await save('--format', format, '-o', archive, 'saved:1');
		t.is(await listByBuildah(`${transport}:${archive}`), listing);
	}
});
