import {
	chmodSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {hashTree, type HashTreeOptions} from '../../snapshotter/content-hash.ts';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {TreeDigests} from '../../snapshotter/tree-digests.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const anHour = 3_600_000;
const inAnHour = () => Date.now() + anHour;

type Looked = {readonly digest: string; readonly known: readonly string[] | undefined; readonly hashed: readonly string[]};

/** A directory beside a store that remembers trees. */
class RememberedTree implements AsyncDisposable {
	static async open(clock: () => number): Promise<RememberedTree> {
		await using undo = new AsyncDisposableStack();
		const directory = undo.use(await makeTemporaryDirectory());
		const tree = path.join(directory.path, 'tree');
		mkdirSync(tree);
		const metadata = undo.use(openMetadata(directory.path));
		return new RememberedTree(tree, new TreeDigests(metadata, {clock}), undo.move());
	}

	readonly #digests: TreeDigests;
	readonly #undo: AsyncDisposableStack;
	readonly path: string;

	constructor(tree: string, digests: TreeDigests, undo: AsyncDisposableStack) {
		this.path = tree;
		this.#digests = digests;
		this.#undo = undo;
	}

	write(name: string, text: string): void {
		writeFileSync(path.join(this.path, name), text);
	}

	async look(options: Partial<HashTreeOptions> = {}): Promise<Looked> {
		using root = Descriptor.open(this.path, 0);
		let known: readonly string[] | undefined;
		const hashed: string[] = [];
		const digest = await hashTree(root, {
			path: '.',
			zeroOwner: true,
			treeDigests: this.#digests,
			visit({relativePath}) {
				hashed.push(relativePath);
			},
			visitKnown(tree) {
				known = tree.entries().map(({relativePath}) => relativePath).toArray();
			},
			...options,
		});
		return {digest, known, hashed};
	}

	async digest(options: Partial<HashTreeOptions> = {}): Promise<string> {
		using root = Descriptor.open(this.path, 0);
		return await hashTree(root, {path: '.', zeroOwner: true, ...options});
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#undo.disposeAsync();
	}
}

function fill(tree: RememberedTree): void {
	mkdirSync(path.join(tree.path, 'folder/deep'), {recursive: true});
	mkdirSync(path.join(tree.path, 'empty'));
	tree.write('file', 'text');
	tree.write('é', '');
	tree.write('folder/deep/file', 'text');
	symlinkSync('file', path.join(tree.path, 'link'));
}

const all = ['', 'empty', 'file', 'folder', 'folder/deep', 'folder/deep/file', 'link', 'é'];

test('a tree that was at rest is known, and no file of it is read', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	const first = await tree.look();
	t.deepEqual(first.hashed.toSorted(), all);
	t.is(first.known, undefined);
	const second = await tree.look();
	t.is(second.digest, first.digest);
	t.is(second.digest, await tree.digest());
	t.deepEqual(second.hashed, []);
	t.deepEqual(second.known?.toSorted(), all);
});

test('a tree in which something has just changed is not remembered', async t => {
	await using tree = await RememberedTree.open(Date.now);
	fill(tree);
	await tree.look();
	const second = await tree.look();
	t.is(second.known, undefined);
	t.deepEqual(second.hashed.toSorted(), all);
});

test('a tree that changes while it is hashed is not remembered', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	await tree.look({
		visit() {
			tree.write('file', `${readdirSync(tree.path).length} changed`);
		},
	});
	const second = await tree.look();
	t.is(second.known, undefined);
	t.is(second.digest, await tree.digest());
});

test('what a filter leaves out may change', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	const options: Partial<HashTreeOptions> = {filter: name => name === 'file' || name === 'folder/deep' ? 'excluded' : 'included'};
	const first = await tree.look(options);
	tree.write('file', 'other text');
	tree.write('folder/deep/new', '');
	const second = await tree.look(options);
	t.deepEqual(second.known?.toSorted(), ['', 'empty', 'folder', 'link', 'é']);
	t.is(second.digest, first.digest);
	const everything = await tree.look();
	t.is(everything.known, undefined);
	t.is(everything.digest, await tree.digest());
});

