import {
	mkdir,
	readdir,
	readFile,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import type {BindMount} from '../../../src/definition/operations.ts';
import {openStore, type Store} from '../../../snapshotter/store.ts';
import type {BuildResult} from '../../../solver/ops/build-result.ts';
import {openExecMounts} from '../../../solver/ops/exec-mounts.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';

const part: BindMount = {
	type: 'bind', input: 0, source: '/d', target: '/x', readOnly: true,
};

async function commit(store: Store): Promise<BuildResult> {
	await using active = await store.snapshotter.prepare(undefined);
	await mkdir(path.join(active.changesDirectory, 'd/sub'), {recursive: true});
	await writeFile(path.join(active.changesDirectory, 'd/file'), 'content');
	return {kind: 'snapshot', snapshot: await active.commit({description: 'files'})};
}

/** Opens one mount of the input, and passes it to `use` as a path. */
async function withMount(store: Store, input: BuildResult, {mount, use}: {readonly mount: BindMount; readonly use: (place: string) => Promise<void>}): Promise<void> {
	await using opened = await openExecMounts([mount], {
		inputs: [input],
		store,
		readSecret: async () => undefined,
		sshAgents: new Map(),
		onChangedSource() {
			throw new Error('nothing has changed');
		},
		signal: new AbortController().signal,
	});
	const [made] = opened.mounts;
	await use(made?.type === 'detached' ? made.mount.path : 'nothing');
}

// Linux before 6.15 cannot mount a part of a snapshot, and gets a copy of it. The tests also run on such a kernel.
test('a part of a snapshot is mounted', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(path.join(directory.path, 'store'));
	const input = await commit(store);
	await withMount(store, input, {
		mount: part,
		async use(place) {
			t.deepEqual(await readdir(place), ['file', 'sub']);
			t.is(await readFile(path.join(place, 'file'), 'utf8'), 'content');
			await t.throwsAsync(writeFile(path.join(place, 'new'), ''), {code: 'EROFS'});
		},
	});
});

test('a single file of a snapshot is mounted', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(path.join(directory.path, 'store'));
	const input = await commit(store);
	await withMount(store, input, {
		mount: {...part, source: '/d/file'},
		async use(place) {
			t.is(await readFile(place, 'utf8'), 'content');
		},
	});
});

test('what is written to a part of a snapshot is thrown away', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(path.join(directory.path, 'store'));
	const input = await commit(store);
	const mount = {...part, readOnly: false};
	await withMount(store, input, {
		mount,
		async use(place) {
			await writeFile(path.join(place, 'file'), 'changed');
			t.is(await readFile(path.join(place, 'file'), 'utf8'), 'changed');
		},
	});
	await withMount(store, input, {
		mount,
		async use(place) {
			t.is(await readFile(path.join(place, 'file'), 'utf8'), 'content');
		},
	});
});

test('a part that is not there is named', async t => {
	await using directory = await makeTemporaryDirectory();
	await using store = await openStore(path.join(directory.path, 'store'));
	const input = await commit(store);
	const mounted = withMount(store, input, {
		mount: {...part, source: '/none'},
		async use(place) {
			await readdir(place);
		},
	});
	await t.throwsAsync(mounted, {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND', message: 'failed to calculate checksum of ref mount: "/none": not found'});
});
