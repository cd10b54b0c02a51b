import {
	chmodSync,
	existsSync,
	linkSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	utimesSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {buildChanges, readExplained, type Change} from '../support/explained-builds.ts';
import {makeProject, type Project} from '../support/project.ts';
import {tsbuild} from '../support/tsbuild.ts';

const explains = test.macro<[files: Readonly<Record<string, string>>, changes: readonly Change[]]>({
	async exec(t, files, changes) {
		await buildChanges(t, files, changes);
	},
	title: (title = '') => `--explain tells ${title}`,
});

/** A path in the context. */
function at({context}: Project, name: string): string {
	return path.join(context, name);
}

test('what has changed in the files of a COPY', explains, {
	Dockerfile: 'FROM scratch\nCOPY src /dst/\n',
	'src/a': 'a',
	'src/b': 'b',
	'src/sub/c': 'c',
}, [
	{what: 'nothing', explained: []},
	{
		what: 'times alone',
		change(project) {
			utimesSync(at(project, 'src/a'), 1, 1);
			utimesSync(at(project, 'src/sub'), 1, 1);
		},
		explained: [],
	},
	{what: 'a content', files: {'src/a': 'changed'}, explained: ['- [1/1] COPY src /dst/', 'src/a: content changed']},
	{what: 'the content from before, which is found', files: {'src/a': 'a'}, explained: []},
	{
		what: 'a mode',
		change(project) {
			chmodSync(at(project, 'src/b'), 0o755);
		},
		explained: ['- [1/1] COPY src /dst/', 'src/b: mode 0644 → 0755'],
	},
	{
		what: 'a file that is added, and one that is removed',
		files: {'src/new': ''},
		change(project) {
			rmSync(at(project, 'src/b'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/b: removed', 'src/new: added'],
	},
	{
		what: 'an empty directory',
		change(project) {
			mkdirSync(at(project, 'src/empty'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/empty: added'],
	},
	{
		what: 'a directory that is moved with what is in it',
		change(project) {
			renameSync(at(project, 'src/sub'), at(project, 'src/moved'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/moved: added', 'src/sub: removed'],
	},
	{
		what: 'a name in upper case',
		change(project) {
			renameSync(at(project, 'src/a'), at(project, 'src/A'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/A: added', 'src/a: removed'],
	},
	{
		what: 'a file that becomes a directory',
		change(project) {
			rmSync(at(project, 'src/new'));
			mkdirSync(at(project, 'src/new'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/new: type file → directory'],
	},
	{
		what: 'a directory that becomes a link',
		change(project) {
			rmSync(at(project, 'src/new'), {recursive: true});
			symlinkSync('A', at(project, 'src/new'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/new: type directory → symbolic link'],
	},
	{
		what: 'the target of a link',
		change(project) {
			rmSync(at(project, 'src/new'));
			symlinkSync('moved', at(project, 'src/new'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/new: target changed'],
	},
	{
		what: 'a second name of a file, which counts as a file of its own',
		change(project) {
			linkSync(at(project, 'src/A'), at(project, 'src/second'));
		},
		explained: ['- [1/1] COPY src /dst/', 'src/second: added'],
	},
	{
		what: 'a second name that becomes a file of the same content',
		files: {'src/copy': 'a'},
		change(project) {
			rmSync(at(project, 'src/second'));
			renameSync(at(project, 'src/copy'), at(project, 'src/second'));
		},
		explained: [],
	},
	{
		what: 'more files than are told',
		files: Object.fromEntries(Array.from({length: 13}, (_, index) => [`src/n${String(index).padStart(2, '0')}`, ''])),
		explained: ['- [1/1] COPY src /dst/', ...Array.from({length: 10}, (_, index) => `src/n${String(index).padStart(2, '0')}: added`), 'and 3 others'],
	},
]);

test('what of a context counts for a COPY', explains, {
	Dockerfile: 'FROM scratch\nCOPY . /\nCOPY --chmod=644 --chown=7:8 own /own/\n',
	'.dockerignore': '*.log\n',
	'own/file': 'x',
	main: 'x',
}, [
	{what: 'a file that is ignored', files: {'a.log': ''}, explained: []},
	{what: 'an ignore file that ignores nothing more', files: {'.dockerignore': '*.log\n!*.md\n*.tmp\n'}, explained: ['- [1/2] COPY . /', '.dockerignore: content changed', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed']},
	{what: 'an ignore file that is ignored itself', files: {'.dockerignore': '*.log\n.dockerignore\n'}, explained: ['- [1/2] COPY . /', '.dockerignore: removed', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed']},
	{what: 'an ignore file that changes nothing', files: {'.dockerignore': '.dockerignore\n*.log\n*.tmp\n'}, explained: []},
	{what: 'an ignore file that lets a file in', files: {'.dockerignore': '.dockerignore\n*.tmp\n'}, explained: ['- [1/2] COPY . /', 'a.log: added', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed']},
]);

test('nothing of permissions that --chmod decides', explains, {
	Dockerfile: 'FROM scratch\nCOPY --chmod=644 own /octal/\nCOPY --chmod=u+x own /symbolic/\n',
	'own/file': 'x',
}, [
	{
		what: 'the mode of a file',
		change(project) {
			chmodSync(at(project, 'own/file'), 0o600);
		},
		explained: ['- [2/2] COPY --chmod=u+x own /symbolic/', 'own/file: mode 0644 → 0600'],
	},
	{what: 'another --chmod', files: {Dockerfile: 'FROM scratch\nCOPY --chmod=600 own /octal/\n'}, explained: ['- [1/1] COPY --chmod=600 own /octal/', '--chmod: "0644" → "0600"']},
	{what: 'an owner', files: {Dockerfile: 'FROM scratch\nCOPY --chmod=600 --chown=1 own /octal/\n'}, explained: ['- [1/1] COPY --chmod=600 --chown=1 own /octal/', '--chown: "" → "1"']},
	{what: 'the same content by another path', files: {Dockerfile: 'FROM scratch\nCOPY --chmod=600 --chown=1 other/own /octal/\n', 'other/own/file': 'x'}, explained: []},
	{what: 'another destination', files: {Dockerfile: 'FROM scratch\nCOPY --chmod=600 --chown=1 other/own /elsewhere/\n'}, explained: ['- [1/1] COPY --chmod=600 --chown=1 other/own /elsewhere/', 'destination: "/octal/" → "/elsewhere/"']},
]);

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
	{what: 'a name in capitals of a variable', files: {Dockerfile: 'FROM base\nENV a=2 API_TOKEN=two\nUSER 7\nRUN true # now\n'}, explained: ['- [1/2] RUN true # now', 'ARG or ENV a added: "2"', 'ARG or ENV A removed: "2"']},
	{what: 'what the image alone tells', files: {Dockerfile: 'FROM base\nENV a=2 API_TOKEN=two\nUSER 7\nRUN true # now\nHEALTHCHECK CMD true\nONBUILD RUN true\nCMD ["x"]\nLABEL a=b\nEXPOSE 80\nSTOPSIGNAL 9\n'}, explained: []},
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
	{what: 'no cache', flags: ['--no-cache'], explained: ['1/4] RUN echo one > /one', '2/4] RUN echo between > /between', '3/4] RUN echo three > /three'].flatMap(step => [`- [${step}`, 'the cache is ignored, as --no-cache or --no-cache-filter wants it'])},
	{what: 'after that', explained: []},
	{
		what: 'no cache of a stage that another one stands on',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nFROM one AS two\nRUN echo two > /two\n'},
		flags: ['--no-cache-filter', 'one'],
		explained: ['- [one 1/2] RUN echo one > /one', 'the cache is ignored, as --no-cache or --no-cache-filter wants it', '- [two 1/1] RUN echo two > /two', 'it builds on [one 1/2] RUN echo one > /one, which was executed'],
	},
	{
		what: 'a step that fails',
		files: {Dockerfile: 'FROM base AS one\nRUN echo one > /one\nFROM one AS two\nRUN echo two > /two && false\n'},
		exitCode: 1,
		explained: ['- [two 1/1] RUN echo two > /two && false', 'command: "echo two > /two" → "echo two > /two && false"'],
	},
]);

test('which of the copies to one directory is which', explains, {
	Dockerfile: 'FROM base\nCOPY a /\nCOPY --link b /\n',
	a: '1',
	b: '1',
	c: '1',
}, [
	{what: 'one more', files: {Dockerfile: 'FROM base\nCOPY a /\nCOPY --link b /\nCOPY c /\n'}, explained: ['- [3/4] COPY c /', 'there is no earlier result of this step']},
	{what: '--link taken away', files: {Dockerfile: 'FROM base\nCOPY a /\nCOPY b /\n'}, explained: ['- [2/3] COPY b /', '--link: "true" → "false"']},
	{what: 'no base', files: {Dockerfile: 'FROM scratch\nCOPY a /\n'}, explained: ['- [1/1] COPY a /', 'it builds on scratch, before on docker.io/library/base:latest@sha256:…']},
	{
		what: 'a name of the stage, a file, and a stage after it',
		files: {Dockerfile: 'FROM base AS named\nCOPY a /\nCOPY b /\nFROM named\nCOPY c /\n', a: '2'},
		explained: [
			'- [named 1/3] COPY a /',
			'a: content changed',
			'- [named 2/3] COPY b /',
			'it builds on [named 1/3] COPY a /, which was executed',
			'- [stage-1 1/1] COPY c /',
			'it builds on [named 2/3] COPY b /, which was executed',
		],
	},
]);

test('which files of another stage have changed', explains, {
	Dockerfile: 'FROM base AS made\nCOPY in /in\nRUN cp /in /out && mkdir /tree && echo same > /tree/same\nFROM base\nCOPY --from=made /out /tree /to/\nRUN --mount=from=made,source=/tree,target=/m ls /m\n',
	in: '1',
}, [
	{
		what: 'one of two sources',
		files: {in: '2'},
		explained: [
			'- [made 1/3] COPY in /in',
			'in: content changed',
			'- [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same',
			'it builds on [made 1/3] COPY in /in, which was executed',
			'- [stage-1 1/3] COPY --from=made /out /tree /to/',
			'files of [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same:',
			'out: content changed',
			'- [stage-1 2/3] RUN --mount=from=made,source=/tree,target=/m ls /m',
			'it builds on [stage-1 1/3] COPY --from=made /out /tree /to/, which was executed',
		],
	},
	{
		what: 'a stage with the same files',
		files: {Dockerfile: 'FROM base AS made\nCOPY in /in\nRUN cp /in /out && mkdir /tree && echo same > /tree/same && true\nFROM base\nCOPY --from=made /out /tree /to/\nRUN --mount=from=made,source=/tree,target=/m ls /m\n'},
		explained: ['- [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same && true', 'command: "cp /in /out && mkdir /tree && echo same > /tree/same" → "cp /in /out && mkdir /tree && echo same > /tree/same && true"'],
	},
	{
		what: 'what is mounted',
		files: {Dockerfile: 'FROM base AS made\nCOPY in /in\nRUN cp /in /out && mkdir /tree && echo same > /tree/same && touch /tree/new\nFROM base\nRUN --mount=from=made,source=/tree,target=/m ls /m\n'},
		explained: [
			'- [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same && touch /tree/new',
			'command: "…me > /tree/same && true" → "…me > /tree/same && touch /tree/new"',
			'- [stage-1 1/2] RUN --mount=from=made,source=/tree,target=/m ls /m',
			'it builds on docker.io/library/base:latest@sha256:…, before on COPY --from=made /out /tree /to/',
			'files of [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same && touch /tree/new:',
			'tree/new: added',
		],
	},
]);

test('text that stands in the Dockerfile, links and archives', explains, {
	Dockerfile: 'FROM scratch\nCOPY --link a /a\nCOPY <<EOF /text\nhello\nEOF\nADD b /b/\n',
	a: '1',
	b: '1',
}, [
	{what: 'the text', files: {Dockerfile: 'FROM scratch\nCOPY --link a /a\nCOPY <<EOF /text\nhallo\nEOF\nADD b /b/\n'}, explained: ['- [2/3] COPY <<EOF /text', 'EOF: content changed', '- [3/3] ADD b /b/', 'it builds on [2/3] COPY <<EOF /text, which was executed']},
	{what: 'a linked file', files: {a: '2'}, explained: ['- [1/3] COPY --link a /a', 'a: content changed', '- [2/3] COPY <<EOF /text', 'it builds on [1/3] COPY --link a /a, which was executed', '- [3/3] ADD b /b/', 'it builds on [2/3] COPY <<EOF /text, which was executed']},
	{what: 'ADD that becomes COPY', files: {Dockerfile: 'FROM scratch\nCOPY --link a /a\nCOPY <<EOF /text\nhallo\nEOF\nCOPY b /b/\n'}, explained: ['- [3/3] COPY b /b/', 'unpacking of archives: "true" → "false"']},
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
		await project.build('--file', at(project, 'Base'), '--tag', 'mine:1');
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
	const {stderr} = await project.build('--explain', '--file', at(project, 'Other'));
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
