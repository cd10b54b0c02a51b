import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ImageManifest} from '../../src/kernel/oci-types.ts';
import {type ProxiedRequest} from '../support/fault-proxy.ts';
import {makeProject, type Project} from '../support/project.ts';
import {makePullProject} from '../support/pull-project.ts';
import {startRegistry, type TestRegistry} from '../support/registry.ts';
import {runCommand} from '../support/run-program.ts';
import {outputOf, succeeded, tsbuild} from '../support/tsbuild.ts';

const dockerfile = 'FROM base\nRUN echo hello > /greeting\nENV NAME=world\n';

let registry: TestRegistry;

test.before('the registry is started', async () => {
	registry = await startRegistry();
});

test.after.always('the registry is stopped', async () => {
	await registry[Symbol.asyncDispose]();
});

async function run(project: Project, ...args: readonly string[]): Promise<string> {
	return outputOf(args, {root: project.root});
}

async function build(project: Project, ...args: readonly string[]): Promise<string> {
	return succeeded(await project.build(...args)).stderr;
}

// Never waited for with the whole process: the registry would stop as soon as nobody reads its log.
async function skopeo(...args: readonly string[]): Promise<string> {
	return runCommand('skopeo', args);
}

type Config = {readonly Env: readonly string[]};

/** The config of a pushed image, as skopeo reads it; every blob of it is fetched and verified. */
async function pull(reference: string, project: Project): Promise<Config> {
	await skopeo('copy', '--quiet', '--src-tls-verify=false', `docker://${reference}`, `dir:${path.join(project.directory, 'pulled')}`);
	const {config} = JSON.parse(await skopeo('inspect', '--tls-verify=false', '--config', '--raw', `docker://${reference}`)) as {readonly config: Config};
	return config;
}

async function readManifest(reference: string): Promise<string> {
	return skopeo('inspect', '--tls-verify=false', '--raw', `docker://${reference}`);
}

/** What the layers of a pushed image are compressed with. */
async function readCompressions(reference: string): Promise<ReadonlyArray<string | undefined>> {
	const {layers} = JSON.parse(await readManifest(reference)) as ImageManifest;
	return layers.map(({mediaType}) => mediaType.split('+', 2)[1]);
}

async function readDigest(reference: string): Promise<string> {
	const output = await skopeo('inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${reference}`);
	return output.trim();
}

async function hasName(reference: string, project: Project): Promise<boolean> {
	const {Env: variables} = await pull(reference, project);
	return variables.includes('NAME=world');
}

async function readMetadata(file: string): Promise<Readonly<Record<string, unknown>>> {
	return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
}

test('--push sends the image under all its names, and keeps it here', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const names = ['all/one:1', 'all/one:2', 'all/two:latest'].map(name => `${registry.host}/${name}`);
	const metadata = path.join(project.directory, 'metadata');
	const log = await build(project, '--push', ...names.flatMap(name => ['-t', name]), '--metadata-file', metadata);
	const facts = await readMetadata(metadata);
	for (const name of names) {
		t.true(await hasName(name, project));
		t.is(await readDigest(name), facts['containerimage.digest'] as string);
	}

	t.is(facts['image.name'], names.join(','));
	const digest = facts['containerimage.digest'] as string;
	const lines = log.split('\n').map(line => line.replace(/^#\d+ /v, '').replace(/ \d+\.\ds/v, ''));
	const pushed = lines.slice(lines.indexOf('pushing layers done'));
	t.deepEqual(pushed.slice(0, 4), ['pushing layers done', ...names.map(name => `pushing manifest for ${name}@${digest} done`)]);
	const [image] = JSON.parse(await run(project, 'inspect', names[0]!)) as [{readonly RepoDigests: readonly string[]}];
	t.deepEqual(image.RepoDigests, [`${registry.host}/all/one@${digest}`, `${registry.host}/all/two@${digest}`]);
});

test('new layers are gzip, or what an attribute says', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const name = `${registry.host}/compressed/app`;
	await build(project, '--push', '-t', name);
	t.deepEqual(await readCompressions(name), ['gzip', 'gzip']);
	await build(project, '-o', `type=image,push=true,name=${name},compression=zstd,force-compression=true`);
	t.deepEqual(await readCompressions(name), ['zstd', 'zstd']);
	await build(project, '-o', `type=registry,name=${name},oci-mediatypes=false,store=false`);
	t.regex(await readManifest(name), /"mediaType": "application\/vnd\.docker\.distribution\.manifest\.v2\+json"/v);
	t.true(await hasName(name, project));
});

test('a push by digest makes no tag', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const name = `${registry.host}/digest/app`;
	const metadata = path.join(project.directory, 'metadata');
	await build(project, '-o', `type=image,name=${name},push-by-digest=true,push=true`, '--metadata-file', metadata);
	const {'containerimage.digest': digest} = await readMetadata(metadata);
	t.true(await hasName(`${name}@${digest as string}`, project));
	await t.throwsAsync(runCommand('sh', ['-c', `skopeo list-tags --tls-verify=false docker://${name} 2>&1`]));
	const tagged = await project.build('-t', `${name}:1`, '-o', 'type=image,push-by-digest=true,push=true');
	t.is(tagged.exitCode, 1);
	t.regex(tagged.stderr, /can't push tagged ref .*\/digest\/app:1 by digest/v);
});

test('tsbuild push sends what was built before, and remembers its digest', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	const name = `${registry.host}/command/app`;
	await build(project, '-t', `${name}:1`, '-t', `${name}:2`);
	const output = await run(project, 'push', `${name}:1`);
	const digest = await readDigest(`${name}:1`);
	const {size} = /^1: digest: (?<digest>sha256:[\da-f]{64}) size: (?<size>\d+)\n$/v.exec(output)?.groups ?? {};
	t.is(output, `1: digest: ${digest} size: ${size}\n`);
	const manifest = await readManifest(`${name}:1`);
	t.is(Number(size), manifest.length);
	t.true(await hasName(`${name}:1`, project));
	t.regex(await run(project, 'inspect', `${name}@${digest}`), /"NAME=world"/v);
	t.is(await run(project, 'push', '-q', '--all-tags', name), `${name}:1\n${name}:2\n`);
	t.is(await readDigest(`${name}:2`), digest);
});

