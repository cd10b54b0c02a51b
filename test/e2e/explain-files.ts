import {
	chmodSync,
	linkSync,
	mkdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	utimesSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {Project} from '../support/project.ts';
import {explaining} from '../support/explained-builds.ts';

const explains = test.macro(explaining);

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
	{
		what: 'an ignore file that ignores nothing more',
		files: {'.dockerignore': '*.log\n!*.md\n*.tmp\n'},
		explained: ['- [1/2] COPY . /', '.dockerignore: content changed', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed'],
	},
	{
		what: 'an ignore file that is ignored itself',
		files: {'.dockerignore': '*.log\n.dockerignore\n'},
		explained: ['- [1/2] COPY . /', '.dockerignore: removed', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed'],
	},
	{what: 'an ignore file that changes nothing', files: {'.dockerignore': '.dockerignore\n*.log\n*.tmp\n'}, explained: []},
	{
		what: 'an ignore file that lets a file in',
		files: {'.dockerignore': '.dockerignore\n*.tmp\n'},
		explained: ['- [1/2] COPY . /', 'a.log: added', '- [2/2] COPY --chmod=644 --chown=7:8 own /own/', 'it builds on [1/2] COPY . /, which was executed'],
	},
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
	{
		what: 'another destination',
		files: {Dockerfile: 'FROM scratch\nCOPY --chmod=600 --chown=1 other/own /elsewhere/\n'},
		explained: ['- [1/1] COPY --chmod=600 --chown=1 other/own /elsewhere/', 'destination: "/octal/" → "/elsewhere/"'],
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
	Dockerfile: [
		'FROM base AS made',
		'COPY in /in',
		'RUN cp /in /out && mkdir /tree && echo same > /tree/same',
		'FROM base',
		'COPY --from=made /out /tree /to/',
		'RUN --mount=from=made,source=/tree,target=/m ls /m',
		'',
	].join('\n'),
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
		files: {
			Dockerfile: [
				'FROM base AS made',
				'COPY in /in',
				'RUN cp /in /out && mkdir /tree && echo same > /tree/same && true',
				'FROM base',
				'COPY --from=made /out /tree /to/',
				'RUN --mount=from=made,source=/tree,target=/m ls /m',
				'',
			].join('\n'),
		},
		explained: [
			'- [made 2/3] RUN cp /in /out && mkdir /tree && echo same > /tree/same && true',
			'command: "cp /in /out && mkdir /tree && echo same > /tree/same" → "cp /in /out && mkdir /tree && echo same > /tree/same && true"',
		],
	},
	{
		what: 'what is mounted',
		files: {
			Dockerfile: [
				'FROM base AS made',
				'COPY in /in',
				'RUN cp /in /out && mkdir /tree && echo same > /tree/same && touch /tree/new',
				'FROM base',
				'RUN --mount=from=made,source=/tree,target=/m ls /m',
				'',
			].join('\n'),
		},
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
	{
		what: 'the text',
		files: {Dockerfile: 'FROM scratch\nCOPY --link a /a\nCOPY <<EOF /text\nhallo\nEOF\nADD b /b/\n'},
		explained: ['- [2/3] COPY <<EOF /text', 'EOF: content changed', '- [3/3] ADD b /b/', 'it builds on [2/3] COPY <<EOF /text, which was executed'],
	},
	{
		what: 'a linked file',
		files: {a: '2'},
		explained: [
			'- [1/3] COPY --link a /a',
			'a: content changed',
			'- [2/3] COPY <<EOF /text',
			'it builds on [1/3] COPY --link a /a, which was executed',
			'- [3/3] ADD b /b/',
			'it builds on [2/3] COPY <<EOF /text, which was executed',
		],
	},
	{
		what: 'ADD that becomes COPY',
		files: {Dockerfile: 'FROM scratch\nCOPY --link a /a\nCOPY <<EOF /text\nhallo\nEOF\nCOPY b /b/\n'},
		explained: ['- [3/3] COPY b /b/', 'unpacking of archives: "true" → "false"'],
	},
]);
