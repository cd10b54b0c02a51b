import {once} from 'node:events';
import {
	chmod,
	mkdir,
	rm,
	symlink,
	writeFile,
} from 'node:fs/promises';
import {createServer} from 'node:net';
import path from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {archiveBytes, file, symlink as link} from '../support/archive-entries.ts';
import {rewriteHistory} from '../support/rewrite-history.ts';
import {makeProject, type Project} from '../support/project.ts';
import {stepOutput} from '../support/step-output.ts';
import {listTree} from '../support/tree-listing.ts';

/*
Attacks that other builders fell to and that need a whole build. docs/security.md lists them, with those that smaller tests repeat.
*/

const secret = 'alive';

/** A Dockerfile of somebody who wants to reach a directory of the host, which it knows as `CANARY`. The directory stays as it is, and nothing of it is shown. */
async function attack(t: ExecutionContext, dockerfile: readonly string[], prepare: (project: Project, canary: string) => Promise<void> = async () => undefined): Promise<string> {
	await using project = await makeProject({});
	const canary = path.join(project.directory, 'canary');
	await mkdir(canary);
	await writeFile(path.join(canary, 'secret'), secret);
	await chmod(path.join(canary, 'secret'), 0o600);
	await project.write({Dockerfile: `${dockerfile.join('\n').split('CANARY').join(canary)}\n`});
	await prepare(project, canary);
	const before = listTree(canary);
	const {stderr} = await project.build();
	t.deepEqual(listTree(canary), before);
	t.false(stderr.includes(secret));
	return stderr;
}

