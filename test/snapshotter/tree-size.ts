import {execFileSync} from 'node:child_process';
import {
	linkSync,
	mkdirSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {treeSize} from '../../snapshotter/tree-size.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

function diskUsage(directory: string): number {
	return Number(execFileSync('du', ['--summarize', '--apparent-size', '--block-size=1', directory], {encoding: 'utf8'}).split('\t', 1)[0]);
}

test('a tree has the size that du(1) tells, whatever is in it', async t => {
	await using temporary = await makeTemporaryDirectory();
	const directory = path.join(temporary.path, 'tree');
	mkdirSync(path.join(directory, 'a/b/c'), {recursive: true});
	mkdirSync(path.join(directory, 'd'), {mode: 0});
	writeFileSync(path.join(directory, 'a/file'), 'x'.repeat(100_000));
	linkSync(path.join(directory, 'a/file'), path.join(directory, 'd/link'));
	writeFileSync(path.join(temporary.path, 'outside'), 'x'.repeat(1_000_000));
	symlinkSync('../outside', path.join(directory, 'symlink'));
	symlinkSync('..', path.join(directory, 'a/up'));
	execFileSync('sh', ['-c', String.raw`printf x > "$(printf '%s/\377' "$0")"; mkfifo "$0/fifo"`, directory]);
	t.is(treeSize(directory), diskUsage(directory));
});

test('holes do not count', async t => {
	await using directory = await makeTemporaryDirectory();
	const before = treeSize(directory.path);
	const file = path.join(directory.path, 'hole');
	writeFileSync(file, 'x'.repeat(8192));
	truncateSync(file, 1_000_000_000);
	t.true(treeSize(directory.path) - before < 100_000);
});

test('directories nested deeper than any path can name are counted', async t => {
	await using temporary = await makeTemporaryDirectory();
	const depth = 3000;
	execFileSync('perl', ['-e', 'chdir shift; for (1..shift) { mkdir "d" and chdir "d" or die }', temporary.path, String(depth)]);
	t.is(treeSize(temporary.path), diskUsage(temporary.path));
	await removeTree(path.join(temporary.path, 'd'));
});

test('there is nothing where no directory is', async t => {
	await using temporary = await makeTemporaryDirectory();
	t.is(treeSize(path.join(temporary.path, 'missing')), 0);
});
