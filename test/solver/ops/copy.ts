import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	chownSync,
	lstatSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {setExtendedAttribute} from '../../../src/linux/extended-attributes.ts';
import {setTimes} from '../../../src/linux/files.ts';
import {attributesOf, BuildStore, plainCopy} from '../../support/build-store.ts';
import {writeFiles} from '../../support/write-files.ts';

test('a file goes to a name', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'A'});
	const snapshot = await build.copy({source: '/a', destination: '/x/y'});
	t.deepEqual(await build.list(snapshot), ['/x 0755 0:0 directory', '/x/y 0644 0:0 file "A"']);
});

test('a file goes into a directory when the destination ends with a slash, or is one', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'A'});
	const root = await build.copy({source: '/a', destination: '/x/'});
	t.deepEqual(await build.list(root), ['/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"']);
	const again = await build.change([{...plainCopy, source: '/a', destination: '/x'}, {...plainCopy, source: '/a', destination: '/z/.'}, {...plainCopy, source: '/a', destination: '/'}], {root});
	t.deepEqual(await build.list(again), ['/a 0644 0:0 file "A"', '/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"', '/z 0755 0:0 directory', '/z/a 0644 0:0 file "A"']);
});

test('of a directory the contents are copied', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'d/a': 'A', 'd/sub/b': 'B'});
	chmodSync(path.join(build.context, 'd'), 0o700);
	chmodSync(path.join(build.context, 'd/sub'), 0o1770);
	const snapshot = await build.copy({source: '/d', destination: '/x'});
	t.deepEqual(await build.list(snapshot), ['/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"', '/x/sub 1770 0:0 directory', '/x/sub/b 0644 0:0 file "B"']);
});

test('metadata of the context is kept, but everything is root\'s', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'d/tool': 'T', 'd/plain': 'P'});
	const tool = path.join(build.context, 'd/tool');
	chownSync(tool, 1234, 5678);
	chmodSync(tool, 0o6711);
	setExtendedAttribute(tool, 'user.color', Uint8Array.from([0xFF, 0]));
	setTimes(undefined, tool, {mtimeNanoseconds: -1_234_567_891n});
	chownSync(path.join(build.context, 'd'), 1234, 5678);
	const snapshot = await build.copy({source: '/', destination: '/'});
	t.deepEqual(await build.list(snapshot), ['/d 0755 0:0 directory', '/d/plain 0644 0:0 file "P"', '/d/tool 6711 0:0 file "T"']);
	await build.visit(snapshot, root => {
		t.deepEqual(attributesOf(path.join(root, 'd/tool')), {'user.color': '\u{FF}\0'});
		t.is(lstatSync(path.join(root, 'd/tool'), {bigint: true}).mtimeNs, -1_234_567_891n);
		t.is(lstatSync(path.join(root, 'd'), {bigint: true}).mtimeNs, lstatSync(path.join(build.context, 'd'), {bigint: true}).mtimeNs, 'directories too');
	});
});

test('capabilities are kept, byte for byte', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {ping: 'P'});
	execFileSync('setcap', ['cap_net_raw,cap_setuid=ep', path.join(build.context, 'ping')]);
	const {'security.capability': capability} = attributesOf(path.join(build.context, 'ping'));
	const snapshot = await build.copy({source: '/ping', destination: '/bin/', owner: '7'});
	t.truthy(capability);
	await build.visit(snapshot, root => {
		t.deepEqual(attributesOf(path.join(root, 'bin/ping')), {'security.capability': capability!});
	});
});

test('a copy from another stage keeps the owners', async t => {
	await using build = await BuildStore.open();
	const from = await build.snapshot(directory => {
		writeFiles(directory, {'opt/app/run': 'R'});
		chownSync(path.join(directory, 'opt/app/run'), 1000, 1001);
		chownSync(path.join(directory, 'opt/app'), 1002, 1003);
		symlinkSync('run', path.join(directory, 'opt/app/link'));
		execFileSync('chown', ['-h', '5:6', path.join(directory, 'opt/app/link')]);
	});
	const snapshot = await build.copy({source: '/opt', destination: '/srv'}, {from});
	t.deepEqual(await build.list(snapshot), [
		'/srv 0755 0:0 directory',
		'/srv/app 0755 1002:1003 directory',
		'/srv/app/link 0777 5:6 -> run',
		'/srv/app/run 0644 1000:1001 file "R"',
	]);
});

test('--chown and --chmod are for all that is copied or made on the way', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'d/a': 'A', 'd/s/b': 'B'});
	symlinkSync('a', path.join(build.context, 'd/l'));
	const octal = await build.copy({
		source: '/d', destination: '/x/y', owner: '7:8', mode: '0750',
	});
	t.deepEqual(await build.list(octal), [
		'/x 0750 7:8 directory',
		'/x/y 0750 7:8 directory',
		'/x/y/a 0750 7:8 file "A"',
		'/x/y/l 0777 7:8 -> a',
		'/x/y/s 0750 7:8 directory',
		'/x/y/s/b 0750 7:8 file "B"',
	]);
	chmodSync(path.join(build.context, 'd/a'), 0o600);
	const symbolic = await build.copy({source: '/d', destination: '/x', mode: 'u=rwX,go=rX'});
	t.deepEqual(await build.list(symbolic), [
		'/x 0755 0:0 directory',
		'/x/a 0644 0:0 file "A"',
		'/x/l 0777 0:0 -> a',
		'/x/s 0755 0:0 directory',
		'/x/s/b 0644 0:0 file "B"',
	]);
});

