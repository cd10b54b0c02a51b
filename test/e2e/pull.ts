import {execFileSync} from 'node:child_process';
import {mkdir, writeFile} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {formatPlatform, hostPlatform, parsePlatform} from '../../src/kernel/platform.ts';
import {assertNothingLeft} from '../support/leftovers.ts';
import type {Fault, ProxiedRequest} from '../support/fault-proxy.ts';
import {pushIndex} from '../support/push-index.ts';
import {makePullProject, type PullProject} from '../support/pull-project.ts';
import {runCommand} from '../support/run-program.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {startTsbuild, tsbuild, waitForExit} from '../support/tsbuild.ts';
import {waitForText} from '../support/wait-for-text.ts';

function asksForBlob({path: asked}: ProxiedRequest): boolean {
	return asked.includes('/blobs/sha256:');
}

async function run(project: PullProject, ...args: readonly string[]) {
	const {exitCode, stdout, stderr} = await tsbuild(args, {root: project.root});
	return {exitCode, stdout: new TextDecoder().decode(stdout), stderr};
}

test('FROM downloads what is not there, and a build from the cache asks for the digest alone', async t => {
	await using project = await makePullProject('RUN echo one > /one\n');
	const first = await project.build();
	t.is(first.exitCode, 0, first.stderr);
	t.true(project.proxy.requests.some(request => asksForBlob(request)));
	const count = project.proxy.requests.length;
	const second = await project.build();
	t.regex(second.stderr, /RUN echo one > \/one\n#\d+ CACHED/v);
	t.deepEqual(project.proxy.requests.slice(count).map(({method, path: asked}) => `${method} ${asked}`), ['HEAD /v2/base/manifests/1']);
	await project.write({Dockerfile: `FROM ${project.base}\nRUN echo two > /two\n`});
	const third = await project.build('--no-cache');
	t.is(third.exitCode, 0, third.stderr);
	t.is(project.proxy.requests.length, count + 2);
});

test('COPY --from and a mount take their files from images of registries', async t => {
	await using project = await makePullProject('');
	const dockerfile = `FROM scratch
COPY --from=${project.base} /bin/busybox /bin/sh
RUN --mount=from=${project.base},source=/etc,target=/mnt ["/bin/sh", "-c", "while read line; do echo $line; done < /mnt/passwd"]
`;
	await project.write({Dockerfile: dockerfile});
	const built = await project.build();
	t.is(built.exitCode, 0, built.stderr);
	t.true(built.stderr.includes('root:x:0:0:root'));
	// The config, and the one layer once for both.
	t.is(project.proxy.requests.filter(request => asksForBlob(request)).length, 2);
});

/** An image on the base, with a file `/marker`, as an archive. */
async function buildMarked(project: PullProject, text: string): Promise<string> {
	const archive = path.join(project.directory, `${text}.tar`);
	const context = path.join(project.directory, text);
	await mkdir(context);
	await writeFile(path.join(context, 'Dockerfile'), `FROM ${project.base}\nRUN echo ${text} > /marker\n`);
	const {exitCode, stderr} = await run(project, 'build', '-o', `type=oci,dest=${archive}`, context);
	if (exitCode !== 0) {
		throw new Error(stderr);
	}

	return `oci-archive:${archive}`;
}

test('FROM follows a tag that has moved, but for a name that was pulled', async t => {
	await using project = await makePullProject('');
	project.push(await buildMarked(project, 'first'), 'app:1');
	const app = `${project.proxy.host}/app:1`;
	await project.write({Dockerfile: `FROM ${app}\nRUN echo this is the $(cat /marker) one\n`});
	const first = await project.build();
	t.true(first.stderr.includes('this is the first one'), first.stderr);
	project.push(await buildMarked(project, 'second'), 'app:1');
	const second = await project.build();
	t.true(second.stderr.includes('this is the second one'));

	const pulled = await run(project, 'pull', app);
	t.regex(pulled.stdout, new RegExp(String.raw`^Digest: sha256:[\da-f]{64}\nStatus: Downloaded newer image for ${app}\n${app}\n$`, 'v'));
	t.deepEqual(await run(project, 'pull', '-q', app), {exitCode: 0, stdout: `${app}\n`, stderr: ''});
	project.push(await buildMarked(project, 'third'), 'app:1');
	const local = await project.build();
	t.regex(local.stderr, /this is the second|RUN echo this[^\n]*\n#\d+ CACHED/v);
	const always = await project.build('--pull');
	t.true(always.stderr.includes('this is the third one'), always.stderr);
	const again = await run(project, 'pull', app);
	t.true(again.stdout.includes('Downloaded newer image'));
});

test('an image that was pulled is whole: it is listed, other programs read it, and a build on it needs no registry', async t => {
	await using project = await makePullProject('RUN cat /etc/passwd\n');
	const pulled = await run(project, 'pull', project.base);
	t.is(pulled.exitCode, 0, pulled.stderr);
	await project.stopRegistry();
	const built = await project.build();
	t.is(built.exitCode, 0, built.stderr);
	const images = await run(project, 'images', '--format', 'json');
	t.like(JSON.parse(images.stdout), {Repository: project.base.slice(0, -':1'.length), Tag: '1'});
	t.notThrows(() => execFileSync('skopeo', ['copy', '--quiet', `oci:${project.root}/content:${project.base}`, `dir:${path.join(project.directory, 'copy')}`], {stdio: 'pipe'}));
});

test('an image that is pulled by its digest has no tag, and is found by the digest', async t => {
	await using project = await makePullProject('');
	const tagged = await run(project, 'pull', project.base);
	const {digest} = /^Digest: (?<digest>\S+)$/mv.exec(tagged.stdout)!.groups!;
	const name = project.base.slice(0, -':1'.length);
	await run(project, 'rmi', project.base);
	for (const reference of [`${name}@${digest}`, `${project.base}@${digest}`]) {
		t.deepEqual(await run(project, 'pull', '-q', reference), {exitCode: 0, stdout: `${reference}\n`, stderr: ''});
	}

	const images = await run(project, 'images', '--digests', '--format', 'json');
	t.like(JSON.parse(images.stdout), {Repository: name, Tag: '<none>', Digest: digest});
	await run(project, 'prune', '--force');
	await project.write({Dockerfile: `FROM ${name}@${digest}\nRUN true\n`});
	const built = await project.build('--pull=never');
	t.is(built.exitCode, 0, built.stderr);
});

test('an image that is there for another platform alone is pulled with a warning', async t => {
	await using project = await makePullProject('');
	const pulled = await run(project, 'pull', '--platform', 'linux/s390x', project.base);
	t.is(pulled.exitCode, 0);
	const actual = formatPlatform(hostPlatform());
	t.true(pulled.stderr.includes(`WARNING: image with reference ${project.base} was found but does not match the specified platform: wanted linux/s390x, actual: ${actual}\n`), pulled.stderr);
	const own = await run(project, 'pull', project.base);
	t.notRegex(own.stderr, /WARNING/v);
});

test('no image can have the name scratch', async t => {
	await using directory = await makeTemporaryDirectory();
	const {exitCode, stderr} = await tsbuild(['pull', 'scratch'], {root: path.join(directory.path, 'store')});
	t.is(exitCode, 1);
	t.true(stderr.startsWith('ERROR: \'scratch\' is a reserved name\n'));
});

test('what a pull prints comes after its progress', async t => {
	await using project = await makePullProject('');
	const main = path.join(import.meta.dirname, '../../src/main.ts');
	const output = await runCommand('sh', ['-c', 'exec "$@" 2>&1', 'sh', process.execPath, main, 'pull', '--progress', 'plain', '--root', project.root, project.base]);
	t.regex(output, /\n#\d+ DONE \d+\.\ds\nDigest: \S+\nStatus: .*\n.*\n$/v);
});

test('when the registry does not answer, what it had before is used with a warning, but not with --pull', async t => {
	await using project = await makePullProject('RUN echo one > /one\n');
	const first = await project.build();
	t.is(first.exitCode, 0, first.stderr);
	await project.stopRegistry();
	const offline = await project.build('--no-cache');
	t.is(offline.exitCode, 0, offline.stderr);
	t.regex(offline.stderr, new RegExp(String.raw`^WARNING: ${project.base} is used as it was found at [\dT:.\-]+Z, because its registry does not answer: failed to do request: Head`, 'mv'));
	const never = await project.build('--pull=never');
	t.is(never.exitCode, 0, never.stderr);
	t.notRegex(never.stderr, /as it was found at/v);
	const always = await project.build('--pull');
	t.is(always.exitCode, 1);
	t.regex(always.stderr, /connection refused/v);
});

test('--pull=never asks nobody, and says so when an image is missing', async t => {
	await using project = await makePullProject('RUN true\n');
	const unknown = await project.build('--pull=never');
	t.is(unknown.exitCode, 1);
	t.true(unknown.stderr.includes(`${project.base}: not found`));
	t.deepEqual(project.proxy.requests, []);
	const bad = await project.build('--pull=sometimes');
	t.is(bad.exitCode, 1);
	t.true(bad.stderr.includes('invalid argument "sometimes" for "--pull" flag'));
});

test('the image of an index that runs here is taken, and another one when it is asked for', async t => {
	await using project = await makePullProject('');
	const platforms = ['linux/s390x', 'linux/arm/v6', 'linux/amd64', 'linux/arm64'];
	for (const platform of platforms) {
		const archive = path.join(project.directory, `${platform.replaceAll('/', '-')}.tar`);
		await project.write({Dockerfile: `FROM scratch\nLABEL platform=${platform}\n`});
		const built = await project.build('--platform', platform, '-o', `type=oci,dest=${archive}`);
		t.is(built.exitCode, 0, built.stderr);
		project.push(`oci-archive:${archive}`, `several:${path.basename(archive, '.tar')}`);
	}

	const entries = platforms.map(text => ({tag: text.replaceAll('/', '-'), platform: parsePlatform(text)}));
	await pushIndex(project.proxy.host, {repository: 'several', tag: '1'}, entries);
	const name = `${project.proxy.host}/several:1`;
	const labelOf = async (...flags: readonly string[]) => {
		const pulled = await run(project, 'pull', ...flags, name);
		t.is(pulled.exitCode, 0, pulled.stderr);
		const inspected = await run(project, 'inspect', name);
		const [image] = JSON.parse(inspected.stdout) as [{readonly Config: {readonly Labels: Readonly<Record<string, string>>}}];
		return image.Config.Labels.platform;
	};

	t.is(await labelOf(), formatPlatform(hostPlatform()));
	t.is(await labelOf('--platform', 'linux/arm/v7'), 'linux/arm/v6');
	t.is(await labelOf('--platform', 'linux/s390x'), 'linux/s390x');
	const none = await run(project, 'pull', '--platform', 'linux/riscv64', name);
	t.is(none.exitCode, 1);
	t.regex(none.stderr, /^ERROR: no match for platform in manifest: not found\nThe image is there for linux\/s390x, linux\/arm\/v6, linux\/amd64, linux\/arm64, not for linux\/riscv64\.\n$/mv);
	// The local image of another platform is not in the way.
	await project.write({Dockerfile: `FROM ${name}\n`});
	const built = await project.build('-t', 'app:1');
	t.is(built.exitCode, 0, built.stderr);
	const inspected = await run(project, 'inspect', 'app:1');
	const own = formatPlatform(hostPlatform());
	t.true(inspected.stdout.includes(`"platform": "${own}"`));
});

test('a pull that is interrupted leaves nothing, and the next one succeeds', async t => {
	let isStalled = true;
	await using project = await makePullProject('RUN true\n', request => (isStalled && asksForBlob(request) ? {type: 'stall', after: 500_000} : undefined));
	const pull = startTsbuild(['pull', '--progress', 'plain', project.base], {root: project.root});
	await waitForText(pull.stderr, ' / 1.');
	pull.kill('SIGINT');
	t.is(await waitForExit(pull), 130);
	await assertNothingLeft(t, project.root);
	const killed = startTsbuild(['pull', '--progress', 'plain', project.base], {root: project.root});
	await waitForText(killed.stderr, ' / 1.');
	killed.kill('SIGKILL');
	t.is(await waitForExit(killed), 137);
	isStalled = false;
	const next = await project.build();
	t.is(next.exitCode, 0, next.stderr);
});

test('a connection that is cut is no failure', async t => {
	let cuts = 0;
	await using project = await makePullProject('RUN true\n', request => (asksForBlob(request) && cuts++ < 3 ? {type: 'cut-answer', after: 200_000} : undefined));
	const built = await project.build();
	t.is(built.exitCode, 0, built.stderr);
	t.true(project.proxy.requests.some(({headers}) => headers.range !== undefined));
});

test('a layer is unpacked while it comes, and nothing of it stays when its end never comes or is wrong', async t => {
	let fault: Fault | undefined = {type: 'stall', after: 500_000};
	await using project = await makePullProject('RUN true\n', request => (asksForBlob(request) ? fault : undefined));
	const stalled = startTsbuild(['pull', '--progress', 'plain', project.base], {root: project.root});
	await waitForText(stalled.stderr, 'extracting sha256:');
	stalled.kill('SIGINT');
	t.is(await waitForExit(stalled), 130);
	await assertNothingLeft(t, project.root);
	fault = {type: 'corrupt', at: 1_000_000};
	const damaged = await run(project, 'pull', '--progress', 'plain', project.base);
	t.is(damaged.exitCode, 1);
	t.regex(damaged.stderr, /extracting sha256:.*\nERROR: failed to verify sha256:[\da-f]{64}/sv);
	await assertNothingLeft(t, project.root);
	fault = undefined;
	const built = await project.build();
	t.is(built.exitCode, 0, built.stderr);
});

test('a layer that arrives changed is refused, and is downloaded anew by the next build', async t => {
	let isChanged = true;
	await using project = await makePullProject('RUN true\n', request => (isChanged && asksForBlob(request) ? {type: 'corrupt', at: 100} : undefined));
	const first = await project.build();
	t.is(first.exitCode, 1);
	t.regex(first.stderr, /failed to verify sha256:[\da-f]{64}/v);
	await assertNothingLeft(t, project.root);
	isChanged = false;
	const second = await project.build();
	t.is(second.exitCode, 0, second.stderr);
});
