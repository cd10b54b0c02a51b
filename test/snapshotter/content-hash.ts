import {Buffer} from 'node:buffer';
import {hash} from 'node:crypto';
import {
	chmod,
	chown,
	link,
	lutimes,
	mkdir,
	rename,
	rm,
	stat,
	symlink,
	truncate,
	utimes,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {hashTree, type HashTreeOptions} from '../../snapshotter/content-hash.ts';
import {FileDigests} from '../../snapshotter/file-digests.ts';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {errorCode} from '../../src/kernel/errors.ts';
import {asRoot} from '../support/conditions.ts';
import {runCommand, runProgram} from '../support/run-program.ts';
import {swapAllTheTime} from '../support/swap-all-the-time.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const changes = test.macro({
	async exec(t, change: (directory: string) => Promise<void>) {
		await using directory = await makeTree();
		const before = await hashDirectory(directory.path);
		await change(directory.path);
		t.not(await hashDirectory(directory.path), before);
	},
	title: what => `the digest changes with ${what!}`,
});

test('the content of a file', changes, async tree => writeFile(path.join(tree, 'file'), 'TEXT'));
test('the content of a large file', changes, async tree => writeFile(path.join(tree, 'large'), Buffer.alloc(3_000_000, 'y')));
test('the length of a file of zeros', changes, async tree => truncate(path.join(tree, 'zeros'), 10_001));
test('the mode of a file', changes, async tree => chmod(path.join(tree, 'file'), 0o600));
test('the set-user-ID bit of a file', changes, async tree => chmod(path.join(tree, 'file'), 0o4644));
test('the mode of a directory', changes, async tree => chmod(path.join(tree, 'folder'), 0o700));
test('the mode of the directory itself', changes, async tree => chmod(tree, 0o750));
test('the name of a file', changes, async tree => rename(path.join(tree, 'file'), path.join(tree, 'file2')));
test('an additional empty directory', changes, async tree => mkdir(path.join(tree, 'folder', 'empty')));
test('a file in place of an empty directory', changes, async tree => {
	await rm(path.join(tree, 'folder/deep'), {recursive: true});
	await writeFile(path.join(tree, 'folder/deep'), '');
});
test('the target of a link', changes, async tree => {
	await rm(path.join(tree, 'link'));
	await symlink('other', path.join(tree, 'link'));
});
test('a user attribute', changes, async tree => {
	setExtendedAttribute(path.join(tree, 'file'), 'user.test', Buffer.from([0, 255]));
});
test('a file that has moved to the directory above', changes, async tree => rename(path.join(tree, 'folder/deep/file'), path.join(tree, 'folder/file')));

const keeps = test.macro({
	async exec(t, change: (directory: string) => Promise<void>, options: Partial<HashTreeOptions> = {}) {
		await using directory = await makeTree();
		const before = await hashDirectory(directory.path, options);
		await change(directory.path);
		t.is(await hashDirectory(directory.path, options), before);
	},
	title: what => `the digest does not change with ${what!}`,
});

test('the times of files, directories and links', keeps, async tree => {
	await utimes(path.join(tree, 'file'), 1, 1);
	await utimes(path.join(tree, 'folder'), 1, 1);
	await lutimes(path.join(tree, 'link'), 1, 1);
});
test('the name of the directory itself', keeps, async tree => {
	await rename(tree, `${tree}-moved`);
	await rename(`${tree}-moved`, tree);
});
test('a hard link in place of a copy', keeps, async tree => {
	await rm(path.join(tree, 'folder/deep/file'));
	await link(path.join(tree, 'file'), path.join(tree, 'folder/deep/file'));
});
test('an excluded file', keeps, async tree => writeFile(path.join(tree, 'file'), 'TEXT'), {filter: name => name === 'file' ? 'excluded' : 'included'});
test('anything below an excluded directory', keeps, async tree => writeFile(path.join(tree, 'folder/new'), ''), {filter: name => name === 'folder' ? 'excluded' : 'included'});

asRoot('owners count for trees of images and not for build contexts', async t => {
	await using directory = await makeTree();
	const before = await hashDirectory(directory.path);
	const contextBefore = await hashDirectory(directory.path, {zeroOwner: true});
	await chown(path.join(directory.path, 'file'), 1000, 1000);
	t.not(await hashDirectory(directory.path), before);
	t.is(await hashDirectory(directory.path, {zeroOwner: true}), contextBefore);
});

asRoot('capabilities count, other attributes of the system do not', async t => {
	await using directory = await makeTree();
	const file = path.join(directory.path, 'file');
	const before = await hashDirectory(directory.path);
	setExtendedAttribute(file, 'trusted.overlay.opaque', Buffer.from('y'));
	t.is(await hashDirectory(directory.path), before);
	await runCommand('setcap', ['cap_net_raw+ep', file]);
	t.not(await hashDirectory(directory.path), before);
});

