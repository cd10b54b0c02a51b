import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	chownSync,
	existsSync,
	linkSync,
	lstatSync,
	lutimesSync,
	mkdirSync,
	readFileSync,
	readdirSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import test from 'ava';
import {setExtendedAttribute} from '../../../src/linux/extended-attributes.ts';
import {makeDeviceFile, setTimes} from '../../../src/linux/files.ts';
import {attributesOf, BuildStore, plainCopy} from '../../support/build-store.ts';

/** Makes files by their paths; a name that ends with a slash is a directory. */
function write(directory: string, files: Readonly<Record<string, string>>): void {
	for (const [name, content] of Object.entries(files)) {
		const file = path.join(directory, name);
		mkdirSync(name.endsWith('/') ? file : path.dirname(file), {recursive: true, mode: 0o755});
		if (!name.endsWith('/')) {
			writeFileSync(file, content, {mode: 0o644});
		}
	}
}

test('a file goes to a name', async t => {
	await using build = await BuildStore.open();
	write(build.context, {a: 'A'});
	const snapshot = await build.copy({source: '/a', destination: '/x/y'});
	t.deepEqual(await build.list(snapshot), ['/x 0755 0:0 directory', '/x/y 0644 0:0 file "A"']);
});

test('a file goes into a directory when the destination ends with a slash, or is one', async t => {
	await using build = await BuildStore.open();
	write(build.context, {a: 'A'});
	const root = await build.copy({source: '/a', destination: '/x/'});
	t.deepEqual(await build.list(root), ['/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"']);
	const again = await build.change([{...plainCopy, source: '/a', destination: '/x'}, {...plainCopy, source: '/a', destination: '/z/.'}, {...plainCopy, source: '/a', destination: '/'}], {root});
	t.deepEqual(await build.list(again), ['/a 0644 0:0 file "A"', '/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"', '/z 0755 0:0 directory', '/z/a 0644 0:0 file "A"']);
});

test('of a directory the contents are copied', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'d/a': 'A', 'd/sub/b': 'B'});
	chmodSync(path.join(build.context, 'd'), 0o700);
	chmodSync(path.join(build.context, 'd/sub'), 0o1770);
	const snapshot = await build.copy({source: '/d', destination: '/x'});
	t.deepEqual(await build.list(snapshot), ['/x 0755 0:0 directory', '/x/a 0644 0:0 file "A"', '/x/sub 1770 0:0 directory', '/x/sub/b 0644 0:0 file "B"']);
});

test('metadata of the context is kept, but everything is root\'s', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'d/tool': 'T', 'd/plain': 'P'});
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
	write(build.context, {ping: 'P'});
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
		write(directory, {'opt/app/run': 'R'});
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
	write(build.context, {'d/a': 'A', 'd/s/b': 'B'});
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
	write(build.context, {a: 'A'});
	const root = await build.snapshot(directory => {
		write(directory, {'etc/passwd': 'root:x:0:0::/:\napp:x:10:20::/:\n', 'etc/group': 'staff:x:50:\n'});
	});
	const owners = ['app', 'app:staff', 'nosuch', '0:nosuch', '8:nosuch', 'app:nosuch', ':5', '7', '7:staff', '10', '10:'];
	const snapshot = await build.change(owners.map((owner, index) => ({
		...plainCopy, source: '/a', destination: `/x/${String.fromCodePoint(0x61 + index)}`, owner,
	})), {root});
	const listed = await build.list(snapshot, '/x');
	t.deepEqual(listed.map(line => line.split(' ', 3)[2]), ['10:20', '10:50', '0:0', '0:0', '8:8', '10:20', '0:5', '7:7', '7:50', '10:10', '10:0']);
	await t.throwsAsync(build.copy({source: '/a', owner: 'bob'}), {code: 'ERR_TSBUILD_USER', message: 'invalid user index: -1'});
});

