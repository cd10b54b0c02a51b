import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {constants, fstatSync, readFileSync} from 'node:fs';
import {
	mkdir,
	symlink,
	writeFile,
} from 'node:fs/promises';
import {join} from 'node:path';
import {Worker} from 'node:worker_threads';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {
	openBeneath,
	openInRoot,
	readFileInRoot,
	realPathInRoot,
	statInRoot,
} from '../../src/linux/resolve.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {O_PATH} from '../../src/linux/constants.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const maximumSize = 1000;

// Makes "etc" by turns a directory and a link to the outside.
const files = new URL('../../src/linux/files.ts', import.meta.url).href;
const swapScript = `
	const {parentPort, workerData: {path, stop, files}} = require('node:worker_threads');
	import(files).then(({renameFile}) => {
		parentPort.postMessage('ready');
		while (Atomics.load(stop, 0) === 0) {
			renameFile({name: path + '/etc'}, {name: path + '/link'}, 'exchange');
		}
	});
`;

/** A root filesystem with hostile links, and a directory beside it that must stay out of reach. */
async function makeRoot(): Promise<AsyncDisposable & {readonly descriptor: Descriptor; readonly path: string; readonly outside: string}> {
	const directory = await makeTemporaryDirectory();
	const path = join(directory.path, 'root');
	const outside = join(directory.path, 'outside');
	await mkdir(join(path, 'etc'), {recursive: true});
	await mkdir(outside);
	await writeFile(join(outside, 'passwd'), 'outside');
	await writeFile(join(path, 'etc/passwd'), 'inside');
	const descriptor = Descriptor.open(path, constants.O_RDONLY);
	return {
		descriptor,
		path,
		outside,
		async [Symbol.asyncDispose]() {
			descriptor.close();
			await directory[Symbol.asyncDispose]();
		},
	};
}

const staysInside = test.macro({
	async exec(t, target: string, path: string) {
		await using root = await makeRoot();
		await symlink(target, join(root.path, 'link'));
		t.is(readFileInRoot(root.descriptor, path, {maximumSize}).toString(), 'inside');
	},
	title: (_title, target: string, path: string) => `${path} with link -> ${target} stays inside the root`,
});

test(staysInside, '/etc', 'link/passwd');
test(staysInside, '../../../../../../etc', '/link/passwd');
test(staysInside, '/../../etc/./passwd', 'link');
test(staysInside, 'etc', '/../../link/../link/passwd');
test(staysInside, '/link2/../etc', '/etc/passwd');

test('a link with the absolute path of an outside file leads to nothing', async t => {
	await using root = await makeRoot();
	await symlink(join(root.outside, 'passwd'), join(root.path, 'link'));
	t.throws(() => readFileInRoot(root.descriptor, 'link', {maximumSize}), {code: 'ENOENT'});
	await symlink('../outside/passwd', join(root.path, 'relative'));
	t.throws(() => readFileInRoot(root.descriptor, 'relative', {maximumSize}), {code: 'ENOENT'});
});

test('a link of procfs to an outside file is refused', t => {
	using root = Descriptor.open('/', constants.O_RDONLY);
	for (const path of ['proc/self/exe', 'proc/self/root/etc/passwd', 'proc/self/cwd', `proc/self/fd/${root.number}/etc`, 'dev/fd/0']) {
		t.throws(() => openInRoot(root, path, {flags: O_PATH}), {code: 'ELOOP'});
		t.throws(() => openBeneath(root, path, {flags: O_PATH}), {instanceOf: LinuxError});
	}
});

test('links in a circle are an error', async t => {
	await using root = await makeRoot();
	await symlink('b', join(root.path, 'a'));
	await symlink('a', join(root.path, 'b'));
	t.throws(() => statInRoot(root.descriptor, 'a'), {code: 'ELOOP', message: 'failed to open a: ELOOP'});
});

test('a descriptor opened in a root is closed on exec', async t => {
	await using root = await makeRoot();
	using file = openInRoot(root.descriptor, 'etc/passwd', {flags: constants.O_RDONLY});
	t.regex(readFileSync(`/proc/self/fdinfo/${file.number}`, 'utf8'), /^flags:\t0[0-7]*2[0-7]{6}$/mv);
});

test('a file made through a link lands inside the root', async t => {
	await using root = await makeRoot();
	await symlink(join(root.outside, 'new'), join(root.path, 'link'));
	await mkdir(join(root.path, root.outside), {recursive: true});
	openInRoot(root.descriptor, 'link', {flags: constants.O_WRONLY | constants.O_CREAT, mode: 0o640}).close();
	using made = openInRoot(root.descriptor, join(root.outside, 'new'), {flags: O_PATH});
	t.is(fstatSync(made.number).mode & 0o777, 0o640);
	t.is(execFileSync('/bin/ls', [root.outside], {encoding: 'utf8'}), 'passwd\n');
});

