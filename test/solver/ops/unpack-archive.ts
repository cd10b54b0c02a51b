import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {
	chmodSync,
	copyFileSync,
	lstatSync,
	mkdirSync,
	readFileSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type {CopyAction} from '../../../src/definition/operations.ts';
import {
	archiveBytes,
	directory,
	file,
	hardlink,
	symlink,
} from '../../support/archive-entries.ts';
import {attributesOf, BuildStore, plainCopy} from '../../support/build-store.ts';
import {asRoot} from '../../support/conditions.ts';

const add: CopyAction = {...plainCopy, attemptUnpack: true};

/** Writes a file into the context. */
function write(build: BuildStore, name: string, content: Uint8Array | string): void {
	const target = path.join(build.context, name);
	mkdirSync(path.dirname(target), {recursive: true});
	writeFileSync(target, content);
}

const compressors: Readonly<Record<string, readonly [string, ...string[]]>> = {
	gzip: ['gzip', '-c'],
	bzip2: ['bzip2', '-c'],
	xz: ['xz', '-c'],
	zstd: ['zstd', '-c'],
	'nothing at all': ['cat'],
};

for (const [name, [program, ...parameters]] of Object.entries(compressors)) {
	asRoot(`an archive in ${name} is unpacked, whatever its name`, async t => {
		await using build = await BuildStore.open();
		const tar = await archiveBytes(directory('d'), file('d/f', 'F'), file('large', 'L'.repeat(1_000_000)), symlink('l', 'd/f'));
		write(build, 'image.png', execFileSync(program, parameters, {input: tar}));
		const snapshot = await build.copy({...add, source: '/image.png', destination: '/x/y'});
		t.deepEqual(await build.list(snapshot), [
			'/x 0755 0:0 directory',
			'/x/y 0755 0:0 directory',
			'/x/y/d 0755 0:0 directory',
			'/x/y/d/f 0644 0:0 file "F"',
			'/x/y/l 0777 0:0 -> d/f',
			'/x/y/large 0644 0:0 file',
		]);
		await build.visit(snapshot, root => {
			t.is(readFileSync(path.join(root, 'x/y/large'), 'utf8'), 'L'.repeat(1_000_000));
		});
	});
}

const copiesTheFile = test.macro({
	async exec(t, bytes: () => Uint8Array | Promise<Uint8Array>, action: Partial<CopyAction> = {}) {
		await using build = await BuildStore.open();
		const content = await bytes();
		write(build, 'a.tar.gz', content);
		const snapshot = await build.copy({
			...add, source: '/a.tar.gz', destination: '/x/', ...action,
		});
		await build.visit(snapshot, root => {
			t.deepEqual(readFileSync(path.join(root, 'x/a.tar.gz')), Buffer.from(content));
		});
	},
	title: (title = '') => `${title} is copied as a file`,
});

/** An archive of which the checksum of the first header is wrong. */
async function damagedArchive(): Promise<Buffer> {
	const tar = await archiveBytes(file('a'));
	return tar.fill('x', 0, 10);
}

const gzip = (bytes: Uint8Array) => execFileSync('gzip', ['-c'], {input: bytes});

asRoot('an empty file', copiesTheFile, () => Buffer.alloc(0));
asRoot('an archive without entries', copiesTheFile, () => gzip(Buffer.alloc(10_240)));
asRoot('text', copiesTheFile, () => Buffer.from('no archive'.repeat(1000)));
asRoot('compressed text', copiesTheFile, () => gzip(Buffer.from('no archive'.repeat(1000))));
asRoot('gzip that is damaged from the start', copiesTheFile, () => Buffer.from('\u{1F}\u{8B}\u{8}\0\0\0\0\0junkjunkjunk', 'latin1'));
asRoot('xz that is damaged from the start', copiesTheFile, () => Buffer.from('\u{FD}7zXZ\0junkjunkjunk', 'latin1'));
asRoot('bzip2 that is damaged from the start', copiesTheFile, () => Buffer.from('BZh9junkjunkjunk'));
asRoot('an archive whose first header is damaged', copiesTheFile, damagedArchive);
asRoot('an archive of COPY or ADD --unpack=false', copiesTheFile, async () => archiveBytes(file('a')), {attemptUnpack: false});

asRoot('a zip file is copied as a file', async t => {
	await using build = await BuildStore.open();
	write(build, 'f', 'F');
	execFileSync('python3', ['-c', 'import zipfile; zipfile.ZipFile("a.zip", "w").write("f")'], {cwd: build.context});
	const snapshot = await build.copy({...add, source: '/a.zip', destination: '/'});
	const listed = await build.list(snapshot);
	t.regex(listed.join('\n'), /^\/a\.zip 0644 0:0 file/v);
});

asRoot('everything that GNU tar keeps is kept', async t => {
	await using build = await BuildStore.open();
	const tree = path.join(build.outside, 'tree');
	mkdirSync(path.join(tree, 'd'), {recursive: true});
	execFileSync('sh', ['-ec', `
		printf CONTENT > d/f; chown 12:34 d/f; chmod 6711 d/f; ln d/f second; ln -s d/f link; chown -h 5:6 link
		mkfifo d/p; mknod d/null c 1 3; chmod 1777 d; chown 7:8 d
		truncate -s 5M hole; printf x | dd of=hole bs=1 seek=3M conv=notrunc status=none
		setfattr -n user.color -v 0xff00 second; cp d/f ping; setcap cap_net_raw=ep ping
		touch -d @1234567890.5 second hole; touch -h -d @1000000000 link; touch -d @1111111111 d
		tar --create --sparse --xattrs --xattrs-include='*' --format=pax --file ../a.tar *
	`], {cwd: tree});
	copyFileSync(path.join(build.outside, 'a.tar'), path.join(build.context, 'a.tar'));
	const snapshot = await build.copy({...add, source: '/a.tar', destination: '/'});
	const listed = await build.list(snapshot);
	t.deepEqual(listed.filter(line => !line.startsWith('/hole')), [
		'/d 1777 7:8 directory',
		'/d/f 6711 12:34 file "CONTENT"',
		'/d/null 0644 0:0 character 0x0103',
		'/d/p 0644 0:0 fifo',
		'/link 0777 5:6 -> d/f',
		'/ping 0711 0:0 file "CONTENT"',
		'/second 6711 12:34 file "CONTENT"',
	]);
	await build.visit(snapshot, root => {
		const status = (name: string) => lstatSync(path.join(root, name), {bigint: true});
		t.is(status('second').ino, status('d/f').ino);
		t.is(status('second').mtimeNs, 1_234_567_890_500_000_000n);
		t.is(status('link').mtimeNs, 1_000_000_000_000_000_000n);
		t.is(status('d').mtimeNs, 1_111_111_111_000_000_000n);
		t.deepEqual(readFileSync(path.join(root, 'hole')), readFileSync(path.join(tree, 'hole')));
		t.true(status('hole').blocks * 512n < 1_000_000n, 'holes stay holes');
		t.deepEqual(attributesOf(path.join(root, 'second')), {'user.color': '\u{FF}\0'});
		t.deepEqual(attributesOf(path.join(root, 'ping')), attributesOf(path.join(tree, 'ping')));
	});
});

asRoot('--chown is for all that the archive names, --chmod for nothing', async t => {
	await using build = await BuildStore.open();
	write(build, 'a.tar', await archiveBytes({...directory('d'), uid: 3}, {...file('d/f', 'F'), mode: 0o4755}, hardlink('h', 'd/f'), symlink('l', 'h'), file('implied/f', 'G')));
	const snapshot = await build.copy({
		...add, source: '/a.tar', destination: '/x/y', owner: '7:8', mode: '0700',
	});
	t.deepEqual(await build.list(snapshot), [
		'/x 0755 7:8 directory',
		'/x/y 0755 7:8 directory',
		'/x/y/d 0755 7:8 directory',
		'/x/y/d/f 0644 7:8 file "F"',
		'/x/y/h 0644 7:8 file "F"',
		'/x/y/implied 0755 0:0 directory',
		'/x/y/implied/f 0644 7:8 file "G"',
		'/x/y/l 0777 7:8 -> h',
	]);
});

asRoot('what the archive names takes the place of what is there, and all else stays', async t => {
	await using build = await BuildStore.open();
	const root = await build.snapshot(tree => {
		mkdirSync(path.join(tree, 'x/both/sub'), {recursive: true});
		mkdirSync(path.join(tree, 'x/becomes-file/sub'), {recursive: true});
		mkdirSync(path.join(tree, 'run'));
		chmodSync(path.join(tree, 'x/both'), 0o700);
		for (const name of ['stays', 'both/old', 'both/sub/old', 'file', 'becomes-directory', 'becomes-file/sub/old']) {
			writeFileSync(path.join(tree, 'x', name), name);
		}

		symlinkSync('both', path.join(tree, 'x/link'));
		symlinkSync('/both/sub', path.join(tree, 'x/absolute'));
		symlinkSync('missing', path.join(tree, 'x/dangling'));
		symlinkSync('stays', path.join(tree, 'x/replaced'));
	});
	write(build, 'a.tar', await archiveBytes(
		directory('both'),
		file('both/new', '1'),
		file('file', '2'),
		directory('becomes-directory'),
		file('becomes-file', '3'),
		file('link/through', '4'),
		file('absolute/through', '5'),
		directory('dangling'),
		file('replaced', '6'),
		file('both/.wh.old', '7'),
		file('.wh..wh..opq', '8'),
	));
	const snapshot = await build.copy({...add, source: '/a.tar', destination: '/x'}, {root});
	const listed = await build.list(snapshot, '/x');
	t.deepEqual(listed.filter(line => !line.startsWith('/x/link/') && !line.startsWith('/x/absolute/')), [
		'/x/.wh..wh..opq 0644 0:0 file "8"',
		'/x/absolute 0777 0:0 -> /both/sub',
		'/x/becomes-directory 0755 0:0 directory',
		'/x/becomes-file 0644 0:0 file "3"',
		'/x/both 0755 0:0 directory',
		'/x/both/.wh.old 0644 0:0 file "7"',
		'/x/both/new 0644 0:0 file "1"',
		'/x/both/old 0644 0:0 file "both/old"',
		'/x/both/sub 0755 0:0 directory',
		'/x/both/sub/old 0644 0:0 file "both/sub/old"',
		'/x/both/sub/through 0644 0:0 file "5"',
		'/x/both/through 0644 0:0 file "4"',
		'/x/dangling 0755 0:0 directory',
		'/x/file 0644 0:0 file "2"',
		'/x/link 0777 0:0 -> both',
		'/x/replaced 0644 0:0 file "6"',
		'/x/stays 0644 0:0 file "stays"',
	]);
});
