import {execFileSync} from 'node:child_process';
import {
	appendFileSync,
	linkSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {setImmediate} from 'node:timers/promises';
import test from 'ava';
import type {CopyAction} from '../../../src/definition/operations.ts';
import {DirectoryReads} from '../../../solver/ops/directory-reads.ts';
import {snapshotOf} from '../../../solver/ops/build-result.ts';
import {BuildStore, plainCopy, silentExecution} from '../../support/build-store.ts';

type Outcome = {
	readonly isRecorded: boolean;
	/** What the user was told. */
	readonly warnings: readonly string[];
	/** Files of the result, with their text. */
	readonly files: Readonly<Record<string, string>>;
};

type Change = (context: string) => void;

type Moments = {
	/** After the files were digested, before they are copied. */
	readonly before?: Change;
	/** When the copy looks for the first, second, ... time whether something has changed. */
	readonly atLooks?: ReadonlyArray<Change | undefined>;
	/** Again and again while the copy runs. */
	readonly meanwhile?: Change;
	readonly action?: Partial<CopyAction>;
};

function fill(context: string): void {
	mkdirSync(path.join(context, 'directory/deep'), {recursive: true});
	writeFileSync(path.join(context, 'file'), 'before');
	writeFileSync(path.join(context, 'directory/deep/file'), 'before');
	writeFileSync(path.join(context, 'directory/one'), 'before');
	linkSync(path.join(context, 'directory/one'), path.join(context, 'directory/two'));
	symlinkSync('file', path.join(context, 'link'));
	writeFileSync(path.join(context, 'ignored'), 'before');
}

/** Digests what a COPY takes of a context, copies it, and lets it change at some moments. */
async function copyChanging({before, atLooks = [], meanwhile, action}: Moments, prepare: Change = fill): Promise<Outcome> {
	await using build = await BuildStore.open();
	const {context, store, warnings} = build;
	prepare(context);
	using reads = new WatchedReads(store.metadata);
	const inputs = [{kind: 'snapshot', snapshot: null}, {...build.contextResult(['ignored']), reads}] as const;
	const op = build.fileOp([{...plainCopy, ...action}]);
	const {signal} = new AbortController();
	const {inputs: digests} = await op.cacheMap(signal);
	await digests[1]!(inputs[1], signal);
	before?.(context);
	reads.looks = atLooks.map(change => () => change?.(context));
	let isRecorded = true;
	using _repetition = repeat(() => meanwhile?.(context));
	const result = await op.execute(inputs, {
		...silentExecution(),
		forbidRecord() {
			isRecorded = false;
		},
	});
	const files = await build.list(snapshotOf(result));
	const texts = await build.visit(snapshotOf(result), root => files.filter(line => line.split(' ', 4)[3] === 'file').map(line => {
		const [name] = line.split(' ') as [string];
		return [name, readFileSync(path.join(root, name), 'latin1')] as const;
	}));
	return {isRecorded, warnings, files: Object.fromEntries(texts)};
}

/** Does something at every turn of the event loop, in which others do their work too. */
function repeat(action: () => void): Disposable {
	const over = new AbortController();
	const act = async () => {
		while (!over.signal.aborted) {
			action();
			await setImmediate();
		}
	};

	void act();
	return {
		[Symbol.dispose]() {
			over.abort();
		},
	};
}

/** Lets something happen just when the copy looks whether a file has changed. */
class WatchedReads extends DirectoryReads {
	looks: ReadonlyArray<() => void> = [];

	override isUnchanged(status: Parameters<DirectoryReads['isUnchanged']>[0]): boolean {
		const [look, ...rest] = this.looks;
		this.looks = rest;
		const isUnchanged = super.isUnchanged(status);
		look?.();
		return isUnchanged;
	}
}

const refusesRecord = test.macro(async (t, change: Change, changed: readonly string[]) => {
	const {isRecorded, warnings} = await copyChanging({before: change});
	t.false(isRecorded);
	t.deepEqual(warnings, [`file is not cached, because this changed during the build: ${changed.join(', ')}`]);
});

const write = (name: string, content: string) => (context: string) => {
	writeFileSync(path.join(context, name), content);
};

test('a copy of what was digested is recorded', async t => {
	const {isRecorded, warnings} = await copyChanging({});
	t.true(isRecorded);
	t.deepEqual(warnings, []);
});

test('a change of what is not copied does not matter', async t => {
	const {isRecorded, warnings} = await copyChanging({before: write('ignored', 'after')});
	t.true(isRecorded);
	t.deepEqual(warnings, []);
});

test('a file with another content is not recorded as what it was', refusesRecord, write('file', 'after and longer'), ['file']);
test('a file with another content of the same size is not recorded as what it was', refusesRecord, write('directory/deep/file', 'after!'), ['directory/deep/file']);
test('a file that was added is not recorded', refusesRecord, write('directory/deep/new', ''), ['directory/deep', 'directory/deep/new']);
test('a file that was removed is not recorded', refusesRecord, context => {
	rmSync(path.join(context, 'directory/deep/file'));
}, ['directory/deep']);
test('a file that another was moved over is not recorded as what it was', refusesRecord, context => {
	renameSync(path.join(context, 'directory/deep/file'), path.join(context, 'file'));
}, ['.', 'directory/deep', 'file']);
test('a directory that became a link is not recorded as what it was', refusesRecord, context => {
	renameSync(path.join(context, 'directory'), `${context}-elsewhere`);
	symlinkSync(`${context}-elsewhere`, path.join(context, 'directory'));
}, ['.', 'directory']);

test('more than five names are counted', async t => {
	const names = ['1', '2', '3', '4', '5', '6', '7'];
	const writeAll = (text: string) => (context: string) => {
		for (const name of names) {
			writeFileSync(path.join(context, name), text);
		}
	};

	const {warnings} = await copyChanging({before: writeAll('after')}, writeAll('before'));
	t.deepEqual(warnings, ['file is not cached, because this changed during the build: 1, 2, 3, 4, 5 and 2 more']);
});

test('a file that goes while its directory is planned is not there', async t => {
	const {files, warnings, isRecorded} = await copyChanging({
		atLooks: [context => {
			rmSync(path.join(context, 'directory/one'));
		}],
	});
	t.deepEqual(Object.keys(files), ['/directory/deep/file', '/directory/two', '/file']);
	t.deepEqual(warnings, ['file is not cached, because this changed during the build: directory, directory/two']);
	t.false(isRecorded);
});

test('a file that goes after its directory was listed is not there', async t => {
	const {files, warnings, isRecorded} = await copyChanging({
		// Only made file by file, not as a layer.
		action: {source: '/directory', directoryContentsOnly: false},
		atLooks: [context => {
			rmSync(path.join(context, 'directory/one'));
			rmSync(path.join(context, 'directory/two'));
		}],
	});
	t.deepEqual(files, {'/directory/deep/file': 'before'});
	t.deepEqual(warnings, ['file is not cached, because this changed during the build: directory/one, directory/two']);
	t.false(isRecorded);
});

const largeSize = 20 * 1024 * 1024;

const prepareLarge = (context: string) => {
	writeFileSync(path.join(context, 'large'), 'a'.repeat(largeSize));
};

test('a file that grows while it is copied is copied as it is in the end', async t => {
	let rest = 3;
	const {files, isRecorded, warnings} = await copyChanging({
		meanwhile(context) {
			if (rest === 0) {
				return;
			}

			rest--;
			appendFileSync(path.join(context, 'large'), 'b');
		},
	}, prepareLarge);
	t.is(files['/large'], `${'a'.repeat(largeSize)}bbb`);
	t.false(isRecorded);
	t.deepEqual(warnings, ['file is not cached, because this changed during the build: large']);
});

test('a file that becomes shorter while it is copied has nothing behind its end', async t => {
	let isDone = false;
	const {files, isRecorded} = await copyChanging({
		meanwhile(context) {
			if (isDone) {
				return;
			}

			isDone = true;
			truncateSync(path.join(context, 'large'), 10);
		},
	}, prepareLarge);
	t.is(files['/large'], 'a'.repeat(10));
	t.false(isRecorded);
});

test('a file that another replaces while it is copied is one of the two', async t => {
	let isDone = false;
	const {files, isRecorded} = await copyChanging({
		meanwhile(context) {
			if (isDone) {
				return;
			}

			isDone = true;
			writeFileSync(path.join(context, '.saved'), 'b'.repeat(largeSize));
			renameSync(path.join(context, '.saved'), path.join(context, 'large'));
		},
	}, prepareLarge);
	t.true(['a', 'b'].map(letter => letter.repeat(largeSize)).includes(files['/large']!));
	t.false(isRecorded);
});

test('a file that is written all the time ends the build, with its name', async t => {
	await t.throwsAsync(copyChanging({
		meanwhile(context) {
			appendFileSync(path.join(context, 'large'), 'b');
		},
	}, prepareLarge), {code: 'ERR_TSBUILD_FILE_CHANGED', message: 'failed to read /large: it changed each time while it was read'});
});

test('an archive that is written while it is unpacked ends the build, with its name', async t => {
	await t.throwsAsync(copyChanging({
		action: {source: '/large.tar', attemptUnpack: true},
		meanwhile(context) {
			appendFileSync(path.join(context, 'large.tar'), 'b');
		},
	}, context => {
		mkdirSync(path.join(context, 'content'));
		writeFileSync(path.join(context, 'content/file'), 'a'.repeat(largeSize));
		execFileSync('tar', ['-cf', 'large.tar', 'content'], {cwd: context});
		rmSync(path.join(context, 'content'), {recursive: true});
	}), {code: 'ERR_TSBUILD_FILE_CHANGED', message: 'failed to read /large.tar: it changed each time while it was read'});
});
