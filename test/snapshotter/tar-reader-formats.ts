import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	linkSync,
	lutimesSync,
	mkdirSync,
	openSync,
	closeSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {setExtendedAttribute} from '../../src/linux/extended-attributes.ts';
import {makeDeviceFile, setTimes} from '../../src/linux/files.ts';
import {readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';
import {asRoot} from '../support/conditions.ts';

const longName = `${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`;
const mtime = 1_500_000_000_987_654_321n;

/** A tree with one of everything that each format can hold. */
function makeTree(root: string): void {
	mkdirSync(path.join(root, 'directory'), {mode: 0o750});
	writeFileSync(path.join(root, 'directory/file'), 'content');
	linkSync(path.join(root, 'directory/file'), path.join(root, 'directory/hardlink'));
	symlinkSync('file', path.join(root, 'directory/symlink'));
	writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x62, 0xFF, 0xFE])]), 'not UTF-8');
	setTimes(undefined, path.join(root, 'directory/file'), {mtimeNanoseconds: mtime});
	lutimesSync(path.join(root, 'directory/symlink'), 1, 1_000_000_000);
}

function makeWhatV7CannotHold(root: string): void {
	makeDeviceFile(undefined, path.join(root, 'fifo'), {kind: 'fifo', mode: 0o600});
	mkdirSync(path.join(root, path.dirname(longName)), {recursive: true});
	writeFileSync(path.join(root, longName), 'long');
	symlinkSync(longName, path.join(root, 'long-link'));
}

const readsArchive = test.macro({
	async exec(t, command: readonly string[], {isLong, hasNanoseconds}: {readonly isLong: boolean; readonly hasNanoseconds: boolean}) {
		await using directory = await makeTemporaryDirectory();
		makeTree(directory.path);
		if (isLong) {
			makeWhatV7CannotHold(directory.path);
		}

		const [program, ...parameters] = command as [string, ...string[]];
		const archive = execFileSync(program, [...parameters, '-C', directory.path, '.'], {stdio: 'pipe'});
		const members = await readMembers(archive);
		const byName = new Map(members.map(member => [member.entry.path.toString('latin1'), member]));
		const [first, second] = ['./directory/file', './directory/hardlink'].map(name => byName.get(name)!);
		const [file, hardlink] = first!.entry.type === 'file' ? [first!, second!] : [second!, first!];
		t.is(file.content.toString(), 'content');
		t.is(file.entry.mode, 0o644);
		t.is(file.entry.mtimeNanoseconds, hasNanoseconds ? mtime : 1_500_000_000_000_000_000n);
		t.is(hardlink.entry.type, 'hardlink');
		t.deepEqual(hardlink.entry.linkTarget, file.entry.path);
		t.is(byName.get('./directory/')?.entry.mode, 0o750);
		t.like(byName.get('./directory/symlink')?.entry, {type: 'symlink', linkTarget: Buffer.from('file'), mtimeNanoseconds: 1_000_000_000_000_000_000n});
		t.is(byName.get('./b\u{FF}\u{FE}')?.content.toString(), 'not UTF-8');
		if (!isLong) {
			return;
		}

		t.is(byName.get(`./${longName}`)?.content.toString(), 'long');
		t.deepEqual(byName.get('./long-link')?.entry.linkTarget, Buffer.from(longName));
	},
	title: (_title, command: readonly string[]) => `an archive of ${command.join(' ')} is read`,
});

for (const [format, isLong, hasNanoseconds] of [['v7', false, false], ['oldgnu', true, false], ['gnu', true, false], ['ustar', false, false], ['posix', true, true]] as const) {
	test(readsArchive, ['tar', `--format=${format}`, '--create'], {isLong, hasNanoseconds});
}

for (const [format, isLong, hasNanoseconds] of [['ustar', false, false], ['gnutar', true, false], ['pax', true, true]] as const) {
	test(readsArchive, ['bsdtar', `--format=${format}`, '-cf', '-'], {isLong, hasNanoseconds});
}

const readsSparse = test.macro({
	async exec(t, parameters: readonly string[], segments: number) {
		await using directory = await makeTemporaryDirectory();
		const file = path.join(directory.path, 'sparse');
		const content = Buffer.alloc((segments * 200_000) + 123_456);
		writeFileSync(file, '');
		const descriptor = openSync(file, 'r+');
		for (let index = 0; index < segments; index++) {
			const data = Buffer.from(`segment ${index}`);
			data.copy(content, index * 200_000);
			writeSync(descriptor, data, 0, data.length, index * 200_000);
		}

		closeSync(descriptor);
		truncateSync(file, content.length);
		const archive = execFileSync('tar', ['--create', '--sparse', '--hole-detection=seek', ...parameters, '-C', directory.path, 'sparse'], {maxBuffer: 2 ** 26});
		t.true(archive.length < content.length, 'the archive is sparse');
		const [member] = await readMembers(archive);
		t.is(member!.entry.path.toString(), 'sparse');
		t.is(member!.entry.size, content.length);
		t.true(member!.content.equals(content));
	},
	title: (_title, parameters: readonly string[], segments: number) => `a sparse file of ${segments} segments in the format ${parameters.join(' ')} is expanded`,
});

for (const format of [['--format=gnu'], ['--format=posix', '--sparse-version=0.0'], ['--format=posix', '--sparse-version=0.1'], ['--format=posix', '--sparse-version=1.0']]) {
	for (const segments of [1, 3, 5, 100]) {
		test(readsSparse, format, segments);
	}
}

asRoot('extended attributes are bytes', async t => {
	await using directory = await makeTemporaryDirectory();
	const file = path.join(directory.path, 'file');
	const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex');
	writeFileSync(file, '');
	setExtendedAttribute(file, 'user.bytes', Buffer.from([0xFF, 0x00, 0x0A, 0x3D]));
	setExtendedAttribute(file, 'user.a=b', Buffer.from('equals'));
	setExtendedAttribute(file, 'security.capability', capability);
	const archive = execFileSync('tar', ['--create', '--format=posix', '--xattrs', '--xattrs-include=*', '-C', directory.path, 'file']);
	const [member] = await readMembers(archive);
	t.deepEqual(member!.entry.xattrs, new Map([
		['user.bytes', Buffer.from([0xFF, 0x00, 0x0A, 0x3D])],
		['user.a=b', Buffer.from('equals')],
		['security.capability', capability],
	]));
});

for (const format of ['gnu', 'posix']) {
	test(`large owners and times before 1970 in the format ${format} are read`, async t => {
		await using directory = await makeTemporaryDirectory();
		writeFileSync(path.join(directory.path, 'file'), '');
		const archive = execFileSync('tar', ['--create', `--format=${format}`, '--owner=:3000000', '--group=:4294967294', '--mtime=@-1', '-C', directory.path, 'file']);
		const [member] = await readMembers(archive);
		t.like(member!.entry, {uid: 3_000_000, gid: 4_294_967_294, mtimeNanoseconds: -1_000_000_000n});
	});
}

for (const format of ['gnu', 'posix']) {
	test(`the label of an archive in the format ${format} is passed over`, async t => {
		await using directory = await makeTemporaryDirectory();
		writeFileSync(path.join(directory.path, 'file'), 'content');
		const archive = execFileSync('tar', ['--create', `--format=${format}`, '--label=backup', '-C', directory.path, 'file']);
		const members = await readMembers(archive);
		t.deepEqual(members.map(({entry, content}) => `${entry.path.toString()} ${content.toString()}`), ['file content']);
	});
}
