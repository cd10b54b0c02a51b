import {Buffer} from 'node:buffer';
import {
	constants,
	readFileSync,
	statSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {
	allocate,
	cloneFile,
	copyRange,
	readDataSegments,
} from '../../src/linux/file-data.ts';
import {runOnBtrfs, whereBtrfs} from '../support/on-btrfs.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const mebibyte = 1024 * 1024;

test('only the data of a sparse file is told', async t => {
	await using directory = await makeTemporaryDirectory();
	using file = Descriptor.open(join(directory.path, 'file'), constants.O_RDWR | constants.O_CREAT);
	writeSync(file.number, 'first', mebibyte);
	writeSync(file.number, 'second', 3 * mebibyte);
	truncateSync(join(directory.path, 'file'), 8 * mebibyte);
	const segments = [...readDataSegments(file)];
	t.is(segments.length, 2);
	t.is(segments[0]?.offset, mebibyte);
	t.is(segments[1]?.offset, 3 * mebibyte);
	t.true(segments.every(({length}) => length >= 6 && length < mebibyte));
});

test('a file without holes is one segment, an empty one and one of zeros none', async t => {
	await using directory = await makeTemporaryDirectory();
	using file = Descriptor.open(join(directory.path, 'file'), constants.O_RDWR | constants.O_CREAT);
	t.deepEqual([...readDataSegments(file)], []);
	truncateSync(join(directory.path, 'file'), mebibyte);
	t.deepEqual([...readDataSegments(file)], []);
	writeSync(file.number, Buffer.alloc(5000, 1), 0, 5000, 0);
	truncateSync(join(directory.path, 'file'), 5000);
	t.deepEqual([...readDataSegments(file)], [{offset: 0, length: 5000}]);
});

test('a file is given blocks for all of its bytes, and keeps what it has', async t => {
	await using directory = await makeTemporaryDirectory();
	using file = Descriptor.open(join(directory.path, 'file'), constants.O_RDWR | constants.O_CREAT);
	writeSync(file.number, 'end', mebibyte - 3);
	t.true(allocate(file, mebibyte));
	const {size, blocks} = statSync(file.path);
	t.is(size, mebibyte);
	t.true(blocks * 512 >= mebibyte);
	t.is(readFileSync(file.path, 'utf8').replaceAll('\0', ''), 'end');
});

whereBtrfs('a file shares its blocks with another where the file system can do that', async t => {
	const output = await runOnBtrfs(`
		import process from 'node:process';
		import {closeSync, openSync, readFileSync, statfsSync, writeFileSync} from 'node:fs';
		const {cloneFile} = await import(${JSON.stringify(import.meta.resolve('../../src/linux/file-data.ts'))});
		const disk = process.argv[1];
		const bytes = Buffer.alloc(100 * 1024 * 1024, 'tsbuild');
		writeFileSync(disk + '/source', bytes);
		for (const name of ['first', 'second']) {
			const [source, copy] = [openSync(disk + '/source', 'r'), openSync(disk + '/' + name, 'wx')];
			console.log(cloneFile(source, copy));
			closeSync(copy);
		}
		console.log(readFileSync(disk + '/second').equals(bytes));
	`);
	t.is(output, 'true\ntrue\ntrue\n', 'three times as much has room on the disk');
});

test('a file is not cloned between file systems', async t => {
	await using directory = await makeTemporaryDirectory();
	using source = Descriptor.open('/proc/version', constants.O_RDONLY);
	using destination = Descriptor.open(join(directory.path, 'copy'), constants.O_RDWR | constants.O_CREAT);
	t.false(cloneFile(source, destination));
});

test('a range is copied to the same offset', async t => {
	await using directory = await makeTemporaryDirectory();
	const bytes = Buffer.alloc(3 * mebibyte, 'tsbuild');
	writeFileSync(join(directory.path, 'source'), bytes);
	using source = Descriptor.open(join(directory.path, 'source'), constants.O_RDONLY);
	using destination = Descriptor.open(join(directory.path, 'copy'), constants.O_RDWR | constants.O_CREAT);
	t.is(copyRange(source, destination, {offset: 5, length: 2 * mebibyte}), 2 * mebibyte);
	t.is(copyRange(source, destination, {offset: 5 + (2 * mebibyte), length: 2 * mebibyte}), mebibyte - 5);
	const copy = readFileSync(join(directory.path, 'copy'));
	t.true(copy.subarray(5).equals(bytes.subarray(5)));
	t.deepEqual(copy.subarray(0, 5), Buffer.alloc(5));
});

test('a file that the kernel does not copy itself is copied too', async t => {
	await using directory = await makeTemporaryDirectory();
	using source = Descriptor.open('/proc/version', constants.O_RDONLY);
	using destination = Descriptor.open(join(directory.path, 'copy'), constants.O_RDWR | constants.O_CREAT);
	copyRange(source, destination, {offset: 0, length: mebibyte});
	t.is(readFileSync(join(directory.path, 'copy'), 'utf8'), readFileSync('/proc/version', 'utf8'));
});

test('a full disk is an error', async t => {
	await using directory = await makeTemporaryDirectory();
	writeFileSync(join(directory.path, 'source'), 'x');
	using source = Descriptor.open(join(directory.path, 'source'), constants.O_RDONLY);
	using destination = Descriptor.open('/dev/full', constants.O_WRONLY);
	t.throws(() => copyRange(source, destination, {offset: 0, length: 1}), {code: 'ENOSPC'});
	t.is(statSync(join(directory.path, 'source')).size, 1);
});
