import {Buffer} from 'node:buffer';
import {
	chmodSync,
	chownSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {copyTree} from '../../snapshotter/copy-tree.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import {getExtendedAttribute, setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile, setTimes} from '../../src/linux/files.ts';
import {asRoot} from '../support/conditions.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {listTree} from '../support/tree-listing.ts';

type Fixture = AsyncDisposable & {
	readonly from: string;
	readonly to: string;
	readonly scratch: string;
};

async function openFixture(): Promise<Fixture> {
	const directory = await makeTemporaryDirectory();
	const [from, to, scratch] = ['from', 'to', 'scratch'].map(name => path.join(directory.path, name)) as [string, string, string];
	for (const place of [from, to, scratch]) {
		mkdirSync(place);
	}

	return {
		from, to, scratch, [Symbol.asyncDispose]: async () => directory[Symbol.asyncDispose](),
	};
}

asRoot('a copy has every property of every kind of file', async t => {
	await using fixture = await openFixture();
	const {from, to, scratch} = fixture;
	mkdirSync(path.join(from, 'directory'));
	writeFileSync(path.join(from, 'directory/file'), 'text');
	writeFileSync(Buffer.concat([Buffer.from(`${from}/`), Buffer.of(0xFF, 0x0A)]), '');
	linkSync(path.join(from, 'directory/file'), path.join(from, 'another'));
	symlinkSync('/nowhere', path.join(from, 'symlink'));
	linkSync(path.join(from, 'symlink'), path.join(from, 'symlink-2'));
	for (const kind of ['fifo', 'socket', 'character', 'block'] as const) {
		makeDeviceFile(undefined, path.join(from, kind), {
			kind, mode: 0o640, major: 259, minor: 4660,
		});
	}

	chownSync(path.join(from, 'directory/file'), 3_000_000, 7);
	chmodSync(path.join(from, 'directory/file'), 0o4711);
	chmodSync(path.join(from, 'directory'), 0o1777);
	setExtendedAttribute(path.join(from, 'directory'), 'user.bytes', Buffer.of(0, 255));
	setExtendedAttribute(path.join(from, 'directory/file'), 'trusted.host', Buffer.from('x'));
	setExtendedAttribute(path.join(from, 'directory/file'), 'security.capability', Buffer.from('0100000280000000000000000000000000000000', 'hex'));
	for (const name of ['directory/file', 'directory', 'symlink', 'fifo']) {
		setTimes(undefined, path.join(from, name), {atimeNanoseconds: -1n, mtimeNanoseconds: -1_000_000_001n});
	}

	await copyTree({from, to, scratch});
	t.deepEqual(listTree(to), listTree(from));
	for (const name of ['directory/file', 'directory', 'symlink', 'fifo', 'socket']) {
		const [copy, original] = [to, from].map(place => lstatSync(path.join(place, name), {bigint: true}));
		t.is(copy!.mtimeNs, original!.mtimeNs, name);
		t.is(copy!.mode, original!.mode, name);
	}

	t.deepEqual(getExtendedAttribute(path.join(to, 'another'), 'trusted.host'), Buffer.from('x'));
	t.deepEqual(readdirSync(scratch), []);
});

asRoot('holes stay holes', async t => {
	await using fixture = await openFixture();
	const {from, to, scratch} = fixture;
	const file = path.join(from, 'file');
	writeFileSync(file, 'start');
	truncateSync(file, 2 ** 40);
	await copyTree({from, to, scratch});
	const {size, blocks} = statSync(path.join(to, 'file'));
	t.is(size, 2 ** 40);
	t.true(blocks < 100);
});

asRoot('a tree deeper than a path can say is copied, with names of one file in its depth', async t => {
	await using fixture = await openFixture();
	const {from, to, scratch} = fixture;
	const name = 'd'.repeat(200);
	const home = process.cwd();
	process.chdir(from);
	writeFileSync('file', 'text');
	for (let depth = 0; depth < 30; depth++) {
		mkdirSync(name);
		linkSync('file', `${name}/file`);
		process.chdir(name);
	}

	process.chdir(home);
	await copyTree({from, to, scratch});
	process.chdir(to);
	for (let depth = 0; depth < 30; depth++) {
		process.chdir(name);
	}

	t.is(statSync('file').nlink, 31);
	process.chdir(home);
	await Promise.all([from, to].map(async place => removeTree(place)));
});

asRoot('nothing is written over, and no descriptor stays open after an error', async t => {
	await using fixture = await openFixture();
	const {from, to, scratch} = fixture;
	mkdirSync(path.join(from, 'a/b'), {recursive: true});
	writeFileSync(path.join(from, 'a/b/file'), '');
	writeFileSync(path.join(to, 'a'), 'kept');
	const before = readdirSync('/proc/self/fd').length;
	await t.throwsAsync(copyTree({from, to, scratch}), {code: 'EEXIST'});
	t.is(readdirSync('/proc/self/fd').length, before);
});
