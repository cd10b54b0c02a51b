import {execFileSync} from 'node:child_process';
import {readFile, stat, utimes} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {ImageConfig} from '../../src/kernel/oci-types.ts';
import {startGitServer} from '../support/git-server.ts';
import {makeProject} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';
import {startWebServer} from '../support/web-server.ts';

const epoch = 1_600_000_000;
const time = '2020-09-13T12:26:40Z';
const files = {Dockerfile: 'FROM base\nARG SOURCE_DATE_EPOCH\nRUN echo $SOURCE_DATE_EPOCH > /epoch\nCMD ["x"]\n'};

test('SOURCE_DATE_EPOCH of the environment is the time of the image and of what the build did, and an ARG', async t => {
	await using project = await makeProject(files);
	const built = await project.buildIn({SOURCE_DATE_EPOCH: String(epoch)}, '-t', 'app:1', '-o', `type=oci,dest=${project.directory}/image.tar`, '-o', `type=local,dest=${project.directory}/out`);
	t.is(built.exitCode, 0, built.stderr);
	const layout = path.join(project.directory, 'layout');
	execFileSync('skopeo', ['copy', '--quiet', `oci-archive:${project.directory}/image.tar`, `oci:${layout}`]);
	const config = JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${layout}`]).toString()) as ImageConfig;
	t.is(config.created, time);
	t.deepEqual(config.history?.slice(-2).map(({created}) => created), [time, time]);
	t.not(config.history?.[0]?.created, time, 'the base keeps its own');
	t.is(await readFile(path.join(project.directory, 'out/epoch'), 'utf8'), `${epoch}\n`);
});

test('SOURCE_DATE_EPOCH is the time of the files in a tar and in a directory', async t => {
	await using project = await makeProject(files);
	const archive = path.join(project.directory, 'root.tar');
	const built = await project.build('--build-arg', `SOURCE_DATE_EPOCH=${epoch}`, '-o', `type=tar,dest=${archive}`, '-o', path.join(project.directory, 'out'));
	t.is(built.exitCode, 0, built.stderr);
	const listed = execFileSync('tar', ['--utc', '--full-time', '-tvf', archive]).toString().trim().split('\n');
	t.true(listed.length > 10);
	t.deepEqual(listed.filter(line => !line.includes(' 2020-09-13 12:26:40 ')), []);
	for (const name of ['epoch', 'bin', 'bin/busybox']) {
		const {mtimeMs} = await stat(path.join(project.directory, 'out', name));
		t.is(mtimeMs, epoch * 1000, `of ${name}`);
	}
});

test('a build without files that change gives the same image at any time with SOURCE_DATE_EPOCH', async t => {
	const digests = await Promise.all([1, 2].map(async () => {
		await using project = await makeProject({Dockerfile: 'FROM scratch\nLABEL a=b\n'});
		await project.buildIn({SOURCE_DATE_EPOCH: '0'}, '-t', 'app:1', '--iidfile', path.join(project.directory, 'iid'));
		const identifier = await readFile(path.join(project.directory, 'iid'), 'utf8');
		return identifier;
	}));
	t.is(digests[0], digests[1]);
});

test('with rewrite-timestamp a build gives the same image at any time', async t => {
	const archives = await Promise.all([1, 2].map(async day => {
		await using project = await makeProject({Dockerfile: 'FROM base\nRUN echo a > /a && ln /a /b && mkdir /c && rm -r /tmp\nCOPY d /d\nCMD ["x"]\n', d: 'x'});
		await utimes(path.join(project.context, 'd'), epoch + day, epoch + day);
		const archive = path.join(project.directory, 'image.tar');
		const built = await project.buildIn({SOURCE_DATE_EPOCH: String(epoch)}, '-o', `type=oci,dest=${archive},rewrite-timestamp=true`);
		t.is(built.exitCode, 0, built.stderr);
		t.regex(built.stderr, /^#\d+ rewriting layers with source-date-epoch 1600000000 \(2020-09-13 12:26:40 \+0000 UTC\) done$/mv);
		t.notThrows(() => execFileSync('skopeo', ['inspect', `oci-archive:${archive}`]));
		const bytes = await readFile(archive);
		return bytes;
	}));
	t.deepEqual(archives[0], archives[1]);
});

test('rewrite-timestamp without SOURCE_DATE_EPOCH changes nothing, and says so', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY d /d\n', d: 'x'});
	const built = await project.build('-o', `type=docker,dest=${project.directory}/image.tar,rewrite-timestamp=true`);
	t.is(built.exitCode, 0, built.stderr);
	t.true(built.stderr.includes('WARNING: rewrite-timestamp is specified, but no source-date-epoch was found\n'), built.stderr);
});

test('SOURCE_DATE_EPOCH of a context is the time of its commit, or the one that its server tells', async t => {
	await using project = await makeProject({});
	await using git = await startGitServer();
	git.commit('app', {Dockerfile: 'FROM scratch\nLABEL a=b\n'}, epoch);
	await using web = await startWebServer({'/file': {content: 'FROM scratch\nLABEL a=c\n', headers: {'last-modified': 'Sun, 13 Sep 2020 12:26:40 GMT'}}});
	for (const context of [`${git.url}/app.git`, `http://${web.host}/file`]) {
		const built = await tsbuild(['build', '-t', 'app:1', context], {root: project.root, env: {SOURCE_DATE_EPOCH: 'context'}});
		t.is(built.exitCode, 0, built.stderr);
		const config = JSON.parse(execFileSync('skopeo', ['inspect', '--config', '--raw', `oci:${project.root}/content:app:1`]).toString()) as ImageConfig;
		t.is(config.created, time);
	}
});

const refuses = test.macro(async (t, value: string) => {
	await using project = await makeProject(files);
	const built = await project.build('--build-arg', `SOURCE_DATE_EPOCH=${value}`);
	t.is(built.exitCode, 1);
	t.regex(built.stderr, /ERROR: failed to build: failed to solve: invalid SOURCE_DATE_EPOCH: /v);
});

test('SOURCE_DATE_EPOCH with letters is refused', refuses, 'yesterday');
test('SOURCE_DATE_EPOCH beyond the year 9999 is refused', refuses, '999999999999999');