asRoot('devices and fifos are not opened, and differ by their numbers', async t => {
	await using directory = await makeTemporaryDirectory();
	const device = path.join(directory.path, 'device');
	await runCommand('mkfifo', [path.join(directory.path, 'fifo')]);
	await runCommand('mknod', [device, 'c', '1', '5']);
	const before = await hashDirectory(directory.path);
	await rm(device);
	await runCommand('mknod', [device, 'c', '1', '3']);
	t.not(await hashDirectory(directory.path), before);
});

test('the order in which files were made does not matter', async t => {
	const names = ['a', 'B', 'é', 'z', 'a-b', 'a.b', 'ab'];
	const digests = [];
	for (const order of [names, names.toReversed()]) {
		await using directory = await makeTemporaryDirectory();
		for (const name of order) {
			await writeFile(path.join(directory.path, name), name);
		}

		digests.push(await hashDirectory(directory.path));
	}

	t.is(digests[0], digests[1]);
});

test('names are bytes', async t => {
	await using directory = await makeTemporaryDirectory();
	const digests = new Set();
	for (const byte of [0xFE, 0xFF]) {
		const file = Buffer.concat([Buffer.from(`${directory.path}/`), Buffer.of(byte)]);
		await writeFile(file, '');
		digests.add(await hashDirectory(directory.path));
		await rm(file);
	}

	t.is(digests.size, 2);
});

test('what is in a name cannot look like another entry', async t => {
	const digests = new Set();
	for (const names of [['a', 'b'], ['a\nb'], ['a:b'], ['ab', ''], ['1:a']]) {
		await using directory = await makeTemporaryDirectory();
		for (const name of names) {
			await writeFile(path.join(directory.path, `x${name}`), '');
		}

		digests.add(await hashDirectory(directory.path));
	}

	t.is(digests.size, 5);
});

test('a path to a file gives the digest of the file', async t => {
	await using directory = await makeTree();
	const digest = await hashDirectory(directory.path, {path: '/file'});
	t.is(await hashDirectory(directory.path, {path: 'folder/deep/file'}), digest);
	t.not(await hashDirectory(directory.path, {path: 'zeros'}), digest);
});

test('a link in the last place is followed, inside the root', async t => {
	await using directory = await makeTree();
	await symlink('/file', path.join(directory.path, 'absolute'));
	await symlink('../../../../../file', path.join(directory.path, 'relative'));
	const digest = await hashDirectory(directory.path, {path: 'file'});
	t.is(await hashDirectory(directory.path, {path: 'absolute'}), digest);
	t.is(await hashDirectory(directory.path, {path: 'relative'}), digest);
	t.is(await hashDirectory(directory.path, {path: 'folder/../../../relative'}), digest);
});

test('a link that leads out leads nowhere', async t => {
	await using directory = await makeTree();
	await symlink('/etc/passwd', path.join(directory.path, 'escape'));
	await t.throwsAsync(hashDirectory(directory.path, {path: 'escape'}), {code: 'ENOENT'});
	await t.throwsAsync(hashDirectory(directory.path, {path: 'missing'}), {code: 'ENOENT'});
	await t.throwsAsync(hashDirectory(directory.path, {path: 'file/x'}), {code: 'ENOTDIR'});
});

test('a link of procfs is refused', async t => {
	using root = Descriptor.open('/', 0);
	await t.throwsAsync(hashTree(root, {path: '/proc/self/root/etc/hostname', zeroOwner: false}), {code: 'ELOOP'});
});

test('a passage counts when something in it does', async t => {
	await using directory = await makeTree();
	const filterFor = (included: string): HashTreeOptions['filter'] => name => {
		if (name === included) {
			return 'included';
		}

		return included.startsWith(`${name}/`) ? 'passage' : 'excluded';
	};

	const nothing = await hashDirectory(directory.path, {filter: () => 'excluded'});
	const missing = await hashDirectory(directory.path, {filter: filterFor('folder/deep/missing')});
	const found = await hashDirectory(directory.path, {filter: filterFor('folder/deep/file')});
	t.is(missing, nothing);
	t.not(found, nothing);
	await chmod(path.join(directory.path, 'folder'), 0o711);
	t.not(await hashDirectory(directory.path, {filter: filterFor('folder/deep/file')}), found);
});

test('the filter gets paths relative to the selected directory', async t => {
	await using directory = await makeTree();
	const seen: Array<[string, boolean]> = [];
	await hashDirectory(directory.path, {
		path: 'folder',
		filter(name, isDirectory) {
			seen.push([name, isDirectory]);
			return 'included';
		},
	});
	t.deepEqual(seen, [['deep', true], ['deep/file', false]]);
});

