import {Buffer} from 'node:buffer';
import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {makeProject, type Project} from '../support/project.ts';

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const faulty = 'FROM base\nMAINTAINER me\nRUN echo built > /f\n';

/** What a build would leave in the store. */
async function kept({root}: Project): Promise<readonly string[]> {
	const index = await readFile(path.join(root, 'content/index.json'), 'utf8');
	const {manifests} = JSON.parse(index) as {readonly manifests: readonly unknown[]};
	return [...await readdir(path.join(root, 'snapshots')), ...manifests.map(String)];
}

test('a check builds nothing', async t => {
	await using project = await makeProject({Dockerfile: faulty});
	const checked = await project.build('--check', '-t', 'app:1', '-o', `type=oci,dest=${project.directory}/app.tar`);
	t.is(checked.exitCode, 1, checked.stderr);
	t.regex(decode(checked.stdout), /^Check complete, 1 warning has been found!\n\nWARNING: MaintainerDeprecated - /v);
	t.deepEqual(await kept(project), []);
	const files = await readdir(project.directory);
	t.false(files.includes('app.tar'));
});

test('the exit code of a check can leave out warnings, but not errors', async t => {
	await using project = await makeProject({Dockerfile: faulty, broken: 'FROM base\nMAINTAINER me\nRUNN x\n'});
	const ignored = await project.build('--call=check,ignorestatus=true');
	t.is(ignored.exitCode, 0, ignored.stderr);
	const failed = await project.build('--call=check,ignorestatus=true', '-f', path.join(project.context, 'broken'));
	t.is(failed.exitCode, 1);
	t.true(failed.stderr.includes(`\nERROR: dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)\n${project.context}/broken:3\n`), failed.stderr);
});

test('what cannot be built here yet can be checked', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nADD https://a.example/b.tar /c/\nADD https://a.example/d.git /d\nRUN --mount=type=ssh true\n'});
	const checked = await project.build('--check');
	t.is(decode(checked.stdout), 'Check complete, no warnings found.\n');
	t.is(checked.exitCode, 0, checked.stderr);
});

test('a file for another frontend can neither be checked nor described', async t => {
	await using project = await makeProject({Dockerfile: '# syntax=a/b\nFROM base\n'});
	for (const method of ['check', 'outline', 'targets']) {
		const {exitCode, stdout, stderr} = await project.build(`--call=${method}`);
		t.is(exitCode, 1);
		t.is(decode(stdout), '');
		t.regex(stderr, /^Dockerfile:1\n-{20}\n {3}1 \| >>> # syntax=a\/b\n(?:.*\n)+ERROR: failed to build: failed to solve: frontend a\/b cannot be loaded: /mv);
	}
});

test('a context that is none cannot be checked', async t => {
	await using project = await makeProject({Dockerfile: faulty});
	const {exitCode, stdout, stderr} = await project.build('--check', '-f', path.join(project.context, 'missing'));
	t.is(exitCode, 1);
	t.is(decode(stdout), '');
	t.regex(stderr, /^ERROR: failed to build: failed to solve: failed to read dockerfile: open missing: no such file or directory$/mv);
});

test('with --debug the warnings of a build are shown in full, with -q not at all', async t => {
	await using project = await makeProject({Dockerfile: faulty});
	const built = await project.build('--debug');
	t.is(built.exitCode, 0, built.stderr);
	t.true(built.stderr.endsWith(`
 1 warning found:
 - MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)
The MAINTAINER instruction is deprecated, use a label instead to define an image author
More info: https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/
Dockerfile:2
--------------------
   1 |     FROM base
   2 | >>> MAINTAINER me
   3 |     RUN echo built > /f
   4 |     
--------------------

`), built.stderr);
	const quiet = await project.build('-q', '--progress', 'quiet');
	t.is(quiet.stderr, '');
});

test('warnings are events of the progress in JSON', async t => {
	await using project = await makeProject({Dockerfile: faulty});
	const {stderr} = await project.build('--progress', 'rawjson');
	const events = stderr.trimEnd().split('\n').map(line => JSON.parse(line) as {readonly warnings?: ReadonlyArray<{readonly short: string; readonly range: unknown}>});
	const [warning] = events.flatMap(({warnings = []}) => warnings);
	t.is(decode(Buffer.from(warning!.short, 'base64')), 'MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)');
	t.deepEqual(warning!.range, [{start: {line: 2}, end: {line: 2}}]);
});

test('warnings are part of the metadata for those who ask for it', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nENV a \\\n b\n'});
	const file = path.join(project.directory, 'metadata.json');
	const warnings = async (wish: string) => {
		await project.buildIn({BUILDX_METADATA_WARNINGS: wish}, '--metadata-file', file, '-o', 'type=cacheonly');
		const metadata = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, ReadonlyArray<{readonly url: string; readonly range: unknown}>>>;
		return metadata['buildx.build.warnings']?.map(({url, range}) => ({url, range}));
	};

	t.is(await warnings('false'), undefined);
	t.deepEqual(await warnings('1'), [{
		url: 'https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/',
		range: [{start: {line: 2}, end: {line: 2}}, {start: {line: 3}, end: {line: 3}}],
	}]);
});

test('the methods of --call are told', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\n'});
	const text = await project.build('--call=subrequests.describe', '-q', '--progress', 'quiet');
	t.is(decode(text.stdout), `NAME                 VERSION DESCRIPTION
outline              1.0.0   List all parameters current build target supports
targets              1.0.0   List all targets current build supports
subrequests.describe 1.0.0   List available subrequest types
`);
	const json = await project.build('--call=subrequests.describe,format=json');
	t.deepEqual((JSON.parse(decode(json.stdout)) as ReadonlyArray<{readonly name: string}>).map(({name}) => name), ['frontend.outline', 'frontend.targets', 'frontend.subrequests.describe']);
});
