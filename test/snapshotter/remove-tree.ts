import {Buffer} from 'node:buffer';
import {
	chmod,
	mkdir,
	readdir,
	readFile,
	symlink,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {O_DIRECTORY} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectory} from '../../src/linux/files.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {swapAllTheTime} from '../support/swap-all-the-time.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

test('a tree is removed, and what its links lead to is not', async t => {
	await using directory = await makeTemporaryDirectory();
	const outside = path.join(directory.path, 'outside');
	const tree = path.join(directory.path, 'tree');
	await mkdir(outside);
	await writeFile(path.join(outside, 'canary'), 'alive');
	await mkdir(path.join(tree, 'folder'), {recursive: true});
	await symlink(outside, path.join(tree, 'link'));
	await symlink('../../outside', path.join(tree, 'folder/link'));
	await symlink('/', path.join(tree, 'root'));
	await removeTree(tree);
	t.deepEqual(await readdir(directory.path), ['outside']);
	t.is(await readFile(path.join(outside, 'canary'), 'utf8'), 'alive');
});

test('a link in place of the tree is removed itself', async t => {
	await using directory = await makeTemporaryDirectory();
	await mkdir(path.join(directory.path, 'outside/folder'), {recursive: true});
	await symlink('outside', path.join(directory.path, 'link'));
	await removeTree(path.join(directory.path, 'link'));
	t.deepEqual(await readdir(directory.path, {recursive: true}), ['outside', 'outside/folder']);
});

test('what is not there is removed already', async t => {
	await using directory = await makeTemporaryDirectory();
	await t.notThrowsAsync(removeTree(path.join(directory.path, 'missing')));
	await t.notThrowsAsync(removeTree(path.join(directory.path, 'missing/too')));
});

test('a file is removed', async t => {
	await using directory = await makeTemporaryDirectory();
	await writeFile(path.join(directory.path, 'file'), '');
	await removeTree(path.join(directory.path, 'file'));
	t.deepEqual(await readdir(directory.path), []);
});

test('directories without any permission, as overlayfs makes them, are removed', async t => {
	await using directory = await makeTemporaryDirectory();
	const tree = path.join(directory.path, 'tree');
	await mkdir(path.join(tree, 'work/work'), {recursive: true});
	await writeFile(path.join(tree, 'work/work/file'), '');
	await chmod(path.join(tree, 'work/work'), 0);
	await chmod(path.join(tree, 'work'), 0);
	await removeTree(tree);
	t.deepEqual(await readdir(directory.path), []);
});

test('names that are not UTF-8 are removed', async t => {
	await using directory = await makeTemporaryDirectory();
	const tree = path.join(directory.path, 'tree');
	const bytes = Buffer.concat([Buffer.from(`${tree}/`), Buffer.of(0xFF, 0xFE)]);
	await mkdir(bytes, {recursive: true});
	await writeFile(Buffer.concat([bytes, Buffer.from('/'), Buffer.of(0xC0)]), '');
	await removeTree(tree);
	t.deepEqual(await readdir(directory.path), []);
});

test('a tree that is deeper than any path can be is removed', async t => {
	await using directory = await makeTemporaryDirectory();
	makeDeepTree(directory.path, 2000);
	await removeTree(path.join(directory.path, 'tree'));
	t.deepEqual(await readdir(directory.path), []);
});

test('many directories and files are removed', async t => {
	await using directory = await makeTemporaryDirectory();
	const tree = path.join(directory.path, 'tree');
	const numbers = Array.from({length: 40}, (_, number) => String(number));
	await Promise.all(numbers.map(async folder => {
		await mkdir(path.join(tree, folder), {recursive: true});
		await Promise.all(numbers.map(async file => writeFile(path.join(tree, folder, file), '')));
	}));
	await removeTree(tree);
	t.deepEqual(await readdir(directory.path), []);
});

test('what a link leads to survives, also when it takes the place of a directory at any moment', async t => {
	await using directory = await makeTemporaryDirectory();
	const outside = path.join(directory.path, 'outside');
	await mkdir(path.join(outside, 'folder'), {recursive: true});
	await writeFile(path.join(outside, 'folder/canary'), 'alive');
	for (let round = 0; round < 20; round++) {
		const tree = path.join(directory.path, 'tree');
		await mkdir(path.join(tree, 'a/folder'), {recursive: true});
		await symlink(outside, path.join(tree, 'b'));
		await using _swapper = await swapAllTheTime(path.join(tree, 'a'), path.join(tree, 'b'));
		await removeTree(tree);
	}

	t.is(await readFile(path.join(outside, 'folder/canary'), 'utf8'), 'alive');
	t.deepEqual(await readdir(directory.path), ['outside']);
});

test('two may remove the same tree at the same time', async t => {
	await using directory = await makeTemporaryDirectory();
	const tree = path.join(directory.path, 'tree');
	makeDeepTree(directory.path, 200);
	await Promise.all(Array.from({length: 2000}, async (_, file) => writeFile(path.join(tree, String(file)), '')));
	await Promise.all([removeTree(tree), removeTree(tree), removeTree(tree)]);
	t.deepEqual(await readdir(directory.path), []);
});

function makeDeepTree(directory: string, depth: number): void {
	const name = 'tree';
	let parent = Descriptor.open(directory, O_DIRECTORY);
	for (let level = 0; level < depth; level++) {
		makeDirectory(parent, name, 0o700);
		const child = openFile(parent, name, {flags: O_DIRECTORY});
		parent.close();
		parent = child;
	}

	parent.close();
}
