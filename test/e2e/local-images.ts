import {execFileSync} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ImageIndex} from '../../src/kernel/oci-types.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import {makeProject, type Project} from '../support/project.ts';
import {succeeded, tsbuild} from '../support/tsbuild.ts';

type Output = {readonly exitCode: number; readonly stdout: string; readonly stderr: string};

async function run(project: Project, ...args: readonly string[]): Promise<Output> {
	const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root});
	return {exitCode, stdout: new TextDecoder().decode(stdout), stderr};
}

async function succeed(project: Project, ...args: readonly string[]): Promise<string> {
	const {exitCode, stdout, stderr} = await run(project, ...args);
	if (exitCode !== 0 || stderr !== '') {
		throw new Error(`${args.join(' ')} failed with ${exitCode}: ${stderr}`);
	}

	return stdout;
}

async function linesOf(project: Project, ...args: readonly string[]): Promise<readonly string[]> {
	const output = await succeed(project, ...args);
	return output.split('\n').slice(0, -1);
}

async function makeImages(...tags: readonly string[]): Promise<Project> {
	const project = await makeProject({Dockerfile: 'FROM base\nRUN echo hello > /greeting\nENV NAME=world\n'});
	succeeded(await project.build(...tags.flatMap(tag => ['-t', tag])));
	return project;
}

/** IDs, ages and sizes are different each time, but as wide. */
function mask(table: string): string {
	return table
		.replaceAll(/sha256:[\da-f]{64}/gv, 'DIGEST')
		.replaceAll(/\b[\da-f]{12}\b/gv, 'IMAGE--ID---')
		.replaceAll(/(?:Less than a second|\b\d{1,2} seconds?) ago {3}/gv, 'AGE   ')
		.replaceAll(/CREATED +/gv, 'CREATED   ')
		.replaceAll(/\b[\d.]{1,6}[Mk]B/gv, 'SIZE');
}

test('images are listed as docker lists them', async t => {
	await using project = await makeImages('app:1', 'registry.example:5000/team/app:2.0');
	t.is(mask(await succeed(project, 'images')), `REPOSITORY                       TAG       IMAGE ID       CREATED   SIZE
app                              1         IMAGE--ID---   AGE   SIZE
registry.example:5000/team/app   2.0       IMAGE--ID---   AGE   SIZE
`);
	t.regex(mask(await succeed(project, 'images', '--digests', 'app')), /^REPOSITORY +TAG +DIGEST +IMAGE ID +CREATED +SIZE\napp +1 +DIGEST +IMAGE--ID--- +AGE +SIZE\n$/v);
	const [id] = await linesOf(project, 'images', '-q', '--no-trunc');
	t.is(await succeed(project, 'images', '-q', 'app:1'), `${id!.slice('sha256:'.length, 'sha256:'.length + 12)}\n`);
	t.is(await succeed(project, 'images', '-q', 'app:2'), '');
	const lines = await linesOf(project, 'images', '--format', 'json');
	const rows = lines.map(line => JSON.parse(line) as Record<string, string>);
	t.deepEqual(rows.map(({Repository, Tag}) => `${Repository}:${Tag}`), ['app:1', 'registry.example:5000/team/app:2.0']);
	await assertNothingLeft(t, project.root);
});

