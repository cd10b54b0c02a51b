import {chmod, stat, writeFile} from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {FileDigests} from '../../snapshotter/file-digests.ts';
import {openMetadata} from '../../snapshotter/metadata.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const content = {sha256: 'a'.repeat(64), attributes: 'x=y'};
const anHour = 3_600_000;

test('a file that had been at rest is known until it changes', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const file = path.join(directory.path, 'file');
	await writeFile(file, 'text');
	const status = await stat(file, {bigint: true});
	{
		using digests = new FileDigests(metadata);
		t.is(digests.find(status), undefined);
		digests.remember(status, content, Date.now() + anHour);
	}

	using digests = new FileDigests(metadata);
	t.like(digests.find(status), content);
	await chmod(file, 0o600);
	const changed = await stat(file, {bigint: true});
	t.is(digests.find(changed), undefined);
});

test('a file that was changed just before it was read is not remembered', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const file = path.join(directory.path, 'file');
	await writeFile(file, 'text');
	const status = await stat(file, {bigint: true});
	{
		using digests = new FileDigests(metadata);
		digests.remember(status, content, Date.now());
		digests.remember({...status, mtimeMs: BigInt(Date.now() + anHour)}, content, Date.now());
	}

	using digests = new FileDigests(metadata);
	t.is(digests.find(status), undefined);
});

test('a new finding for a file replaces the old one', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const file = path.join(directory.path, 'file');
	for (const text of ['text', 'other text']) {
		await writeFile(file, text);
		const status = await stat(file, {bigint: true});
		using digests = new FileDigests(metadata);
		digests.remember(status, content, Date.now() + anHour);
	}

	t.is(metadata.statement('SELECT count(*) AS count FROM file_digests').get()?.count, 1);
});

test('numbers that fill 64 bits are kept apart', async t => {
	await using directory = await makeTemporaryDirectory();
	using metadata = openMetadata(directory.path);
	const status = await stat(directory.path, {bigint: true});
	const large = {...status, ino: 0xFF_FF_FF_FF_FF_FF_FF_FFn};
	{
		using digests = new FileDigests(metadata);
		digests.remember(large, content, Date.now() + anHour);
	}

	using digests = new FileDigests(metadata);
	t.like(digests.find(large), content);
	t.is(digests.find({...large, ino: 0xFF_FF_FF_FF_FF_FF_FF_FEn}), undefined);
});