test('CVE-2024-1753 and CVE-2024-11218: the source of a mount is a link of the image to the root directory', async t => {
	const output = await attack(t, [
		'FROM base AS evil',
		'RUN ln -s / /link && echo of the image > /here',
		'FROM base',
		'RUN --mount=from=evil,source=/link,target=/x,rw cat /x/here; cat /x/CANARY/secret; echo owned > /x/CANARY/secret; true',
	]);
	t.regex(stepOutput(output, 'source=/link'), /^of the image\ncat: can't open/v);
});

test('CVE-2024-1753 and CVE-2024-11218: the source of a mount is a link of the image to a directory of the host', async t => {
	const output = await attack(t, [
		'FROM base AS evil',
		'RUN ln -s CANARY /link',
		'FROM base',
		'RUN --mount=from=evil,source=/link,target=/x,rw cat /x/secret; echo owned > /x/secret',
	]);
	t.regex(output, /^ERROR: failed to build: failed to solve: .*failed to calculate checksum of ref [^ ]+: "\/link": not found$/mv);
});

test('CVE-2024-23651: a directory of a cache that another step has replaced by a link', async t => {
	const output = await attack(t, [
		'FROM base AS first',
		'RUN mkdir -p /cache/sub',
		'FROM base',
		'RUN --mount=type=cache,from=first,source=/cache,target=/c rmdir /c/sub && ln -s CANARY /c/sub',
		'RUN --mount=type=cache,from=first,source=/cache,target=/c cat /c/sub/secret; echo owned > /c/sub/secret; ls -l /c',
		'RUN --mount=type=cache,id=/c,from=first,source=/cache/sub,target=/x cat /x/secret; echo owned > /x/secret',
	]);
	t.regex(stepOutput(output, 'ls -l /c'), / sub -> /v);
});

test('CVE-2024-9675: the id of a cache is a path', async t => {
	const output = await attack(t, [
		'FROM base',
		'RUN --mount=type=cache,id=../../../canary,target=/c ls -A /c; echo owned > /c/secret',
		'RUN --mount=type=cache,id=CANARY,target=/c ls -A /c; echo owned > /c/secret',
	]);
	t.is(stepOutput(output), '');
});

test('CVE-2026-55686: the working directory leads through a link of the image', async t => {
	const output = await attack(t, [
		'FROM base AS evil',
		'RUN ln -s CANARY /link',
		'FROM evil',
		'WORKDIR /link/made',
		'RUN ls -A /link; echo owned > secret',
	]);
	t.is(stepOutput(output, 'RUN ls'), 'made\n');
});

test('buildah#6861: the ignore file is a link out of the context', async t => {
	const output = await attack(t, ['FROM base', 'COPY . /x/', 'RUN ls -A /x'], async ({context}, canary) => {
		await symlink(path.join(canary, 'secret'), path.join(context, '.dockerignore'));
	});
	t.is(stepOutput(output, 'RUN ls'), '.dockerignore\nDockerfile\n');
});

test('buildah#6861: the Dockerfile is a link out of the context', async t => {
	const output = await attack(t, ['FROM base'], async ({context}, canary) => {
		await writeFile(path.join(canary, 'file'), 'FROM base\nRUN echo built\n');
		await rm(path.join(context, 'Dockerfile'));
		await symlink(path.join(canary, 'file'), path.join(context, 'Dockerfile'));
	});
	t.regex(output, /^ERROR: failed to build: failed to solve: failed to read dockerfile/mv);
});

test('CVE-2026-28406 and CVE-2026-42574: archives that lead out, one by its paths and one by a link that the other made', async t => {
	const output = await attack(t, [
		'FROM base AS first',
		'ADD first.tar /x/',
		'FROM first',
		'ADD second.tar /x/',
		'RUN ls -A /x',
	], async ({context}, canary) => {
		await writeFile(path.join(context, 'first.tar'), await archiveBytes(file(`../../../../../../..${canary}/secret`, 'owned'), link('link', canary)));
		await writeFile(path.join(context, 'second.tar'), await archiveBytes(file('link/secret', 'owned')));
	});
	t.is(stepOutput(output, 'RUN ls'), 'link\ntmp\n');
});

const refusesOption = test.macro({
	async exec(t, option: string) {
		const output = await attack(t, ['FROM base', `RUN --mount=type=bind,target=/x,${option} true`]);
		t.regex(output, /^ERROR: failed to build: failed to solve: (?:unexpected key|invalid field) '/mv);
	},
	title: (_title, option: string) => `CVE-2024-9407: ${option} is no option of a mount`,
});

test(refusesOption, 'bind-propagation=shared');
test(refusesOption, 'options=exec');
test(refusesOption, 'rw,z');

test('CVE-2024-24557: an image that pretends to come from a step is no cache of it', async t => {
	await using project = await makeProject({'evil/Dockerfile': 'FROM base\nRUN echo evil > /file\n', Dockerfile: 'FROM base\nRUN echo good > /file\nRUN cat /file\n'});
	const directory = path.join(project.directory, 'evil');
	await project.build('-f', path.join(project.context, 'evil/Dockerfile'), '--output', `type=oci,tar=false,dest=${directory}`, '--no-cache');
	await rewriteHistory(directory, text => text.replaceAll('echo evil', 'echo good'));
	// The image is in the store before the build, with the layers and the history that the step would have.
	await project.write({'pull/Dockerfile': 'FROM evil\nRUN echo pulled\n'});
	const pulled = await project.build('-f', path.join(project.context, 'pull/Dockerfile'), '--build-context', `evil=oci-layout://${directory}`, '-t', 'evil:latest');
	t.is(pulled.exitCode, 0, pulled.stderr);
	const {stderr} = await project.build();
	t.is(stepOutput(stderr, 'RUN cat'), 'good\n');
});

test('CVE-2020-15257: a step knows no abstract socket of the host', async t => {
	const name = `tsbuild-test-${crypto.randomUUID()}`;
	await using server = createServer();
	server.listen(`\0${name}`);
	await once(server, 'listening');
	const ways = [`grep -c ${name} /proc/net/unix || echo own network`, `--network=none grep -c ${name} /proc/net/unix; true`, `--network=host grep -c ${name} /proc/net/unix`];
	await using project = await makeProject({Dockerfile: `FROM base\n${ways.map(way => `RUN ${way}\n`).join('')}`});
	const {stderr} = await project.build('--allow', 'network.host');
	t.is(stepOutput(stderr, 'own network'), '0\nown network\n');
	t.is(stepOutput(stderr, 'network=none'), '0\n');
	t.is(stepOutput(stderr, 'network=host'), '1\n');
});
