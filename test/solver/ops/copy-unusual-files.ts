import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {makeDeviceFile} from '../../../src/linux/files.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {writeFiles} from '../../support/write-files.ts';

test('names of one file stay names of one file', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'a/one': 'same'});
	mkdirSync(path.join(build.context, 'b'));
	linkSync(path.join(build.context, 'a/one'), path.join(build.context, 'b/two'));
	linkSync(path.join(build.context, 'a/one'), path.join(build.context, 'three'));
	const snapshot = await build.copy({source: '/', destination: '/x', owner: '5'});
	await build.visit(snapshot, root => {
		const statuses = ['a/one', 'b/two', 'three'].map(name => lstatSync(path.join(root, 'x', name)));
		t.deepEqual(statuses.map(({nlink, uid}) => [nlink, uid]), [[3, 5], [3, 5], [3, 5]]);
		t.is(new Set(statuses.map(({ino}) => ino)).size, 1);
	});
});

test('names of one file below several matches of a wildcard are files of their own, the last of which stays', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'a/f': 'f', 'b/': ''});
	linkSync(path.join(build.context, 'a/f'), path.join(build.context, 'b/f'));
	linkSync(path.join(build.context, 'a/f'), path.join(build.context, 'b/g'));
	const root = await build.copy({source: '/*/*', destination: '/x/'});
	t.deepEqual(await build.list(root), ['/x 0755 0:0 directory', '/x/f 0644 0:0 file "f"', '/x/g 0644 0:0 file "f"']);
	await build.visit(root, directory => t.is(lstatSync(path.join(directory, 'x/f')).nlink, 1));
});

test('fifos and devices are made anew, sockets are left out', async t => {
	await using build = await BuildStore.open();
	const from = await build.snapshot(directory => {
		writeFiles(directory, {'dev/': ''});
		const dev = path.join(directory, 'dev');
		makeDeviceFile(undefined, path.join(dev, 'fifo'), {kind: 'fifo', mode: 0o622});
		makeDeviceFile(undefined, path.join(dev, 'null'), {
			kind: 'character', mode: 0o666, major: 1, minor: 3,
		});
		makeDeviceFile(undefined, path.join(dev, 'disk'), {
			kind: 'block', mode: 0o660, major: 7, minor: 9,
		});
		chmodSync(path.join(dev, 'null'), 0o666);
		execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path.join(dev, 'sock')]);
	});
	const snapshot = await build.copy({source: '/dev', destination: '/d'}, {from});
	t.deepEqual(await build.list(snapshot), [
		'/d 0755 0:0 directory',
		'/d/disk 0640 0:0 block 0x0709',
		'/d/fifo 0600 0:0 fifo',
		'/d/null 0666 0:0 character 0x0103',
	]);
	t.is(typeof await build.digest({source: '/dev'}, {from}), 'string');
});

test('holes stay holes', async t => {
	await using build = await BuildStore.open();
	const file = path.join(build.context, 'sparse');
	writeFileSync(file, 'start');
	truncateSync(file, 50_000_000);
	writeFileSync(file, 'end', {flag: 'a'});
	const snapshot = await build.copy({source: '/sparse', destination: '/sparse'});
	await build.visit(snapshot, root => {
		const copy = path.join(root, 'sparse');
		t.true(readFileSync(copy).equals(readFileSync(file)));
		t.true(lstatSync(copy).blocks * 512 < 1_000_000);
	});
});

test('names of any bytes are copied', async t => {
	await using build = await BuildStore.open();
	execFileSync('sh', ['-c', String.raw`cd "$1" && mkdir d && printf x > "$(printf 'd/\377\n')" && printf y > "$(printf '\376.txt')"`, 'sh', build.context]);
	const snapshot = await build.change([{...plainCopy, source: '/d', destination: '/x'}, {...plainCopy, source: '/*.txt', destination: '/y/'}]);
	await build.visit(snapshot, root => {
		t.deepEqual(readdirSync(path.join(root, 'x'), 'latin1'), ['\u{FF}']);
		t.deepEqual(readdirSync(path.join(root, 'y'), 'latin1'), ['\u{FE}.txt']);
	});
});

test('a large file is copied whole', async t => {
	await using build = await BuildStore.open();
	const file = path.join(build.context, 'large');
	execFileSync('sh', ['-c', 'head -c 30000001 /dev/urandom > "$1"', 'sh', file]);
	const snapshot = await build.copy({source: '/large', destination: '/x/'});
	await build.visit(snapshot, root => {
		t.true(readFileSync(path.join(root, 'x/large')).equals(readFileSync(file)));
	});
});

test('a tree deeper than any path can be long is copied', async t => {
	await using build = await BuildStore.open();
	execFileSync('python3', ['-c', 'import os,sys\nos.chdir(sys.argv[1])\nfor i in range(1500):\n os.mkdir("deep"); os.chdir("deep")\nopen("end","w")', build.context]);
	const snapshot = await build.copy({source: '/deep', destination: '/d'});
	await build.visit(snapshot, root => {
		const depth = execFileSync('sh', ['-c', 'cd "$1"/d && find . | wc -l', 'sh', root.replace('/proc/self/', () => `/proc/${process.pid}/`)], {encoding: 'utf8'});
		t.is(depth.trim(), '1501');
	});
	// Node cannot remove what has so long a path.
	execFileSync('rm', ['-rf', build.context, path.join(build.store.root, 'snapshots')]);
});