test('a passage is not the same as a directory that is included', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	mkdirSync(path.join(tree.path, 'folder'));
	const included = await tree.look();
	const passage: Partial<HashTreeOptions> = {filter: () => 'passage'};
	const passed = await tree.look(passage);
	t.is(passed.known, undefined);
	t.is(passed.digest, await tree.digest(passage));
	t.not(passed.digest, included.digest);
});

test('owners that count make another tree than owners that do not', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	await tree.look();
	const second = await tree.look({zeroOwner: false});
	t.is(second.known, undefined);
	t.is(second.digest, await tree.digest({zeroOwner: false}));
});

test('an extended attribute is a change', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	await tree.look();
	setExtendedAttribute(path.join(tree.path, 'file'), 'user.test', new Uint8Array([1]));
	const second = await tree.look();
	t.is(second.known, undefined);
	t.is(second.digest, await tree.digest());
});

test('a file in the place of another with the same size and time is a change', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	fill(tree);
	const {mtime} = statSync(path.join(tree.path, 'file'));
	await tree.look();
	tree.write('new', 'TEXT');
	utimesSync(path.join(tree.path, 'new'), mtime, mtime);
	renameSync(path.join(tree.path, 'new'), path.join(tree.path, 'file'));
	const second = await tree.look();
	t.is(second.known, undefined);
	t.is(second.digest, await tree.digest());
});

test('an aborted signal ends it', async t => {
	await using tree = await RememberedTree.open(inAnHour);
	const signal = AbortSignal.abort(new Error('enough'));
	await t.throwsAsync(tree.look({signal}), {message: 'enough'});
});

const anyName = fc.constantFrom('a', 'b', 'c', 'a/x', 'b/x', 'a/x/y');

type Change = {
	readonly kind: 'write' | 'mkdir' | 'link' | 'remove' | 'rename' | 'chmod';
	readonly name: string;
	readonly other: string;
};

const anyChange: fc.Arbitrary<Change> = fc.record({
	kind: fc.constantFrom('write', 'mkdir', 'link', 'remove', 'rename', 'chmod'),
	name: anyName,
	other: anyName,
});

/** Changes a tree so that its state differs whatever the clock: no two sizes are the same. */
function perform({kind, name, other}: Change, tree: string, size: number): void {
	const file = path.join(tree, name);
	switch (kind) {
		case 'write': {
			writeFileSync(file, 'x'.repeat(size));
			return;
		}

		case 'mkdir': {
			mkdirSync(file);
			return;
		}

		case 'link': {
			symlinkSync('x'.repeat(size), file);
			return;
		}

		case 'remove': {
			rmSync(file, {recursive: true});
			return;
		}

		case 'rename': {
			renameSync(file, path.join(tree, other));
			return;
		}

		case 'chmod': {
			chmodSync(file, statSync(file).mode ^ 0o70);
		}
	}
}

test('whatever changes, a digest that is remembered is the one that hashing gives', async t => {
	let known = 0;
	const anyChanges = fc.array(anyChange, {maxLength: 12});
	const property = fc.asyncProperty(anyChanges, async changes => {
		await using tree = await RememberedTree.open(inAnHour);
		for (const [index, change] of changes.entries()) {
			try {
				perform(change, tree.path, index + 1);
			} catch {
				// It cannot be done to what is there.
			}

			const first = await tree.look();
			t.is(first.digest, await tree.digest());
			const second = await tree.look();
			t.is(second.digest, first.digest);
			known += second.known === undefined ? 0 : 1;
		}
	});
	await fc.assert(property, {numRuns: 30});
	t.true(known > 50, `${known} trees were known`);
});
