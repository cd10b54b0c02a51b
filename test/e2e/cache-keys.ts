import {execFileSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {buildChanges} from '../support/explained-builds.ts';
import {makeProject, type Project} from '../support/project.ts';

/** A path beside the context. */
function beside({directory}: Project, name: string): string {
	return path.join(directory, name);
}

test('a bind mount counts by the content of its source, wherever that is', async t => {
	const run = (source: string) => `FROM base\nRUN --mount=source=${source},target=/m true\n`;
	const step = (source: string) => `- [stage-0 1/2] RUN --mount=source=${source},target=/m true`;
	await buildChanges(t, {
		Dockerfile: run('one'), 'one/file': '1', 'two/file': '1', other: '1',
	}, [
		{what: 'another file of the context', files: {other: '2'}, explained: []},
		{what: 'the content', files: {'one/file': '2'}, explained: [step('one'), 'one/file: content changed']},
		{what: 'the content from before in another directory', files: {Dockerfile: run('two')}, explained: []},
	]);
});

test('the ids and ways of sharing of caches, secrets and their contents are in no key', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c,id=a --mount=type=secret,id=s true\n'});
	const secret = beside(project, 'secret');
	const isCached = async (content: string) => {
		writeFileSync(secret, content);
		const {stderr} = await project.build('--secret', `id=s,src=${secret}`);
		return /RUN .*\n#\d+ CACHED/v.test(stderr);
	};

	t.false(await isCached('one'));
	t.true(await isCached('two'));
	await project.write({Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/c,id=b,sharing=locked --mount=type=secret,id=s true\n'});
	t.true(await isCached('two'));
	await project.write({Dockerfile: 'FROM base\nRUN --mount=type=cache,target=/other,id=b --mount=type=secret,id=s true\n'});
	t.false(await isCached('two'));
});

test('a base image counts by its layers, whatever it is called and whatever else it says', async t => {
	await using project = await makeProject({Dockerfile: 'FROM mine:1\nRUN true\n', Base: 'FROM base\nCOPY Base /\n'});
	const base = ['--file', path.join(project.context, 'Base')];
	await project.build(...base, '--tag', 'mine:1');
	await project.build(...base, '--tag', 'mine:2', '--label', 'a=b');
	await project.build();
	await project.write({Dockerfile: 'FROM mine:2\nRUN true\n'});
	const {stderr} = await project.build();
	t.regex(stderr, /RUN true\n#\d+ CACHED/v);
});

test('the time that a build takes as the present is in no key', async t => {
	await using project = await makeProject({Dockerfile: 'FROM base\nCOPY Dockerfile /\nRUN true\n'});
	await project.build();
	const {stderr} = await project.buildIn({SOURCE_DATE_EPOCH: '1700000000'});
	t.regex(stderr, /COPY Dockerfile \/\n#\d+ CACHED/v);
});

test('attributes of files count', async t => {
	const attribute = (project: Project, value: string) => {
		execFileSync('setfattr', ['--name', 'user.kind', '--value', value, path.join(project.context, 'file')]);
	};

	await buildChanges(t, {Dockerfile: 'FROM scratch\nCOPY file /\n', file: '1'}, [
		{
			what: 'one that is added',
			change(project) {
				attribute(project, 'one');
			},
			explained: ['- [1/1] COPY file /', 'file: attributes changed'],
		},
		{
			what: 'its value',
			change(project) {
				attribute(project, 'two');
			},
			explained: ['- [1/1] COPY file /', 'file: attributes changed'],
		},
	]);
});

test('no more steps are executed at once than --max-parallelism allows', async t => {
	const names = ['a', 'b', 'c'];
	await using project = await makeProject({
		Dockerfile: [
			...names.map(name => `FROM base AS ${name}\nRUN --mount=type=cache,target=/cache mkdir /cache/busy && sleep 0.3 && rmdir /cache/busy && echo ${name} > /${name}`),
			'FROM scratch',
			...names.map(name => `COPY --from=${name} /${name} /`),
			'',
		].join('\n'),
	});
	const built = await project.build('--max-parallelism', '1');
	t.is(built.exitCode, 0, built.stderr);
	for (const wrong of ['0', '-1', 'many', '']) {
		const refused = await project.build('--max-parallelism', wrong);
		t.is(refused.exitCode, 1);
		t.regex(refused.stderr, /invalid argument .* for "--max-parallelism": not a whole number above 0/v);
	}
});
