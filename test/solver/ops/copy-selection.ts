import {chmodSync, symlinkSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {BuildStore} from '../../support/build-store.ts';
import {writeFiles} from '../../support/write-files.ts';

test('wildcards take what matches, without descending', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {
		'a.txt': '1', 'b.txt': '2', 'c.md': '3', 'sub/d.txt': '4', 'sub2/d.txt': '5', 'sub2/e': '6',
	});
	const list = async (source: string) => {
		const lines = await build.list(await build.copy({source, destination: '/x/'}));
		return lines.map(line => line.split(' ', 1)[0]).filter(name => name !== '/x');
	};

	t.deepEqual(await list('/*.txt'), ['/x/a.txt', '/x/b.txt']);
	t.deepEqual(await list('/[a-b].txt'), ['/x/a.txt', '/x/b.txt']);
	t.deepEqual(await list('/sub*/d.txt'), ['/x/d.txt']);
	t.deepEqual(await list('/sub*'), ['/x/d.txt', '/x/e'], 'directories that match give their contents');
	t.deepEqual(await list('/*.nope'), []);
	t.deepEqual(await list('/a.txt/*'), []);
});

test('a wildcard in a directory that is not there is an error in BuildKit\'s words', async t => {
	await using build = await BuildStore.open();
	await t.throwsAsync(build.copy({source: '/none/*'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND', message: 'lstat /none: no such file or directory'});
});

test('a wildcard that matches nothing makes nothing', async t => {
	await using build = await BuildStore.open();
	t.deepEqual(await build.list(await build.copy({source: '/*.nope', destination: '/x/'})), []);
	await t.throwsAsync(build.copy({source: '/*.nope', allowEmptyWildcard: false}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	await t.throwsAsync(build.copy({source: '/a['}), {code: 'ERR_TSBUILD_PATTERN'});
});

test('what is named and not there is an error in BuildKit\'s words', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'dir/a': 'A'});
	for (const source of ['/missing', '/dir/missing', '/dir/a/b']) {
		await t.throwsAsync(build.copy({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND', message: `failed to calculate checksum of ref context: "${source}": not found`});
		await t.throwsAsync(build.digest({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	}
});

test('what .dockerignore leaves out is not there', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {
		'a.log': '1', 'docs/x.md': '2', 'docs/keep.md': '3', 'src/a.c': '4', 'src/a.log': '5',
	});
	symlinkSync('a.log', path.join(build.context, 'link'));
	const ignore = ['**/*.log', 'docs', '!docs/keep.md'];
	const names = async (source: string) => {
		const lines = await build.list(await build.copy({source, destination: '/x/'}, {ignore}));
		return lines.map(line => line.split(' ', 1)[0]).filter(name => name !== '/x');
	};

	t.deepEqual(await names('/'), ['/x/docs', '/x/docs/keep.md', '/x/link', '/x/src', '/x/src/a.c']);
	t.deepEqual(await names('/src'), ['/x/a.c']);
	t.deepEqual(await names('/docs'), ['/x/keep.md']);
	t.deepEqual(await names('/*.log'), []);
	for (const source of ['/a.log', '/docs/x.md', '/link']) {
		await t.throwsAsync(build.copy({source}, {ignore}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
	}
});

test('--exclude leaves out what it matches below each source', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {
		'd/a.1': '', 'd/b': '', 'd/s/c.1': '', 'd/s/e': '', 'x.1': '', 'x.2': '',
	});
	const names = async (source: string, exclude: readonly string[]) => {
		const listed = await build.list(await build.copy({source, destination: '/x/', exclude}), '/x');
		return listed.map(line => line.split(' ', 1)[0]);
	};

	t.deepEqual(await names('/d', ['*.1']), ['/x/b', '/x/s', '/x/s/c.1', '/x/s/e']);
	t.deepEqual(await names('/d', ['**/*.1']), ['/x/b', '/x/s', '/x/s/e']);
	t.deepEqual(await names('/d', ['s', '!s/e']), ['/x/a.1', '/x/b', '/x/s', '/x/s/e']);
	t.deepEqual(await names('/x.*', ['*.1']), ['/x/x.2']);
	await t.throwsAsync(build.copy({source: '/', exclude: ['a[']}), {
		code: 'ERR_TSBUILD_PATTERN',
		message: 'failed to calculate checksum of ref context: invalid excludepatterns: [a[]: syntax error in pattern',
	});
});

test('--parents keeps the directories above what is taken', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {
		'x/y/a.txt': '1', 'x/y/b.md': '2', 'x/z/c.txt': '3', 'x/z/deep/d.txt': '4',
	});
	chmodSync(path.join(build.context, 'x/y'), 0o700);
	const names = async (source: string, include: string) => {
		const listed = await build.list(await build.copy({
			source, include: [include], destination: '/o/', keepParents: true,
		}), '/o');
		return listed.map(line => line.split(' ').slice(0, 2).join(' '));
	};

	t.deepEqual(await names('/', 'x/y/a.txt'), ['/o/x 0755', '/o/x/y 0700', '/o/x/y/a.txt 0644']);
	t.deepEqual(await names('/x', '*/*.txt'), ['/o/y 0700', '/o/y/a.txt 0644', '/o/z 0755', '/o/z/c.txt 0644']);
	t.deepEqual(await names('/x', '**/*.txt'), ['/o/y 0700', '/o/y/a.txt 0644', '/o/z 0755', '/o/z/c.txt 0644', '/o/z/deep 0755', '/o/z/deep/d.txt 0644']);
	t.deepEqual(await names('/', 'x/z'), ['/o/x 0755', '/o/x/z 0755', '/o/x/z/c.txt 0644', '/o/x/z/deep 0755', '/o/x/z/deep/d.txt 0644']);
	t.deepEqual(await names('/', 'x/*.nope'), []);
	await t.throwsAsync(build.copy({source: '/x', include: ['missing'], keepParents: true}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
});
