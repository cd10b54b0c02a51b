import {
	linkSync,
	mkdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {DirectoryReads} from '../../../solver/ops/directory-reads.ts';
import {BuildStore, plainCopy, silentExecution} from '../../support/build-store.ts';

/** Digests what a COPY of everything takes, lets `change` have the context, and copies. Tells whether the result may be recorded. */
async function isRecorded(change: (context: string) => void): Promise<boolean> {
	await using build = await BuildStore.open();
	const {context, store} = build;
	mkdirSync(path.join(context, 'directory/deep'), {recursive: true});
	writeFileSync(path.join(context, 'file'), 'before');
	writeFileSync(path.join(context, 'directory/deep/file'), 'before');
	writeFileSync(path.join(context, 'directory/one'), 'before');
	linkSync(path.join(context, 'directory/one'), path.join(context, 'directory/two'));
	symlinkSync('file', path.join(context, 'link'));
	writeFileSync(path.join(context, 'ignored'), 'before');
	using reads = new DirectoryReads(store.metadata);
	const inputs = [{kind: 'snapshot', snapshot: null}, {...build.contextResult(['ignored']), reads}] as const;
	const op = build.fileOp([plainCopy]);
	const {signal} = new AbortController();
	const {inputs: digests} = await op.cacheMap(signal);
	await digests[1]!(inputs[1], signal);
	change(context);
	let isForbidden = false;
	await op.execute(inputs, {
		...silentExecution(),
		forbidRecord() {
			isForbidden = true;
		},
	});
	return !isForbidden;
}

const refusesRecord = test.macro(async (t, change: (context: string) => void) => {
	t.false(await isRecorded(change));
});

const write = (name: string, content: string) => (context: string) => {
	writeFileSync(path.join(context, name), content);
};

test('a copy of what was digested is recorded', async t => {
	t.true(await isRecorded(() => undefined));
});

test('a change of what is not copied does not matter', async t => {
	t.true(await isRecorded(write('ignored', 'after')));
});

test('a file with another content is not recorded as what it was', refusesRecord, write('file', 'after and longer'));
test('a file with another content of the same size is not recorded as what it was', refusesRecord, write('directory/deep/file', 'after!'));
test('a file that was added is not recorded', refusesRecord, write('directory/deep/new', ''));
test('a file that was removed is not recorded', refusesRecord, context => {
	rmSync(path.join(context, 'directory/deep/file'));
});
test('a file that another was moved over is not recorded as what it was', refusesRecord, context => {
	renameSync(path.join(context, 'directory/deep/file'), path.join(context, 'file'));
});
test('a directory that became a link is not recorded as what it was', refusesRecord, context => {
	renameSync(path.join(context, 'directory'), `${context}-elsewhere`);
	symlinkSync(`${context}-elsewhere`, path.join(context, 'directory'));
});