test('an image that came from elsewhere keeps its digest', async t => {
	await using project = await makeProject({Dockerfile: dockerfile});
	await using other = await makeProject({});
	const name = `${registry.host}/kept/app:1`;
	await build(project, '--push', '-t', name);
	const manifest = await readManifest(name);
	await run(other, 'pull', name);
	await run(other, 'tag', name, `${registry.host}/kept/copy:1`);
	await run(other, 'push', `${registry.host}/kept/copy:1`);
	t.is(await readManifest(`${registry.host}/kept/copy:1`), manifest);
});

/** How blobs came to the registry: those that were uploaded, and those that it took from another repository. */
function describeUploads(requests: readonly ProxiedRequest[]): readonly string[] {
	const mounted = requests.map(({path: asked}) => new URL(asked, 'http://localhost').searchParams.get('from')).filter(from => from !== null);
	const uploads = requests.filter(({method}) => method === 'PATCH').map(() => 'upload');
	return [...mounted.map(from => `mount from ${from}`).toSorted(), ...uploads];
}

test('layers that the registry has in another repository are not sent again', async t => {
	await using project = await makePullProject('RUN echo hello > /greeting\n');
	const {proxy} = project;
	const first = await project.build('--push', '-t', `${proxy.host}/first/app:1`);
	t.is(first.exitCode, 0, first.stderr);
	// The base comes from where it was pulled; what is new, the layer and the config, is uploaded.
	t.deepEqual(describeUploads(proxy.requests), ['mount from base', 'upload', 'upload']);
	const count = proxy.requests.length;
	const second = await project.build('--push', '-t', `${proxy.host}/second/app:1`);
	t.is(second.exitCode, 0, second.stderr);
	t.deepEqual(describeUploads(proxy.requests.slice(count)), ['mount from base', 'mount from first/app', 'mount from first/app']);
	await pull(`${proxy.host}/second/app:1`, project);
	const counted = proxy.requests.length;
	const again = await project.build('--push', '-t', `${proxy.host}/second/app:2`);
	t.is(again.exitCode, 0, again.stderr);
	t.deepEqual(describeUploads(proxy.requests.slice(counted)), []);
});

test('several repositories of one registry are sent layers once', async t => {
	await using project = await makePullProject('RUN echo hello > /greeting\n');
	const {proxy} = project;
	const names = ['one', 'two', 'three'].map(name => `${proxy.host}/${name}/app:1`);
	const built = await project.build('--push', ...names.flatMap(name => ['-t', name]));
	t.is(built.exitCode, 0, built.stderr);
	const uploads = describeUploads(proxy.requests);
	t.is(uploads.filter(way => way === 'upload').length, 2);
	t.is(uploads.filter(way => way !== 'upload').length, 7);
	for (const name of names) {
		await t.notThrowsAsync(pull(name, project));
	}
});

const refuses = test.macro({
	async exec(t, args: readonly string[], message: RegExp) {
		await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'x'});
		const {exitCode, stderr} = await tsbuild(args.map(argument => (argument === '.' ? project.context : argument)), {root: project.root});
		t.is(exitCode, 1);
		t.regex(stderr, message);
	},
	title: (_, args: readonly string[]) => `${args.join(' ')} is refused`,
});

test(refuses, ['push', 'nope'], /^ERROR: No such image: nope:latest$/mv);
test(refuses, ['push', `nope@sha256:${'0'.repeat(64)}`], /^ERROR: cannot push a digest reference$/mv);
test(refuses, ['push', '-a', 'nope:1'], /^ERROR: tag can't be used with --all-tags\/-a$/mv);
test(refuses, ['build', '--push', '.'], /^ERROR: failed to build: tag is needed when pushing to registry$/mv);
test(
	refuses,
	['build', '--push', '-t', 'localhost:1/x:1', '.'],
	/^ERROR: failed to build: failed to solve: failed to push localhost:1\/x:1: failed to do request: Head "http:\/\/localhost:1[^"]+": dial tcp 127\.0\.0\.1:1: connect: connection refused$/mv,
);
