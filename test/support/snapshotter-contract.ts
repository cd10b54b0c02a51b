import {
	chmod,
	chown,
	mkdir,
	readdir,
	readFile,
	rename,
	rm,
	stat,
	utimes,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {Buffer} from 'node:buffer';
import type {TestFn} from 'ava';
import {getExtendedAttribute, setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import type {SnapshotId, Snapshotter} from '../../snapshotter/snapshotter.ts';

/** A snapshotter of an empty store, closed after the test. */
export type SnapshotterFixture = AsyncDisposable & {
	readonly snapshotter: Snapshotter;
	/** All files and directories that the snapshotter keeps, without those that an empty store has. */
	listFiles(): Promise<readonly string[]>;
};

type Change = (root: string) => Promise<void>;

/** Tests what every kind of snapshotter must do. */
export function testSnapshotter(test: TestFn, open: () => Promise<SnapshotterFixture>): void {
	test('what was written before the commit is seen in a view', async t => {
		await using fixture = await open();
		const id = await build(fixture.snapshotter, undefined, async root => {
			await mkdir(path.join(root, 'folder'));
			await writeFile(path.join(root, 'folder/file'), 'text');
		});
		t.is(await readInView(fixture.snapshotter, id, 'folder/file'), 'text');
	});

	test('a child has what its parent has, and its changes are not seen in the parent', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const parent = await build(snapshotter, undefined, async root => {
			await mkdir(path.join(root, 'replaced'));
			await Promise.all(['kept', 'changed', 'removed', 'moved', 'replaced/old'].map(async name => writeFile(path.join(root, name), name)));
		});
		const child = await build(snapshotter, parent, async root => {
			await writeFile(path.join(root, 'changed'), 'new text');
			await rm(path.join(root, 'removed'));
			await rename(path.join(root, 'moved'), path.join(root, 'moved-away'));
			await rm(path.join(root, 'replaced'), {recursive: true});
			await mkdir(path.join(root, 'replaced'));
			await writeFile(path.join(root, 'replaced/new'), '');
		});
		t.deepEqual(await listInView(snapshotter, child), ['changed', 'kept', 'moved-away', 'replaced', 'replaced/new']);
		t.is(await readInView(snapshotter, child, 'changed'), 'new text');
		t.is(await readInView(snapshotter, child, 'moved-away'), 'moved');
		t.deepEqual(await listInView(snapshotter, parent), ['changed', 'kept', 'moved', 'removed', 'replaced', 'replaced/old']);
		t.is(await readInView(snapshotter, parent, 'changed'), 'changed');
	});

	test('what is removed and made again by a grandchild is there', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const first = await build(snapshotter, undefined, async root => writeFile(path.join(root, 'file'), 'first'));
		const second = await build(snapshotter, first, async root => rm(path.join(root, 'file')));
		const third = await build(snapshotter, second, async root => writeFile(path.join(root, 'file'), 'third'));
		t.deepEqual(await listInView(snapshotter, second), []);
		t.is(await readInView(snapshotter, third, 'file'), 'third');
		t.deepEqual(snapshotter.chain(third), [first, second, third]);
	});

	test('several children of one parent do not see each other', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const parent = await build(snapshotter, undefined, async root => writeFile(path.join(root, 'file'), 'parent'));
		const children = await Promise.all([1, 2, 3, 4].map(async number => build(snapshotter, parent, async root => writeFile(path.join(root, 'file'), `child ${number}`))));
		const texts = await Promise.all(children.map(async child => readInView(snapshotter, child, 'file')));
		t.deepEqual(texts, ['child 1', 'child 2', 'child 3', 'child 4']);
	});

	test('what is not committed leaves nothing', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		let id: SnapshotId;
		{
			await using active = await snapshotter.prepare(undefined);
			id = active.id;
			t.is(snapshotter.info(id)?.state, 'active');
			using root = await active.mount();
			await writeFile(path.join(root.path, 'file'), '');
		}

		t.is(snapshotter.info(id), undefined);
		t.deepEqual(await fixture.listFiles(), []);
	});

	test('a view cannot be written to', async t => {
		await using fixture = await open();
		const id = await build(fixture.snapshotter, undefined, async () => {/* An empty tree. */});
		using view = await fixture.snapshotter.view(id);
		await t.throwsAsync(writeFile(path.join(view.path, 'file'), ''), {code: 'EROFS'});
	});

	test('a committed snapshot tells what it is', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const before = Date.now();
		const parent = await build(snapshotter, undefined, async () => {/* An empty tree. */});
		await using active = await snapshotter.prepare(parent);
		const id = await active.commit({description: '[2/3] RUN make'});
		t.is(id, active.id);
		const {createdAt, ...others} = snapshotter.info(id)!;
		t.deepEqual(others, {
			id,
			parent,
			state: 'committed',
			description: '[2/3] RUN make',
		});
		t.true(createdAt >= before && createdAt <= Date.now());
	});

	test('an active snapshot ends with its commit or removal', async t => {
		await using fixture = await open();
		const active = await fixture.snapshotter.prepare(undefined);
		await active.commit({description: ''});
		await t.throwsAsync(active.commit({description: ''}), {instanceOf: TypeError});
		await t.throwsAsync(active.mount(), {instanceOf: TypeError});
		await active[Symbol.asyncDispose]();
		t.is(fixture.snapshotter.info(active.id)?.state, 'committed');
	});

	test('only a committed snapshot can be viewed or be a parent', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		await using active = await snapshotter.prepare(undefined);
		for (const id of [active.id, 1_000_000 as SnapshotId]) {
			await t.throwsAsync(snapshotter.view(id), {code: 'ERR_TSBUILD_SNAPSHOT_NOT_FOUND'});
			await t.throwsAsync(snapshotter.prepare(id), {code: 'ERR_TSBUILD_SNAPSHOT_NOT_FOUND'});
		}

		t.is(snapshotter.info(1_000_000 as SnapshotId), undefined);
		t.throws(() => snapshotter.chain(1_000_000 as SnapshotId), {code: 'ERR_TSBUILD_SNAPSHOT_NOT_FOUND'});
	});

	test('a snapshot that another one stands on is not removed', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const parent = await build(snapshotter, undefined, async () => {/* An empty tree. */});
		{
			await using _active = await snapshotter.prepare(parent);
			await t.throwsAsync(snapshotter.remove(parent), {code: 'ERR_TSBUILD_SNAPSHOT_IN_USE'});
		}

		const child = await build(snapshotter, parent, async () => {/* An empty tree. */});
		await t.throwsAsync(snapshotter.remove(parent), {code: 'ERR_TSBUILD_SNAPSHOT_IN_USE'});
		await snapshotter.remove(child);
		await snapshotter.remove(parent);
		await t.notThrowsAsync(snapshotter.remove(parent), 'it is gone already');
		t.deepEqual(await fixture.listFiles(), []);
	});

	test('the id of a removed snapshot is not given again', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const first = await build(snapshotter, undefined, async () => {/* An empty tree. */});
		await snapshotter.remove(first);
		const second = await build(snapshotter, undefined, async () => {/* An empty tree. */});
		t.true(second > first);
	});

	test('the root directory is 0755 and root\'s', async t => {
		await using fixture = await open();
		await using active = await fixture.snapshotter.prepare(undefined);
		using root = await active.mount();
		const {mode, uid, gid} = await stat(root.path);
		t.deepEqual([mode & 0o7777, uid, gid], [0o755, 0, 0]);
	});

	test('the root directory of a child has the attributes of its parent\'s', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const parent = await build(snapshotter, undefined, async root => {
			await chown(`${root}/.`, 12, 34);
			await chmod(`${root}/.`, 0o1711);
			setExtendedAttribute(`${root}/.`, 'user.test', Buffer.from([0, 255]));
			await utimes(`${root}/.`, 1000.5, 2000.5);
		});
		const child = await build(snapshotter, parent, async () => {/* No change. */});
		const grandchild = await build(snapshotter, child, async () => {/* No change. */});
		using view = await snapshotter.view(grandchild);
		const {mode, uid, gid, mtimeMs} = await stat(view.path);
		t.deepEqual([mode & 0o7777, uid, gid, mtimeMs], [0o1711, 12, 34, 2_000_500]);
		t.deepEqual(getExtendedAttribute(view, 'user.test'), Buffer.from([0, 255]));
	});

	test('the root directory keeps its attributes when files are put into the directory for changes', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const parent = await build(snapshotter, undefined, async root => {
			await chown(`${root}/.`, 12, 34);
			await chmod(`${root}/.`, 0o1711);
		});
		await using active = await snapshotter.prepare(parent);
		await writeFile(path.join(active.changesDirectory, 'file'), '');
		using view = await snapshotter.view(await active.commit({description: ''}));
		const {mode, uid, gid} = await stat(view.path);
		t.deepEqual([mode & 0o7777, uid, gid], [0o1711, 12, 34]);
	});

	test('a chain of 127 snapshots can be viewed and changed', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		let top: SnapshotId | undefined;
		for (let number = 1; number <= 127; number++) {
			await using active = await snapshotter.prepare(top);
			await writeFile(path.join(active.changesDirectory, `file-${number}`), '');
			top = await active.commit({description: ''});
		}

		t.is(snapshotter.chain(top!).length, 127);
		const names = await listInView(snapshotter, top!);
		t.is(names.length, 127);
		const changed = await build(snapshotter, top, async root => rm(path.join(root, 'file-1')));
		const remaining = await listInView(snapshotter, changed);
		t.is(remaining.length, 126);
	});

	test('a mount is in no mount table', async t => {
		await using fixture = await open();
		const {snapshotter} = fixture;
		const before = await readOverlayMounts();
		const id = await build(snapshotter, undefined, async () => {/* An empty tree. */});
		await using active = await snapshotter.prepare(id);
		using _root = await active.mount();
		using _view = await snapshotter.view(id);
		t.deepEqual(await readOverlayMounts(), before);
	});
}

/** Other tests mount disks meanwhile. */
async function readOverlayMounts(): Promise<readonly string[]> {
	const mounts = await readFile('/proc/self/mounts', 'utf8');
	return mounts.split('\n').filter(line => line.includes(' overlay '));
}

/** Makes a committed snapshot by a change of the mounted tree. */
export async function build(snapshotter: Snapshotter, parent: SnapshotId | undefined, change: Change): Promise<SnapshotId> {
	await using active = await snapshotter.prepare(parent);
	{
		using root = await active.mount();
		await change(root.path);
	}

	return await active.commit({description: ''});
}

/** The text of a file in a committed snapshot. */
export async function readInView(snapshotter: Snapshotter, id: SnapshotId, name: string): Promise<string> {
	using view = await snapshotter.view(id);
	return await readFile(path.join(view.path, name), 'utf8');
}

/** The paths of all files and directories of a committed snapshot, sorted. */
export async function listInView(snapshotter: Snapshotter, id: SnapshotId): Promise<readonly string[]> {
	using view = await snapshotter.view(id);
	const names = await readdir(view.path, {recursive: true});
	return names.toSorted();
}
