import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import {
	constants,
	fstatSync,
	readdirSync,
	statSync,
} from 'node:fs';
import {mkdir, symlink, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import process from 'node:process';
import {Worker} from 'node:worker_threads';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectoriesInRoot} from '../../src/linux/make-directories.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

// Makes `a` a directory, then for a moment missing, then a link to the outside.
const swapScript = `
	const {renameSync} = require('node:fs');
	const {parentPort, workerData: {root, stop}} = require('node:worker_threads');
	parentPort.postMessage('ready');
	while (Atomics.load(stop, 0) === 0) {
		try {
			renameSync(root + '/a', root + '/b');
			renameSync(root + '/link', root + '/a');
			renameSync(root + '/a', root + '/link');
			renameSync(root + '/b', root + '/a');
		} catch {
			// The other thread has made "a" in the moment in which it was missing.
		}
	}
`;

const attributes = {
	mode: 0o751, uid: 1234, gid: 2345, mtimeNanoseconds: 1_500_000_000_123_456_789n,
};

type Made = AsyncDisposable & {
	readonly root: string;
	readonly outside: string;
	readonly created: readonly string[];
	readonly directory: Descriptor;
};

/** Makes a path in a fresh root, after `prepare` has put something there. */
async function make(path: string, prepare?: (root: string) => Promise<void>): Promise<Made> {
	const temporary = await makeTemporaryDirectory();
	const root = join(temporary.path, 'root');
	const outside = join(temporary.path, 'outside');
	await mkdir(root);
	await mkdir(outside);
	await prepare?.(root);
	using descriptor = Descriptor.open(root, constants.O_RDONLY);
	const {directory, created} = makeDirectoriesInRoot(descriptor, path, attributes);
	return {
		root,
		outside,
		directory,
		created: created.map(String),
		async [Symbol.asyncDispose]() {
			directory.close();
			await temporary[Symbol.asyncDispose]();
		},
	};
}

test('all missing directories are made, with owner, mode and time', async t => {
	await using made = await make('/a/b//./c/');
	t.deepEqual(made.created, ['/a', '/a/b', '/a/b/c']);
	for (const path of made.created) {
		const {uid, gid, mode, mtimeNs} = statSync(join(made.root, path), {bigint: true});
		t.deepEqual({
			uid, gid, mode, mtimeNs,
		}, {
			uid: 1234n, gid: 2345n, mode: 0o4_0751n, mtimeNs: attributes.mtimeNanoseconds,
		});
	}

	t.is(fstatSync(made.directory.number).ino, statSync(join(made.root, 'a/b/c')).ino);
});

test('directories that are there stay as they are', async t => {
	await using made = await make('a/b', async root => {
		await mkdir(join(root, 'a'), {mode: 0o700});
	});
	t.deepEqual(made.created, ['/a/b']);
	t.is(statSync(join(made.root, 'a')).uid, process.getuid!());
});

test.serial('the umask has no effect', async t => {
	const before = process.umask(0o077);
	await using made = await make('a');
	process.umask(before);
	t.is(statSync(join(made.root, 'a')).mode & 0o777, 0o751);
});

test('the root itself can be asked for', async t => {
	await using made = await make('/../.');
	t.deepEqual(made.created, []);
	t.is(fstatSync(made.directory.number).ino, statSync(made.root).ino);
});

const staysInside = test.macro({
	async exec(t, target: string, expected: readonly string[]) {
		await using made = await make('link/new', async root => {
			await symlink(target, join(root, 'link'));
		});
		t.deepEqual(readdirSync(made.outside), []);
		t.deepEqual(made.created.slice(-expected.length), expected);
		const last = join(made.root, expected.at(-1)!);
		t.true(statSync(last).isDirectory());
	},
	title: (_title, target: string) => `through a link -> ${target} directories are made inside the root`,
});

test(staysInside, '/etc', ['/etc', '/etc/new']);
test(staysInside, '../../../../outside', ['/outside', '/outside/new']);
test(staysInside, 'a/../../b', ['/a', '/b', '/b/new']);
test(staysInside, '.', ['/new']);
test(staysInside, '/', ['/new']);

test('a link with the absolute path of an outside directory makes that path inside', async t => {
	await using made = await make('link/new', async root => {
		await symlink(join(root, '../outside'), join(root, 'link'));
	});
	t.deepEqual(readdirSync(made.outside), []);
	t.true(statSync(join(made.root, made.outside, 'new')).isDirectory());
});

test('links in a circle are an error', async t => {
	await t.throwsAsync(make('link/new', async root => {
		await symlink('/link/x', join(root, 'link'));
	}), {code: 'ELOOP', message: 'failed to make directory link/new: ELOOP'});
});

test('a file in the way is an error, at the end and before', async t => {
	for (const path of ['file', 'file/new', 'link']) {
		await t.throwsAsync(make(path, async root => {
			await writeFile(join(root, 'file'), '');
			await symlink('file', join(root, 'link'));
		}), {code: 'ENOTDIR'});
	}
});

test('names that are not UTF-8 are made byte by byte', async t => {
	await using temporary = await makeTemporaryDirectory();
	using root = Descriptor.open(temporary.path, constants.O_RDONLY);
	const path = Buffer.from([0xFF, 0x2F, 0xC3, 0x28]);
	const {directory, created} = makeDirectoriesInRoot(root, path, attributes);
	directory.close();
	t.deepEqual(created, [Buffer.from([0x2F, 0xFF]), Buffer.from([0x2F, 0xFF, 0x2F, 0xC3, 0x28])]);
	t.deepEqual(readdirSync(temporary.path, {encoding: 'buffer'}), [Buffer.from([0xFF])]);
});

test.serial('no descriptor is left open, neither after success nor after an error', async t => {
	await using temporary = await makeTemporaryDirectory();
	using root = Descriptor.open(temporary.path, constants.O_RDONLY);
	await writeFile(join(temporary.path, 'file'), '');
	const before = readdirSync('/proc/self/fd').length;
	makeDirectoriesInRoot(root, 'a/b/../c', attributes).directory.close();
	t.throws(() => makeDirectoriesInRoot(root, 'a/b/../../file/x', attributes));
	t.is(readdirSync('/proc/self/fd').length, before);
});

test('while another thread swaps a directory with a link, nothing is made outside', async t => {
	await using temporary = await makeTemporaryDirectory();
	const root = join(temporary.path, 'root');
	const outside = join(temporary.path, 'outside');
	await mkdir(join(root, 'a'), {recursive: true});
	await mkdir(outside);
	await symlink(outside, join(root, 'link'));
	const stop = new Int32Array(new SharedArrayBuffer(4));
	const swapper = new Worker(swapScript, {eval: true, workerData: {root, stop}});
	await once(swapper, 'message');

	using descriptor = Descriptor.open(root, constants.O_RDONLY);
	const realPaths = new Set<string>();
	for (let round = 0; round < 200; round++) {
		const {directory, created} = makeDirectoriesInRoot(descriptor, `a/${round}/x`, attributes);
		directory.close();
		realPaths.add(created.at(-1)!.toString());
	}

	Atomics.store(stop, 0, 1);
	await once(swapper, 'exit');
	t.deepEqual(readdirSync(outside), []);
	t.is(realPaths.size, 200);
});
