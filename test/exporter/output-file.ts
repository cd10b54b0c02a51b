import {execFileSync} from 'node:child_process';
import {constants, createReadStream} from 'node:fs';
import {readFile, readlink, symlink} from 'node:fs/promises';
import path from 'node:path';
import {buffer} from 'node:stream/consumers';
import test from 'ava';
import {writeOutputFile} from '../../src/exporter/output-file.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const size = 4 * (2 ** 20);
const chunkSize = 2 ** 16;

async function * chunks() {
	for (let written = 0; written < size; written += chunkSize) {
		yield new Uint8Array(chunkSize).fill(7);
	}
}

async function * endless() {
	for (;;) {
		yield new Uint8Array(chunkSize);
	}
}

const never = new AbortController().signal;

test('a link to a file stays, and the file is replaced', async t => {
	await using directory = await makeTemporaryDirectory();
	const link = path.join(directory.path, 'link');
	await symlink('file', link);
	await writeOutputFile(path.join(directory.path, 'file'), chunks(), never);
	await writeOutputFile(link, chunks(), never);
	t.is(await readlink(link), 'file');
	const content = await readFile(link);
	t.is(content.length, size);
});

test('a fifo gets all, also when its reader comes later', async t => {
	await using directory = await makeTemporaryDirectory();
	const fifo = path.join(directory.path, 'fifo');
	execFileSync('mkfifo', [fifo]);
	const written = writeOutputFile(fifo, chunks(), never);
	const read = await buffer(createReadStream(fifo));
	await written;
	t.is(read.length, size);
	t.true(read.every(byte => byte === 7));
});

test('a fifo without a reader, or whose reader does not read, can be aborted', async t => {
	await using directory = await makeTemporaryDirectory();
	const fifo = path.join(directory.path, 'fifo');
	execFileSync('mkfifo', [fifo]);
	const controller = new AbortController();
	const withoutReader = writeOutputFile(fifo, endless(), controller.signal);
	controller.abort();
	await t.throwsAsync(withoutReader, {name: 'AbortError'});
	using _reader = Descriptor.open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
	await t.throwsAsync(writeOutputFile(fifo, endless(), AbortSignal.timeout(100)), {name: 'AbortError'});
});

test('a device is written to as it is', async t => {
	await t.notThrowsAsync(writeOutputFile('/dev/null', chunks(), never));
});

test('what cannot be written says why', async t => {
	await t.throwsAsync(writeOutputFile('/dev/full', chunks(), never), {code: 'ERR_TSBUILD_EXPORT', message: /^failed to write output \/dev\/full: ENOSPC/v});
});