test('wildcards take what matches, without descending', async t => {
	await using build = await BuildStore.open();
	write(build.context, {
		'a.txt': '1', 'b.txt': '2', 'c.md': '3', 'sub/d.txt': '4', 'sub2/d.txt': '5', 'sub2/e': '6',
	});
	const list = async (source: string) => {
		const lines = await build.list(await build.copy({source, destination: '/x/'}));
		return lines.map(line => line.split(' ', 1)[0]).filter(name => name !== '/x');
	};

	t.deepEqual(await list('/*.txt'), ['/x/a.txt', '/x/b.txt']);
	t.deepEqual(await list('/[a-b].txt'), ['/x/a.txt', '/x/b.txt']);
	t.deepEqual(await list('/sub*/d.txt'), ['/x/d.txt']);
	t.deepEqual(await list('/sub*'), ['/x/d.txt', '/x/e'], 'directories that match give their contents');
	t.deepEqual(await list('/*.nope'), []);
	t.deepEqual(await list('/a.txt/*'), []);
});

test('a wildcard in a directory that is not there is an error in BuildKit\'s words', async t => {
	await using build = await BuildStore.open();
	await t.throwsAsync(build.copy({source: '/none/*'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND', message: 'lstat /none: no such file or directory'});
});

test('a wildcard that matches nothing makes nothing', async t => {
	await using build = await BuildStore.open();
	t.deepEqual(await build.list(await build.copy({source: '/*.nope', destination: '/x/'})), []);
	await t.throwsAsync(build.copy({source: '/*.nope', allowEmptyWildcard: false}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	await t.throwsAsync(build.copy({source: '/a['}), {code: 'ERR_TSBUILD_PATTERN'});
});

test('what is named and not there is an error in BuildKit\'s words', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'dir/a': 'A'});
	for (const source of ['/missing', '/dir/missing', '/dir/a/b']) {
		await t.throwsAsync(build.copy({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND', message: `failed to calculate checksum of ref context: "${source}": not found`});
		await t.throwsAsync(build.digest({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	}
});

test('what .dockerignore leaves out is not there', async t => {
	await using build = await BuildStore.open();
	write(build.context, {
		'a.log': '1', 'docs/x.md': '2', 'docs/keep.md': '3', 'src/a.c': '4', 'src/a.log': '5',
	});
	symlinkSync('a.log', path.join(build.context, 'link'));
	const ignore = ['**/*.log', 'docs', '!docs/keep.md'];
	const names = async (source: string) => {
		const lines = await build.list(await build.copy({source, destination: '/x/'}, {ignore}));
		return lines.map(line => line.split(' ', 1)[0]).filter(name => name !== '/x');
	};

	t.deepEqual(await names('/'), ['/x/docs', '/x/docs/keep.md', '/x/link', '/x/src', '/x/src/a.c']);
	t.deepEqual(await names('/src'), ['/x/a.c']);
	t.deepEqual(await names('/docs'), ['/x/keep.md']);
	t.deepEqual(await names('/*.log'), []);
	for (const source of ['/a.log', '/docs/x.md', '/link']) {
		await t.throwsAsync(build.copy({source}, {ignore}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
	}
});

test('--exclude leaves out what it matches below each source', async t => {
	await using build = await BuildStore.open();
	write(build.context, {
		'd/a.1': '', 'd/b': '', 'd/s/c.1': '', 'd/s/e': '', 'x.1': '', 'x.2': '',
	});
	const names = async (source: string, exclude: readonly string[]) => {
		const listed = await build.list(await build.copy({source, destination: '/x/', exclude}), '/x');
		return listed.map(line => line.split(' ', 1)[0]);
	};

	t.deepEqual(await names('/d', ['*.1']), ['/x/b', '/x/s', '/x/s/c.1', '/x/s/e']);
	t.deepEqual(await names('/d', ['**/*.1']), ['/x/b', '/x/s', '/x/s/e']);
	t.deepEqual(await names('/d', ['s', '!s/e']), ['/x/a.1', '/x/b', '/x/s', '/x/s/e']);
	t.deepEqual(await names('/x.*', ['*.1']), ['/x/x.2']);
	await t.throwsAsync(build.copy({source: '/', exclude: ['a[']}), {code: 'ERR_TSBUILD_PATTERN', message: 'failed to calculate checksum of ref context: invalid excludepatterns: [a[]: syntax error in pattern'});
});

test('--parents keeps the directories above what is taken', async t => {
	await using build = await BuildStore.open();
	write(build.context, {
		'x/y/a.txt': '1', 'x/y/b.md': '2', 'x/z/c.txt': '3', 'x/z/deep/d.txt': '4',
	});
	chmodSync(path.join(build.context, 'x/y'), 0o700);
	const names = async (source: string, include: string) => {
		const listed = await build.list(await build.copy({
			source, include: [include], destination: '/o/', keepParents: true,
		}), '/o');
		return listed.map(line => line.split(' ').slice(0, 2).join(' '));
	};

	t.deepEqual(await names('/', 'x/y/a.txt'), ['/o/x 0755', '/o/x/y 0700', '/o/x/y/a.txt 0644']);
	t.deepEqual(await names('/x', '*/*.txt'), ['/o/y 0700', '/o/y/a.txt 0644', '/o/z 0755', '/o/z/c.txt 0644']);
	t.deepEqual(await names('/x', '**/*.txt'), ['/o/y 0700', '/o/y/a.txt 0644', '/o/z 0755', '/o/z/c.txt 0644', '/o/z/deep 0755', '/o/z/deep/d.txt 0644']);
	t.deepEqual(await names('/', 'x/z'), ['/o/x 0755', '/o/x/z 0755', '/o/x/z/c.txt 0644', '/o/x/z/deep 0755', '/o/x/z/deep/d.txt 0644']);
	t.deepEqual(await names('/', 'x/*.nope'), []);
	await t.throwsAsync(build.copy({source: '/x', include: ['missing'], keepParents: true}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
});

test('a link that is named is followed, links inside a tree stay links', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'d/a': 'A'});
	symlinkSync('d', path.join(build.context, 'dirlink'));
	symlinkSync('/d/a', path.join(build.context, 'd/absolute'));
	symlinkSync('nowhere', path.join(build.context, 'd/dangling'));
	lutimesSync(path.join(build.context, 'd/dangling'), 1, 2);
	const snapshot = await build.change([{...plainCopy, source: '/dirlink', destination: '/x'}, {...plainCopy, source: '/d/absolute', destination: '/y/'}]);
	t.deepEqual(await build.list(snapshot), [
		'/x 0755 0:0 directory',
		'/x/a 0644 0:0 file "A"',
		'/x/absolute 0777 0:0 -> /d/a',
		'/x/dangling 0777 0:0 -> nowhere',
		'/y 0755 0:0 directory',
		'/y/absolute 0644 0:0 file "A"',
	]);
	await build.visit(snapshot, root => {
		t.is(lstatSync(path.join(root, 'x/dangling')).mtimeMs, 2000);
	});
});

test('no link in a context leads out of it', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'outside/canary': 'inside'});
	const {context, outside} = build;
	symlinkSync(outside, path.join(context, 'absolute'));
	symlinkSync('../outside', path.join(context, 'relative'));
	symlinkSync('/proc/self/root', path.join(context, 'magic'));
	symlinkSync(path.join(outside, 'canary'), path.join(context, 'file'));
	for (const source of ['/absolute/canary', '/file', '/magic/etc/passwd', '/absolute']) {
		await t.throwsAsync(build.copy({source, destination: '/x/'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
		await t.throwsAsync(build.digest({source}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'}, `COPY ${source}`);
	}

	t.deepEqual(await build.list(await build.copy({source: '/absolute*/canary', destination: '/x'})), []);
	t.deepEqual(await build.list(await build.copy({source: '/relative/canary', destination: '/x'})), ['/x 0644 0:0 file "inside"'], '.. stops at the root');
	t.deepEqual(await build.list(await build.copy({source: '/../../outside/canary', destination: '/x'})), ['/x 0644 0:0 file "inside"']);
});

test('no link in a root leads out of it', async t => {
	await using build = await BuildStore.open();
	write(build.context, {canary: 'new', 'tree/canary': 'new'});
	const root = await build.snapshot(directory => {
		write(directory, {'real/': ''});
		symlinkSync(build.outside, path.join(directory, 'absolute'));
		symlinkSync(`${'../'.repeat(30)}${build.outside.slice(1)}`, path.join(directory, 'relative'));
		symlinkSync('/proc/self/cwd', path.join(directory, 'magic'));
		symlinkSync(path.join(build.outside, 'canary'), path.join(directory, 'file'));
		symlinkSync('real', path.join(directory, 'inside'));
	});
	const destinations = ['/absolute/', '/relative/canary', '/magic/canary', '/file', '/absolute/new/deep/', '/inside/'];
	const snapshot = await build.change([
		...destinations.map(destination => ({...plainCopy, source: '/canary', destination})),
		{...plainCopy, source: '/tree', destination: '/absolute'},
		{
			action: 'make-directory', path: '/relative/made', mode: 0o755,
		},
		{
			action: 'make-file', path: '/absolute/text', content: 'text', mode: 0o644,
		},
	], {root});
	t.deepEqual(readdirSync(build.outside), ['canary']);
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
	await build.visit(snapshot, directory => {
		for (const file of ['canary', 'new/deep/canary', 'made', 'text']) {
			t.true(existsSync(path.join(directory, build.outside, file)), `${file} is inside`);
		}

		t.true(existsSync(path.join(directory, 'proc/self/cwd/canary')));
		t.is(readFileSync(path.join(directory, 'real/canary'), 'utf8'), 'new');
		t.true(lstatSync(path.join(directory, 'absolute')).isSymbolicLink());
	});
});

test('a link inside a copied tree does not lead the files after it astray', async t => {
	await using build = await BuildStore.open();
	const root = await build.snapshot(directory => {
		symlinkSync(build.outside, path.join(directory, 'd'));
	});
	write(build.context, {'tree/d/canary': 'new'});
	await t.throwsAsync(build.copy({source: '/tree', destination: '/'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot copy to non-directory: /d'});
	t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
});

test('links without end are an error', async t => {
	await using build = await BuildStore.open();
	write(build.context, {a: 'A'});
	symlinkSync('loop', path.join(build.context, 'loop'));
	const root = await build.snapshot(directory => {
		symlinkSync('loop', path.join(directory, 'loop'));
	});
	await t.throwsAsync(build.copy({source: '/loop'}), {code: 'ERR_TSBUILD_SOURCE_NOT_FOUND'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/loop'}, {root}), {code: 'ERR_TSBUILD_FILE'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/loop/x'}, {root}));
});

test('a file takes the place of a file or a nested link, and goes where a destination link leads', async t => {
	await using build = await BuildStore.open();
	write(build.context, {a: 'new', 'tree/l': 'new'});
	const root = await build.snapshot(directory => {
		write(directory, {f: 'old', 'd/target': 'old'});
		symlinkSync('target', path.join(directory, 'd/l'));
		symlinkSync('d/target', path.join(directory, 'toplink'));
		symlinkSync('d/made', path.join(directory, 'dangling'));
	});
	const snapshot = await build.change([
		{...plainCopy, source: '/a', destination: '/f'},
		{...plainCopy, source: '/tree', destination: '/d'},
		{...plainCopy, source: '/a', destination: '/dangling'},
	], {root});
	t.deepEqual(await build.list(snapshot), [
		'/d 0755 0:0 directory',
		'/d/l 0644 0:0 file "new"',
		'/d/made 0644 0:0 file "new"',
		'/d/target 0644 0:0 file "old"',
		'/dangling 0777 0:0 -> d/made',
		'/f 0644 0:0 file "new"',
		'/toplink 0777 0:0 -> d/target',
	]);
	const followed = await build.list(await build.copy({source: '/a', destination: '/toplink'}, {root}));
	t.true(followed.includes('/d/target 0644 0:0 file "new"'));
});

test('a directory and a file do not take the place of each other', async t => {
	await using build = await BuildStore.open();
	write(build.context, {a: 'A', 'd/x': 'X', 'tree/d': 'file'});
	const root = await build.snapshot(directory => {
		write(directory, {f: 'F', 'd/': ''});
		symlinkSync('f', path.join(directory, 'sh'));
	});
	await t.throwsAsync(build.copy({source: '/d', destination: '/f'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot copy to non-directory: /f'});
	await t.throwsAsync(build.copy({source: '/tree', destination: '/'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'cannot replace to directory /d with file'});
	await t.throwsAsync(build.copy({source: '/a', destination: '/sh/x'}, {root}), {code: 'ERR_TSBUILD_FILE', message: 'mkdir /f: not a directory'});
	await t.throwsAsync(build.change([{action: 'make-directory', path: '/f', mode: 0o755}], {root}), {code: 'ERR_TSBUILD_FILE', message: 'mkdir /f: not a directory'});
});

test('an existing directory keeps its attributes as a destination, and takes those of the source inside a tree', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'t/sub/a': 'A'});
	chmodSync(path.join(build.context, 't/sub'), 0o711);
	utimesSync(path.join(build.context, 't/sub'), 1, 2);
	const root = await build.snapshot(directory => {
		write(directory, {'x/sub/': ''});
		chmodSync(path.join(directory, 'x'), 0o1777);
		chownSync(path.join(directory, 'x/sub'), 9, 9);
	});
	const snapshot = await build.copy({source: '/t', destination: '/x'}, {root});
	t.deepEqual(await build.list(snapshot), ['/x 1777 0:0 directory', '/x/sub 0711 0:0 directory', '/x/sub/a 0644 0:0 file "A"']);
	await build.visit(snapshot, directory => {
		t.is(lstatSync(path.join(directory, 'x/sub')).mtimeMs, 2000);
	});
});

test('names of one file stay names of one file', async t => {
	await using build = await BuildStore.open();
	write(build.context, {'a/one': 'same'});
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
	write(build.context, {'a/f': 'f', 'b/': ''});
	linkSync(path.join(build.context, 'a/f'), path.join(build.context, 'b/f'));
	linkSync(path.join(build.context, 'a/f'), path.join(build.context, 'b/g'));
	const root = await build.copy({source: '/*/*', destination: '/x/'});
	t.deepEqual(await build.list(root), ['/x 0755 0:0 directory', '/x/f 0644 0:0 file "f"', '/x/g 0644 0:0 file "f"']);
	await build.visit(root, directory => t.is(lstatSync(path.join(directory, 'x/f')).nlink, 1));
});

test('fifos and devices are made anew, sockets are left out', async t => {
	await using build = await BuildStore.open();
	const from = await build.snapshot(directory => {
		write(directory, {'dev/': ''});
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

test('a copy ends when it is told to', async t => {
	await using build = await BuildStore.open();
	write(build.context, Object.fromEntries(Array.from({length: 1000}, (_, index) => [`f${index}`, ''])));
	const controller = new AbortController();
	const copying = build.change([plainCopy], {}, controller.signal);
	const reason = new Error('stop');
	controller.abort(reason);
	const error = await t.throwsAsync(copying);
	t.is(error, reason);
});

test('the digest of a copy is that of what it takes', async t => {
	await using build = await BuildStore.open();
	write(build.context, {
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
