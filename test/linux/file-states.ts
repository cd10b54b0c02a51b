import {Buffer} from 'node:buffer';
import {
	chmodSync,
	lstatSync,
	mkdirSync,
	readFileSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
	type BigIntStats,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {readFileState, readFileStates, type FileState} from '../../src/linux/file-states.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const fields = ['dev', 'ino', 'mode', 'size', 'mtimeNs', 'ctimeNs'] as const;

function pick(status: BigIntStats | FileState): Record<string, unknown> {
	return {
		...Object.fromEntries(fields.map(name => [name, status[name]])),
		isDirectory: status.isDirectory(),
		isSymbolicLink: status.isSymbolicLink(),
	};
}

test('the states of files are those that lstat tells', async t => {
	await using directory = await makeTemporaryDirectory();
	const longName = 'l'.repeat(255);
	const bytesName = Buffer.from('\u{FF}\u{80}', 'latin1');
	writeFileSync(path.join(directory.path, 'file'), 'text');
	writeFileSync(path.join(directory.path, longName), '');
	writeFileSync(Buffer.concat([Buffer.from(`${directory.path}/`), bytesName]), 'x');
	mkdirSync(path.join(directory.path, 'directory'));
	symlinkSync('missing', path.join(directory.path, 'link'));
	utimesSync(path.join(directory.path, 'file'), -1.5, -1.5);
	chmodSync(path.join(directory.path, 'file'), 0o4751);
	using opened = Descriptor.open(directory.path, 0);
	const names = ['file', 'directory', 'link', longName, bytesName.toString('latin1')];
	const states = readFileStates(opened, names)!;
	t.is(states.length, names.length);
	for (const [index, name] of names.entries()) {
		const file = Buffer.from(`${directory.path}/${name}`, 'latin1');
		const status = lstatSync(file, {bigint: true});
		t.deepEqual(pick(states.at(index)), pick(status));
		const newest = Math.max(Number(status.mtimeNs), Number(status.ctimeNs));
		t.is(states.at(index).changedAt, Math.floor(newest / 1e9));
	}

	t.deepEqual(Buffer.from(states.pick([2, 0]).bytes), Buffer.concat([states.at(2).bytes, states.at(0).bytes]));
});

test('the state of an open file', t => {
	using opened = Descriptor.open('/dev/null', 0);
	t.deepEqual(pick(readFileState(opened)!), pick(lstatSync('/dev/null', {bigint: true})));
});

test('a state does not change by reading', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'file');
	writeFileSync(file, 'text');
	utimesSync(file, 0, 0);
	using opened = Descriptor.open(directory.path, 0);
	const before = readFileStates(opened, ['file'])!;
	readFileSync(file);
	t.deepEqual(readFileStates(opened, ['file'])!.bytes, before.bytes);
	utimesSync(file, 0, 1);
	t.notDeepEqual(readFileStates(opened, ['file'])!.bytes, before.bytes);
});

test('there is no state of a file that has gone', async t => {
	await using directory = await makeTemporaryDirectory();
	using opened = Descriptor.open(directory.path, 0);
	t.is(readFileStates(opened, ['missing']), undefined);
	t.is(readFileStates(opened, [])?.length, 0);
});