test('a directory and a link that change places all the time lead nowhere else', async t => {
	await using directory = await makeTemporaryDirectory();
	await using outside = await makeTemporaryDirectory();
	await writeFile(path.join(outside.path, 'canary'), 'secret');
	const tree = path.join(directory.path, 'tree');
	const makeFolder = async (name: string) => {
		await mkdir(path.join(tree, name), {recursive: true});
		await writeFile(path.join(tree, name, 'file'), 'text');
	};

	const makeLink = async (name: string) => symlink(outside.path, path.join(tree, name));
	const expected = new Set<unknown>();
	for (const [first, second] of [[makeFolder, makeFolder], [makeLink, makeLink], [makeLink, makeFolder], [makeFolder, makeLink]] as const) {
		await rm(tree, {recursive: true, force: true});
		await mkdir(tree);
		await first('a');
		await second('b');
		expected.add(await hashDirectory(tree));
	}

	await using _swapper = await swapAllTheTime(path.join(tree, 'a'), path.join(tree, 'b'));
	const outcomes = new Set<unknown>();
	for (let round = 0; round < 500; round++) {
		try {
			const digest = await hashDirectory(tree);
			outcomes.add(digest);
		} catch (error) {
			outcomes.add(errorCode(error));
		}
	}

	t.deepEqual([...outcomes].filter(outcome => !expected.has(outcome) && outcome !== 'ERR_TSBUILD_FILE_CHANGED'), []);
});

test('an aborted signal ends it with its reason', async t => {
	await using directory = await makeTree();
	const controller = new AbortController();
	const hashing = hashDirectory(directory.path, {
		filter() {
			controller.abort(new Error('enough'));
			return 'included';
		},
		signal: controller.signal,
	});
	await t.throwsAsync(hashing, {message: 'enough'});
	await t.throwsAsync(hashDirectory(directory.path, {signal: controller.signal}), {message: 'enough'});
});

test('no descriptor stays open', async t => {
	await using directory = await makeTree();
	await hashDirectory(directory.path);
	await hashDirectory(directory.path, {path: 'large'});
	const program = `
		import fs from 'node:fs';
		import {hashTree} from ${JSON.stringify(import.meta.resolve('../../snapshotter/content-hash.ts'))};
		import {Descriptor} from ${JSON.stringify(import.meta.resolve('../../src/linux/descriptor.ts'))};
		using root = Descriptor.open(process.argv[1], 0);
		const count = () => fs.readdirSync('/proc/self/fd').length;
		await hashTree(root, {path: '.', zeroOwner: false});
		const before = count();
		await hashTree(root, {path: '.', zeroOwner: false});
		await hashTree(root, {path: '.', zeroOwner: false, filter() { throw new Error('stop'); }}).catch(() => {});
		await hashTree(root, {path: 'missing', zeroOwner: false}).catch(() => {});
		console.log(count() - before);
	`;
	t.is(await runProgram(program, [directory.path]), '0\n');
});

test('a file that is known is not read again, until anything about it changes', async t => {
	await using directory = await makeTree();
	await using store = await makeTemporaryDirectory();
	using metadata = openMetadata(store.path);
	const file = path.join(directory.path, 'file');
	const hashRemembering = async () => {
		using fileDigests = new FileDigests(metadata);
		return await hashDirectory(directory.path, {path: 'file', fileDigests});
	};

	const first = await hashRemembering();
	t.is(metadata.statement('SELECT count(*) AS count FROM file_digests').get()?.count, 0, 'a file that was just written is not remembered');

	const remember = async (sha256: string) => metadata
		.statement('INSERT OR REPLACE INTO file_digests (device, inode, size, modified_at, changed_at, sha256, attributes) VALUES (?, ?, ?, ?, ?, ?, \'\')')
		.run(...await stateOf(file), sha256);
	await remember(hash('sha256', 'text'));
	t.is(await hashRemembering(), first, 'what is remembered gives the same digest');
	await remember('f'.repeat(64));
	t.not(await hashRemembering(), first, 'the remembered digest is used');

	await chmod(file, 0o600);
	await chmod(file, 0o644);
	t.is(await hashRemembering(), first, 'the status has changed, so it is read');
});

async function makeTree() {
	const directory = await makeTemporaryDirectory();
	const root = directory.path;
	await mkdir(path.join(root, 'folder/deep'), {recursive: true});
	await Promise.all([
		writeFile(path.join(root, 'file'), 'text'),
		writeFile(path.join(root, 'folder/deep/file'), 'text'),
		writeFile(path.join(root, 'large'), Buffer.alloc(3_000_000, 'x')),
		writeFile(path.join(root, 'zeros'), Buffer.alloc(10_000)),
		symlink('file', path.join(root, 'link')),
	]);
	return directory;
}

async function hashDirectory(directory: string, options: Partial<HashTreeOptions> = {}) {
	using root = Descriptor.open(directory, 0);
	return await hashTree(root, {path: '.', zeroOwner: false, ...options});
}

async function stateOf(file: string): Promise<[bigint, bigint, bigint, bigint, bigint]> {
	const status = await stat(file, {bigint: true});
	return [status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs];
}
