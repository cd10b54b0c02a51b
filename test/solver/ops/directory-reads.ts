import {
	appendFileSync,
	lstatSync,
	mkdirSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {openMetadata, type Metadata} from '../../../snapshotter/metadata.ts';
import {TreeState} from '../../../snapshotter/tree-state.ts';
import {DirectoryReads} from '../../../solver/ops/directory-reads.ts';
import {Descriptor} from '../../../src/linux/descriptor.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

type Context = {
	readonly path: string;
	readonly metadata: Metadata;
	readonly read: (tree: string) => Promise<TreeState>;
};

const withContext = test.macro(async (t, check: (context: Context, is: typeof t.is) => Promise<void>) => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const context = path.join(directory.path, 'context');
	mkdirSync(path.join(context, 'folder/deep'), {recursive: true});
	writeFileSync(path.join(context, 'file'), 'text');
	writeFileSync(path.join(context, 'folder/é'), 'x'.repeat(1000));
	symlinkSync('file', path.join(context, 'folder/link'));
	await check({
		path: context,
		metadata,
		async read(tree) {
			using opened = Descriptor.open(path.join(context, tree), 0);
			const state = await TreeState.read(opened, {restingSince: Infinity});
			return state!;
		},
	}, t.is);
});

const names = ['file', 'folder', 'folder/deep', 'folder/link', 'folder/é'];

function readsOf({path: context, metadata}: Context, read: readonly string[]): DirectoryReads {
	const reads = new DirectoryReads(metadata);
	for (const name of names) {
		reads.add(name, {status: lstatSync(path.join(context, name), {bigint: true}), isRead: read.includes(name)});
	}

	return reads;
}

test('a tree that is known counts as its entries do', withContext, async (context, is) => {
	using expected = readsOf(context, []);
	using whole = new DirectoryReads(context.metadata);
	whole.addTree('', await context.read('.'));
	is(whole.size, expected.size);
});

test('trees that overlap count once', withContext, async (context, is) => {
	using expected = readsOf(context, []);
	using reads = new DirectoryReads(context.metadata);
	reads.addTree('folder', await context.read('folder'));
	reads.addTree('', await context.read('.'));
	is(reads.size, expected.size);
});

test('a file that had to be read counts so, whatever is known elsewhere', withContext, async (context, is) => {
	using expected = readsOf(context, ['folder/é']);
	using reads = new DirectoryReads(context.metadata);
	const state = lstatSync(path.join(context.path, 'folder/é'), {bigint: true});
	reads.add('folder/é', {status: state, isRead: true});
	reads.addTree('', await context.read('.'));
	is(reads.size, expected.size);
});

test('the files of a tree that is known are unchanged until they change', withContext, async (context, is) => {
	using reads = new DirectoryReads(context.metadata);
	reads.addTree('', await context.read('.'));
	const file = path.join(context.path, 'folder/é');
	is(reads.isUnchanged(lstatSync(file, {bigint: true})), true);
	appendFileSync(file, 'more');
	is(reads.isUnchanged(lstatSync(file, {bigint: true})), false);
	reads.addTree('folder', await context.read('folder'));
	is(reads.isUnchanged(lstatSync(file, {bigint: true})), false, 'it was different at different times');
	const other = lstatSync(path.join(context.path, 'file'), {bigint: true});
	is(reads.isUnchanged(other), true);
});