test('a link in the last place can be looked at itself', async t => {
	await using root = await makeRoot();
	await symlink('etc', join(root.path, 'link'));
	t.true(statInRoot(root.descriptor, 'link')?.isDirectory());
	t.true(statInRoot(root.descriptor, 'link', {followLast: false})?.isSymbolicLink());
});

test('what is not there has no status', async t => {
	await using root = await makeRoot();
	t.is(statInRoot(root.descriptor, 'none/at/all'), undefined);
	t.is(statInRoot(root.descriptor, 'etc/passwd/below'), undefined);
});

test('beneath a directory, whatever leads out is refused', async t => {
	await using root = await makeRoot();
	await symlink('../outside', join(root.path, 'relative'));
	await symlink('/etc', join(root.path, 'absolute'));
	await symlink('etc/../etc', join(root.path, 'good'));
	for (const path of ['..', '/etc/passwd', 'etc/../../outside', 'relative/passwd', 'absolute/passwd']) {
		t.throws(() => openBeneath(root.descriptor, path, {flags: O_PATH}), {code: 'EXDEV'});
	}

	using file = openBeneath(root.descriptor, 'good/passwd', {flags: constants.O_RDONLY});
	t.is(readFileSync(file.number, 'utf8'), 'inside');
});

test('a fifo named passwd is refused without waiting for its writer', async t => {
	await using root = await makeRoot();
	execFileSync('/usr/bin/mkfifo', [join(root.path, 'fifo')]);
	t.throws(() => readFileInRoot(root.descriptor, 'fifo', {maximumSize}), {
		code: 'ERR_TSBUILD_NOT_A_FILE',
		message: 'failed to read fifo: not a regular file',
	});
	t.throws(() => readFileInRoot(root.descriptor, 'etc', {maximumSize}), {code: 'ERR_TSBUILD_NOT_A_FILE'});
});

test('a file may have the maximum size and no byte more', async t => {
	await using root = await makeRoot();
	await writeFile(join(root.path, 'fits'), Buffer.alloc(maximumSize, 'x'));
	await writeFile(join(root.path, 'large'), Buffer.alloc(maximumSize + 1));
	t.is(readFileInRoot(root.descriptor, 'fits', {maximumSize}).length, maximumSize);
	t.throws(() => readFileInRoot(root.descriptor, 'large', {maximumSize}), {
		code: 'ERR_TSBUILD_FILE_TOO_LARGE',
		message: 'failed to read large: larger than 1000 bytes',
	});
});

test('a file larger than one read is read whole', async t => {
	await using root = await makeRoot();
	const bytes = Buffer.alloc(200_000, 'tsbuild');
	await writeFile(join(root.path, 'file'), bytes);
	t.true(readFileInRoot(root.descriptor, 'file', {maximumSize: 1_000_000}).equals(bytes));
});

test('the real path is told from the root on', async t => {
	await using root = await makeRoot();
	await symlink('/etc/../etc', join(root.path, 'link'));
	t.is(realPathInRoot(root.descriptor, 'link/passwd').toString(), '/etc/passwd');
	t.is(realPathInRoot(root.descriptor, '/../..').toString(), '/');
	using host = Descriptor.open('/', constants.O_RDONLY);
	t.is(realPathInRoot(host, 'proc/../proc').toString(), '/proc');
});

test('names that are not UTF-8 are found and told byte by byte', async t => {
	await using root = await makeRoot();
	const name = Buffer.from([0x61, 0xFF, 0xFE]);
	await writeFile(Buffer.concat([Buffer.from(`${root.path}/`), name]), 'bytes');
	t.is(readFileInRoot(root.descriptor, name, {maximumSize}).toString(), 'bytes');
	t.deepEqual(realPathInRoot(root.descriptor, name), Buffer.concat([Buffer.from('/'), name]));
});

test('a path with a NUL byte is refused', async t => {
	await using root = await makeRoot();
	t.throws(() => readFileInRoot(root.descriptor, 'etc/passwd\0.txt', {maximumSize}), {code: 'ERR_TSBUILD_INVALID_PATH'});
});

test('while directories and links change places, nothing outside is ever read', async t => {
	await using root = await makeRoot();
	await symlink('../outside', join(root.path, 'link'));
	const stop = new Int32Array(new SharedArrayBuffer(4));
	const swapper = new Worker(swapScript, {eval: true, workerData: {path: root.path, stop, files}});
	await once(swapper, 'message');

	const seen = new Set<string>();
	for (let round = 0; round < 1000; round++) {
		seen.add(tryRead(root.descriptor, 'etc/../etc/passwd'));
	}

	Atomics.store(stop, 0, 1);
	await once(swapper, 'exit');
	t.false(seen.has('outside'));
	t.true(seen.has('inside'));
});

function tryRead(root: Descriptor, path: string): string {
	try {
		return readFileInRoot(root, path, {maximumSize}).toString();
	} catch (error) {
		return String((error as NodeJS.ErrnoException).code);
	}
}