test('an image is inspected by its name, its ID and the beginning of that', async t => {
	await using project = await makeImages('app:1', 'team/app');
	const text = await succeed(project, 'inspect', 'app:1');
	const [image] = JSON.parse(text) as [Record<string, unknown>];
	const config = JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${project.root}/content:app:1`], {encoding: 'utf8'})) as Record<string, unknown>;
	t.like(image, {
		RepoTags: ['app:1', 'team/app:latest'],
		Created: config.created,
		Architecture: config.architecture,
		Os: 'linux',
		Config: config.config,
		RootFS: {Type: 'layers', Layers: (config.rootfs as {readonly diff_ids: readonly string[]}).diff_ids},
		History: config.history,
	});
	const id = image.Id as string;
	const [repositoryDigest] = image.RepoDigests as [string];
	for (const name of ['docker.io/library/app:1', 'team/app', id, id.slice('sha256:'.length), id.slice(7, 12), repositoryDigest]) {
		t.is(await succeed(project, 'inspect', name), text);
	}

	const missing = await run(project, 'inspect', 'nope', 'app:1');
	t.deepEqual(missing, {exitCode: 1, stdout: text, stderr: 'ERROR: No such image: nope:latest\n'});
	const template = await run(project, 'inspect', '--format', '{{.Id}}', 'app:1');
	t.is(template.exitCode, 1);
	t.is(template.stderr, 'ERROR: invalid argument "{{.Id}}" for "--format" flag: Go templates are not supported\nGive json.\n');
});

test('the beginning of several IDs is refused with the IDs', async t => {
	await using project = await makeImages('app:0');
	// One of 17 images has the first digit of another one.
	for (let n = 1; n < 17; n++) {
		const result = await project.build('-t', `app:${n}`, '--label', `n=${n}`);
		t.is(result.exitCode, 0, result.stderr);
	}

	const ids = await linesOf(project, 'images', '-q');
	const sorted = ids.toSorted();
	const digit = sorted.find((id, index) => sorted[index + 1]?.[0] === id[0])![0]!;
	const {exitCode, stdout, stderr} = await run(project, 'inspect', digit);
	t.is(exitCode, 1);
	t.is(stdout, '[]\n');
	t.regex(stderr, /^ERROR: image ID [\da-f] is ambiguous\nIt may be sha256:[\da-f]{64} or sha256:.*\n$/v);
});

test('a name is given, moved and taken, and other programs see it', async t => {
	await using project = await makeImages('app:1');
	t.is(await succeed(project, 'tag', 'app:1', 'registry.example/app:stable'), '');
	t.deepEqual(await linesOf(project, 'images', '-q', 'registry.example/app'), await linesOf(project, 'images', '-q', 'app:1'));
	t.notThrows(() => execFileSync('skopeo', ['inspect', '--raw', `oci:${project.root}/content:registry.example/app:stable`]));

	await project.write({Dockerfile: 'FROM base\nRUN echo other > /other\n'});
	await project.build('-t', 'other:1');
	t.is(await succeed(project, 'tag', 'other:1', 'app:1'), '');
	const conflict = await run(project, 'rmi', ...await linesOf(project, 'images', '-q', 'other:1'));
	t.is(conflict.exitCode, 1);
	t.regex(conflict.stderr, /^ERROR: conflict: unable to delete [\da-f]{12} \(must be forced\) - image is referenced by app:1, other:1\nRemove its names one by one, or give --force\.\n$/v);

	const removed = await run(project, 'rmi', 'nope:1', 'registry.example/app:stable', 'app:1');
	t.is(removed.exitCode, 1);
	t.is(removed.stderr, 'ERROR: No such image: nope:1\n');
	t.regex(removed.stdout, /^Untagged: registry\.example\/app:stable\nDeleted: sha256:[\da-f]{64}\nUntagged: app:1\n$/v);
	t.is(await succeed(project, 'rmi', '-f', 'nope:1'), '');
	const index = JSON.parse(await readFile(path.join(project.root, 'content/index.json'), 'utf8')) as ImageIndex;
	t.deepEqual(index.manifests.map(({annotations}) => annotations?.['org.opencontainers.image.ref.name']), ['other:1']);
	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:other:1`, `dir:${path.join(project.directory, 'copy')}`]));
	await assertNothingLeft(t, project.root);
});

test('all names of an image go with its ID when it is forced', async t => {
	await using project = await makeImages('app:1', 'app:2');
	const ids = await linesOf(project, 'images', '-q', 'app:1');
	t.regex(await succeed(project, 'rmi', '--force', ...ids), /^Untagged: app:1\nUntagged: app:2\nDeleted: sha256:[\da-f]{64}\n$/v);
	t.is(await succeed(project, 'images'), 'REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n');
});

const refuses = test.macro({
	async exec(t, args: readonly string[], message: string) {
		await using project = await makeProject({});
		const {exitCode, stderr} = await run(project, ...args);
		t.is(exitCode, 1);
		t.is(stderr.split('\n', 1)[0], `ERROR: ${message}`);
	},
	title: (_, args: readonly string[]) => `${args.join(' ')} is refused`,
});

test(refuses, ['images', 'a', 'b'], '\'tsbuild images\' requires at most 1 argument');
test(refuses, ['images', '--format', 'yaml'], 'invalid argument "yaml" for "--format" flag: it is not known');
test(refuses, ['inspect'], '\'tsbuild inspect\' requires at least 1 argument');
test(refuses, ['tag', 'a'], '\'tsbuild tag\' requires 2 arguments');
test(refuses, ['tag', 'a', 'UPPER'], 'failed to parse image reference "UPPER": repository name must be lowercase');
test(refuses, ['tag', 'nope', 'a'], 'No such image: nope:latest');
test(refuses, ['rmi', '../../etc/passwd'], 'No such image: ../../etc/passwd');
test(refuses, ['du', 'extra'], '\'tsbuild du\' accepts no arguments');
test(refuses, ['du', '--verbose', '--format', 'json'], '--format and --verbose cannot be used together');
test(refuses, ['prune', '-f', '--filter', 'bad'], 'invalid argument "bad" for "--filter" flag: bad format of filter (expected name=value)');

const helps = test.macro({
	async exec(t, command: string) {
		await using project = await makeProject({});
		const help = await succeed(project, command, '--help');
		t.regex(help, new RegExp(String.raw`\n\nUsage:\n  tsbuild ${command} `, 'v'));
		t.is(await succeed(project, 'help', command), help);
	},
	title: (_, command: string) => `${command} has a help`,
});

for (const command of ['images', 'inspect', 'tag', 'rmi', 'du', 'prune']) {
	test(helps, command);
}
