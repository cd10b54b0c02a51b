import {Buffer} from 'node:buffer';
import {
	chmodSync,
	constants,
	lstatSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {O_DIRECTORY, O_NOFOLLOW, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {
	changeMode,
	changeOwner,
	linkFile,
	makeDeviceFile,
	makeDirectory,
	makeSymbolicLink,
	readSymbolicLink,
	removeDirectory,
	removeFile,
	renameFile,
	setTimes,
	syncFileSystem,
	type DeviceKind,
} from '../../src/linux/files.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

type Opened = AsyncDisposable & {
	readonly path: string;
	readonly descriptor: Descriptor;
};

/** A directory with a file and a link to it. */
async function openDirectory(): Promise<Opened> {
	const temporary = await makeTemporaryDirectory();
	const {path} = temporary;
	writeFileSync(join(path, 'file'), 'content');
	symlinkSync('file', join(path, 'link'));
	const descriptor = Descriptor.open(path, constants.O_RDONLY);
	return {
		path,
		descriptor,
		async [Symbol.asyncDispose]() {
			descriptor.close();
			await temporary[Symbol.asyncDispose]();
		},
	};
}

const times = test.macro({
	async exec(t, nanoseconds: bigint) {
		await using directory = await openDirectory();
		setTimes(directory.descriptor, 'file', {atimeNanoseconds: nanoseconds, mtimeNanoseconds: nanoseconds});
		const {atimeNs, mtimeNs} = statSync(join(directory.path, 'file'), {bigint: true});
		t.deepEqual({atimeNs, mtimeNs}, {atimeNs: nanoseconds, mtimeNs: nanoseconds});
	},
	title: (_title, nanoseconds: bigint) => `a time of ${nanoseconds} ns since 1970 is kept`,
});

test(times, 0n);
test(times, 1_700_000_000_123_456_789n);
test(times, -1n);
test(times, -1_000_000_000n);
test(times, -1_500_000_000n);
test(times, 4_294_967_296_000_000_001n);

test('the access time stays when only the other is set', async t => {
	await using directory = await openDirectory();
	setTimes(directory.descriptor, 'file', {atimeNanoseconds: 1n, mtimeNanoseconds: 1n});
	setTimes(directory.descriptor, 'file', {mtimeNanoseconds: 2n});
	const {atimeNs, mtimeNs} = statSync(join(directory.path, 'file'), {bigint: true});
	t.deepEqual({atimeNs, mtimeNs}, {atimeNs: 1n, mtimeNs: 2n});
});

test('times are those of a link itself, or of its target when asked', async t => {
	await using directory = await openDirectory();
	setTimes(directory.descriptor, 'link', {mtimeNanoseconds: 5n});
	t.is(lstatSync(join(directory.path, 'link'), {bigint: true}).mtimeNs, 5n);
	t.not(statSync(join(directory.path, 'file'), {bigint: true}).mtimeNs, 5n);
	setTimes(directory.descriptor, 'link', {mtimeNanoseconds: 6n, followLink: true});
	t.is(statSync(join(directory.path, 'file'), {bigint: true}).mtimeNs, 6n);
});

test('an empty name is what the descriptor is open on, also by O_PATH', async t => {
	await using directory = await openDirectory();
	using link = openFile(directory.descriptor, 'link', {flags: O_PATH | O_NOFOLLOW});
	setTimes(link, '', {mtimeNanoseconds: 5n});
	changeOwner(link, '', {uid: 12, gid: 34});
	const {mtimeNs, uid, gid} = lstatSync(join(directory.path, 'link'), {bigint: true});
	t.deepEqual({mtimeNs, uid, gid}, {mtimeNs: 5n, uid: 12n, gid: 34n});
	t.is(readSymbolicLink(link, '').toString(), 'file');

	using file = openFile(directory.descriptor, 'file', {flags: O_PATH});
	changeMode(file, '', 0o4711);
	t.is(statSync(join(directory.path, 'file')).mode & 0o7777, 0o4711);
});

type DeviceNumbers = {
	readonly major: number;
	readonly minor: number;
	readonly raw: bigint;
};

const device = test.macro({
	async exec(t, kind: DeviceKind, numbers: DeviceNumbers) {
		await using directory = await openDirectory();
		makeDeviceFile(directory.descriptor, 'device', {kind, mode: 0o600, ...numbers});
		const status = lstatSync(join(directory.path, 'device'), {bigint: true});
		t.deepEqual([status.isBlockDevice(), status.isCharacterDevice(), status.isFIFO(), status.isSocket()], [kind === 'block', kind === 'character', kind === 'fifo', kind === 'socket']);
		t.is(status.rdev, numbers.raw);
	},
	title: (_title, kind: string, {major, minor}: DeviceNumbers) => `a ${kind} file is made with device ${major}:${minor}`,
});

// https://man7.org/linux/man-pages/man3/makedev.3.html: the low 8 bits of the minor number, 12 of the major, the rest of the minor.
test(device, 'character', {major: 0, minor: 0, raw: 0n});
test(device, 'character', {major: 1, minor: 3, raw: 0x01_03n});
test(device, 'block', {major: 259, minor: 4660, raw: 0x1_21_03_34n});
test(device, 'fifo', {major: 0, minor: 0, raw: 0n});
test(device, 'socket', {major: 0, minor: 0, raw: 0n});

test('the owner is that of a link itself', async t => {
	await using directory = await openDirectory();
	changeOwner(directory.descriptor, 'link', {uid: 3_000_000, gid: 4_294_967_294});
	const {uid, gid} = lstatSync(join(directory.path, 'link'));
	t.deepEqual({uid, gid}, {uid: 3_000_000, gid: 4_294_967_294});
	t.is(statSync(join(directory.path, 'file')).uid, 0);
});

test('the mode of a link\'s target is never changed through the link', async t => {
	await using directory = await openDirectory();
	chmodSync(join(directory.path, 'file'), 0o640);
	t.throws(() => {
		changeMode(directory.descriptor, 'link', 0o777);
	}, {code: 'ENOTSUP', message: 'failed to change mode of link: ENOTSUP'});
	t.is(statSync(join(directory.path, 'file')).mode & 0o7777, 0o640);
});

test('a mode has its special bits', async t => {
	await using directory = await openDirectory();
	changeMode(directory.descriptor, 'file', 0o7755);
	t.is(statSync(join(directory.path, 'file')).mode & 0o7777, 0o7755);
});

test('a symbolic link may lead anywhere and have any bytes', async t => {
	await using directory = await openDirectory();
	const target = Buffer.from([0x2F, 0xFF, 0x20]);
	makeSymbolicLink(directory.descriptor, Buffer.from([0xFE]), target);
	t.deepEqual(readSymbolicLink(directory.descriptor, Buffer.from([0xFE])), target);
	makeSymbolicLink(directory.descriptor, 'long', 'x'.repeat(4095));
	t.is(readSymbolicLink(directory.descriptor, 'long').length, 4095);
});

test('a hard link is one of a symbolic link itself', async t => {
	await using directory = await openDirectory();
	linkFile({directory: directory.descriptor, name: 'link'}, {directory: directory.descriptor, name: 'second'});
	t.true(lstatSync(join(directory.path, 'second')).isSymbolicLink());
	t.throws(() => {
		linkFile({directory: directory.descriptor, name: 'file'}, {directory: directory.descriptor, name: 'second'});
	}, {code: 'EEXIST'});
});

test('an opened file gets a name by a hard link', async t => {
	await using directory = await openDirectory();
	using file = openFile(directory.descriptor, 'file', {flags: O_PATH});
	linkFile({directory: file, name: ''}, {directory: directory.descriptor, name: 'second'});
	t.is(readFileSync(join(directory.path, 'second'), 'utf8'), 'content');
});

test('names are removed by their kind', async t => {
	await using directory = await openDirectory();
	makeDirectory(directory.descriptor, 'directory', 0o700);
	t.throws(() => {
		removeFile(directory.descriptor, 'directory');
	}, {code: 'EISDIR'});
	t.throws(() => {
		removeDirectory(directory.descriptor, 'link');
	}, {code: 'ENOTDIR'});
	removeFile(directory.descriptor, 'link');
	removeDirectory(directory.descriptor, 'directory');
	t.deepEqual(readdirSync(directory.path), ['file']);
});

test('making a directory does not follow a link that leads to nothing', async t => {
	await using directory = await openDirectory();
	symlinkSync('nothing', join(directory.path, 'dangling'));
	t.throws(() => {
		makeDirectory(directory.descriptor, 'dangling', 0o700);
	}, {code: 'EEXIST', message: 'failed to make directory dangling: EEXIST'});
});

test('a rename replaces, keeps or exchanges what is there', async t => {
	await using directory = await openDirectory();
	writeFileSync(join(directory.path, 'other'), 'other');
	const place = (name: string) => ({directory: directory.descriptor, name});
	t.throws(() => {
		renameFile(place('file'), place('other'), 'keep');
	}, {code: 'EEXIST'});
	renameFile(place('file'), place('other'), 'exchange');
	t.is(readFileSync(join(directory.path, 'file'), 'utf8'), 'other');
	renameFile(place('file'), place('other'));
	t.is(readFileSync(join(directory.path, 'other'), 'utf8'), 'other');
	t.false(readdirSync(directory.path).includes('file'));
});

test('a file system is synced by any of its files', async t => {
	await using directory = await openDirectory();
	t.notThrows(() => {
		syncFileSystem(directory.descriptor);
	});
	t.throws(() => {
		syncFileSystem(-1);
	}, {code: 'EBADF'});
});

test('a file that is missing is named in the error', async t => {
	await using directory = await openDirectory();
	t.throws(() => openFile(directory.descriptor, 'none', {flags: O_PATH}), {code: 'ENOENT', message: 'failed to open none: ENOENT'});
	t.throws(() => openFile(directory.descriptor, 'file', {flags: O_PATH | O_DIRECTORY}), {code: 'ENOTDIR'});
});
