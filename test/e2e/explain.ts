import {
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {makeProject} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';
import {explaining, readExplained} from '../support/explained-builds.ts';

const explains = test.macro(explaining);

test('what has changed in a RUN', explains, {
	Dockerfile: 'FROM base\nARG V=1\nENV A=1\nRUN true\n',
}, [
	{what: 'a build argument that no RUN uses', flags: ['--build-arg', 'V=2'], explained: ['- [1/2] RUN true', 'ARG or ENV V: "1" → "2"']},
	{what: 'a build argument that nobody declares', flags: ['--build-arg', 'V=2', '--build-arg', 'HTTP_PROXY=https://proxy.example'], explained: []},
	{what: 'a variable', files: {Dockerfile: 'FROM base\nENV A=2\nRUN true\n'}, explained: ['- [1/2] RUN true', 'ARG or ENV A: "1" → "2"', 'ARG or ENV V removed: "2"']},
	{what: 'a command', files: {Dockerfile: 'FROM base\nENV A=2\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'command: "true" → "true # now"']},
	{what: 'a user', files: {Dockerfile: 'FROM base\nENV A=2\nUSER 7\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'USER: "" → "7"']},
	{what: 'no network', flags: ['--network', 'none'], explained: ['- [1/2] RUN true # now', '--network: "default" → "none"']},
	{what: 'a limit', flags: ['--network', 'none', '--memory', '512m', '--cpus', '1'], explained: []},
	{what: 'a host', flags: ['--add-host', 'db:192.0.2.1'], explained: ['- [1/2] RUN true # now', '--add-host db added']},
	{what: 'the address of a host', flags: ['--add-host', 'db:192.0.2.2'], explained: []},
	{what: 'a ulimit', flags: ['--ulimit', 'nofile=100:200'], explained: ['- [1/2] RUN true # now', '--ulimit nofile added: "100:200"']},
	{what: 'a secret-like variable', files: {Dockerfile: 'FROM base\nENV A=2 API_TOKEN=one\nUSER 7\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'ARG or ENV API_TOKEN added']},
	{what: 'its value', files: {Dockerfile: 'FROM base\nENV A=2 API_TOKEN=two\nUSER 7\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'ARG or ENV API_TOKEN changed']},
	{what: 'the order of variables', files: {Dockerfile: 'FROM base\nENV API_TOKEN=two A=2\nUSER 7\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'order of its parts changed']},
	{
		what: 'a name in capitals of a variable',
		files: {Dockerfile: 'FROM base\nENV a=2 API_TOKEN=two\nUSER 7\nRUN true # now\n'},
		explained: ['- [1/2] RUN true # now', 'ARG or ENV a added: "2"', 'ARG or ENV A removed: "2"'],
	},
	{
		what: 'what the image alone tells',
		files: {Dockerfile: 'FROM base\nENV a=2 API_TOKEN=two\nUSER 7\nRUN true # now\nHEALTHCHECK CMD true\nONBUILD RUN true\nCMD ["x"]\nLABEL a=b\nEXPOSE 80\nSTOPSIGNAL 9\n'},
		explained: [],
	},
	{what: 'the same before the RUN', files: {Dockerfile: 'FROM base\nHEALTHCHECK CMD false\nONBUILD RUN false\nLABEL a=c\nENV a=2 API_TOKEN=two\nUSER 7\nRUN true # now\n'}, explained: []},
]);

test('which step a step builds on', explains, {
	Dockerfile: 'FROM base AS one\nRUN echo one > /one\nRUN echo two > /two\nRUN echo three > /three\n',
}, [
	{
		what: 'a step that is put in between',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nRUN echo between > /between\nRUN echo two > /two\nRUN echo three > /three\n'},
		explained: [
			'- [2/5] RUN echo between > /between',
			'there is no earlier result of this step',
			'- [3/5] RUN echo two > /two',
			'it builds on [2/5] RUN echo between > /between, which was executed',
			'- [4/5] RUN echo three > /three',
			'it builds on [3/5] RUN echo two > /two, which was executed',
		],
	},
	{
		what: 'a step that is taken out',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nRUN echo between > /between\nRUN echo three > /three\n'},
		explained: ['- [3/4] RUN echo three > /three', 'it builds on RUN echo between > /between, before on RUN echo two > /two'],
	},
	{
		what: 'no cache',
		flags: ['--no-cache'],
		explained: ['1/4] RUN echo one > /one', '2/4] RUN echo between > /between', '3/4] RUN echo three > /three']
			.flatMap(step => [`- [${step}`, 'the cache is ignored, as --no-cache or --no-cache-filter wants it']),
	},
	{what: 'after that', explained: []},
	{
		what: 'no cache of a stage that another one stands on',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nFROM one AS two\nRUN echo two > /two\n'},
		flags: ['--no-cache-filter', 'one'],
		explained: [
			'- [one 1/2] RUN echo one > /one',
			'the cache is ignored, as --no-cache or --no-cache-filter wants it',
			'- [two 1/1] RUN echo two > /two',
			'it builds on [one 1/2] RUN echo one > /one, which was executed',
		],
	},
	{
		what: 'a step that fails',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nFROM one AS two\nRUN echo two > /two && false\n'},
		exitCode: 1,
		explained: ['- [two 1/1] RUN echo two > /two && false', 'command: "echo two > /two" → "echo two > /two && false"'],
	},
]);

test('--explain tells of another base image', async t => {
	t.timeout(240_000);
	await using project = await makeProject({
		Dockerfile: 'FROM mine:1\nCOPY Dockerfile /\n',
		Base: 'FROM base\nCOPY Base /\n',
	});
	const from = '[1/2] FROM docker.io/library/mine:1@sha256:…';
	const copy = '- [2/2] COPY Dockerfile /';
	const first = 'there is no earlier result of this step';
	const explain = async () => {
		await project.build('--file', path.join(project.context, 'Base'), '--tag', 'mine:1');
		const {stderr} = await project.build('--explain');
		return readExplained(stderr);
	};

	t.deepEqual(await explain(), [`- ${from}`, first, copy, first]);
	await project.write({Base: 'FROM base\nCOPY Base /again\n'});
	t.deepEqual(await explain(), [`- ${from}`, 'image: "docker.io/library/mine:1@sha256:…" → "docker.io/library/mine:1@sha256:…"', copy, `it builds on ${from}, which was executed`]);
	t.deepEqual(await explain(), []);
});

test('--explain compares a project that was never built here with what others did', async t => {
	const dockerfile = 'FROM scratch\nCOPY a /\nCOPY b /b\n';
	await using project = await makeProject({
		Dockerfile: dockerfile, Other: dockerfile, a: '1', b: '1',
	});
	await project.build();
	await project.write({a: '2'});
	const {stderr} = await project.build('--explain', '--file', path.join(project.context, 'Other'));
	t.deepEqual(readExplained(stderr), ['- [1/2] COPY a /', 'a: content changed', '- [2/2] COPY b /b', 'it builds on [1/2] COPY a /, which was executed']);
});

test('--explain is an object of its own in rawjson; it tells of results that are gone', async t => {
	await using project = await makeProject({Dockerfile: 'FROM scratch\nCOPY a /\n', a: '1'});
	await project.build();
	await project.write({a: '2'});
	const {stderr} = await project.build('--explain', '--progress', 'rawjson');
	const objects = stderr.trimEnd().split('\n').map(line => JSON.parse(line) as {readonly explanations?: readonly unknown[]});
	const explanations = objects.flatMap(object => object.explanations ?? []);
	t.like(explanations, [{name: '[1/1] COPY a /', reasons: [{kind: 'files', files: [{path: 'a', change: 'changed', aspects: [{aspect: 'content'}]}], others: 0}]}]);
	const blobs = path.join(project.root, 'content/blobs/sha256');
	rmSync(blobs, {recursive: true});
	mkdirSync(blobs);
	const lost = await project.build('--explain');
	t.deepEqual(readExplained(lost.stderr), ['- [1/1] COPY a /', 'its earlier result has been removed from the store']);
	await tsbuild(['prune', '--all', '--force'], {root: project.root});
	const first = await project.build('--explain');
	t.deepEqual(readExplained(first.stderr), ['- [1/1] COPY a /', 'there is no earlier result of this step']);
});

test('no value that could be a secret is in what is kept to explain', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nARG NPM_TOKEN\nARG INDEX\nRUN true\n'});
	const built = await project.build('--explain', '--build-arg', 'NPM_TOKEN=hidden-word', '--build-arg', 'INDEX=https://me:hidden-word@example.com/');
	t.is(built.exitCode, 0, built.stderr);
	t.false(built.stderr.includes('hidden-word'));
	const files = ['metadata.db', 'metadata.db-wal'].map(name => path.join(project.root, name)).filter(file => existsSync(file));
	const isKept = files.some(file => readFileSync(file).includes('hidden-word'));
	t.false(isKept);
});