test('names of owners are looked up in the root that is written to', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'A'});
	const root = await build.snapshot(directory => {
		writeFiles(directory, {'etc/passwd': 'root:x:0:0::/:\napp:x:10:20::/:\n', 'etc/group': 'staff:x:50:\n'});
	});
	const owners = ['app', 'app:staff', 'nosuch', '0:nosuch', '8:nosuch', 'app:nosuch', ':5', '7', '7:staff', '10', '10:'];
	const snapshot = await build.change(owners.map((owner, index) => ({
		...plainCopy, source: '/a', destination: `/x/${String.fromCodePoint(0x61 + index)}`, owner,
	})), {root});
	const listed = await build.list(snapshot, '/x');
	t.deepEqual(listed.map(line => line.split(' ', 3)[2]), ['10:20', '10:50', '0:0', '0:0', '8:8', '10:20', '0:5', '7:7', '7:50', '10:10', '10:0']);
	await t.throwsAsync(build.copy({source: '/a', owner: 'bob'}), {code: 'ERR_TSBUILD_USER', message: 'invalid user index: -1'});
});

test('a directory and a file do not take the place of each other', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {a: 'A', 'd/x': 'X', 'tree/d': 'file'});
	const root = await build.snapshot(directory => {
		writeFiles(directory, {f: 'F', 'd/': ''});
		symlinkSync('f', path.join(directory, 'sh'));
	});
	await t.throwsAsync(build.copy({source: '/d', destination: '/f'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot copy to non-directory: /f'});
	await t.throwsAsync(build.copy({source: '/tree', destination: '/'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot replace to directory /d with file'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/sh/x'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'mkdir /f: not a directory'});
	await t.throwsAsync(build.change([{action: 'make-directory', path: '/f', mode: 0o755}], {root}), {code: 'ERR_TSBUILD_FILE', message: 'mkdir /f: not a directory'});
});

test('an existing directory keeps its attributes as a destination, and takes those of the source inside a tree', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {'t/sub/a': 'A'});
	chmodSync(path.join(build.context, 't/sub'), 0o711);
	utimesSync(path.join(build.context, 't/sub'), 1, 2);
	const root = await build.snapshot(directory => {
		writeFiles(directory, {'x/sub/': ''});
		chmodSync(path.join(directory, 'x'), 0o1777);
		chownSync(path.join(directory, 'x/sub'), 9, 9);
	});
	const snapshot = await build.copy({source: '/t', destination: '/x'}, {root});
	t.deepEqual(await build.list(snapshot), ['/x 1777 0:0 directory', '/x/sub 0711 0:0 directory', '/x/sub/a 0644 0:0 file "A"']);
	await build.visit(snapshot, directory => {
		t.is(lstatSync(path.join(directory, 'x/sub')).mtimeMs, 2000);
	});
});

test('a copy ends when it is told to', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, Object.fromEntries(Array.from({length: 1000}, (_, index) => [`f${index}`, ''])));
	const controller = new AbortController();
	const copying = build.change([plainCopy], {}, controller.signal);
	const reason = new Error('stop');
	controller.abort(reason);
	const error = await t.throwsAsync(copying);
	t.is(error, reason);
});

test('the digest of a copy is that of what it takes', async t => {
	await using build = await BuildStore.open();
	writeFiles(build.context, {
		'd/a': 'A', 'd/b': 'B', 'e/a': 'A', 'e/b': 'B', other: 'O',
	});
	const whole = await build.digest({source: '/d'});
	const byWildcard = await build.digest({source: '/d/*'});
	writeFileSync(path.join(build.context, 'other'), 'changed');
	utimesSync(path.join(build.context, 'd/a'), 1, 2);
	chownSync(path.join(build.context, 'd/a'), 1, 2);
	t.is(await build.digest({source: '/d'}), whole);
	t.is(await build.digest({source: '/d/*'}), byWildcard);
	t.is(await build.digest({source: '/e/*'}), byWildcard, 'of other directories too');
	chmodSync(path.join(build.context, 'd/b'), 0o755);
	t.not(await build.digest({source: '/d'}), whole);
	chmodSync(path.join(build.context, 'd/b'), 0o644);
	t.is(await build.digest({source: '/d'}), whole);
	writeFileSync(path.join(build.context, 'd/c'), '');
	t.not(await build.digest({source: '/d'}), whole);
	t.is(await build.digest({source: '/d'}, {ignore: ['d/c']}), whole);
	t.is(await build.digest({source: '/d', exclude: ['c']}), whole);
});
