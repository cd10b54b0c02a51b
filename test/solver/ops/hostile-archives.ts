import {Buffer} from 'node:buffer';
import {execFileSync, spawnSync} from 'node:child_process';
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import {watch} from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import {gzipSync} from 'node:zlib';
import test from 'ava';
import type {SnapshotId} from '../../../snapshotter/snapshotter.ts';
import {O_PATH} from '../../../src/linux/constants.ts';
import {Descriptor} from '../../../src/linux/descriptor.ts';
import {findHostProgram} from '../../../src/linux/host-program.ts';
import {unpackArchive} from '../../../solver/ops/unpack-archive.ts';
import {
	archiveBytes,
	device,
	directory,
	file,
	hardlink,
	symlink,
	type ArchiveEntry,
} from '../../support/archive-entries.ts';
import {BuildStore, plainCopy} from '../../support/build-store.ts';
import {listTar} from '../../support/case-files.ts';
import {asRoot} from '../../support/conditions.ts';
import {rawHeader} from '../../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../../support/temporary-directory.ts';
import {listTree} from '../../support/tree-listing.ts';

/** What a test gives to an image before the archive comes: links that lead out. */
async function trappedRoot(build: BuildStore): Promise<SnapshotId> {
	return build.snapshot(tree => {
		mkdirSync(path.join(tree, 'destination/inner'), {recursive: true});
		mkdirSync(path.join(tree, 'beside'));
		writeFileSync(path.join(tree, 'beside/secret'), 'of the image');
		symlinkSync('../beside', path.join(tree, 'destination/upwards'));
		symlinkSync(build.outside, path.join(tree, 'destination/absolute'));
		symlinkSync('/proc/self/root', path.join(tree, 'destination/magic'));
		symlinkSync('circle', path.join(tree, 'destination/circle'));
	});
}

/** Puts the place of the canary into what an entry says. */
function aimAt(target: string, {path: name, linkTarget, ...entry}: ArchiveEntry): ArchiveEntry {
	const aim = (text: string) => text.split('CANARY').join(target);
	return {...entry, path: aim(name), ...(linkTarget !== undefined && {linkTarget: aim(String(linkTarget))})};
}

/** An archive that tries to leave the destination. The canary outside stays alone, and so does what the image has beside the destination. */
const staysInside = test.macro({
	async exec(t, entries: readonly ArchiveEntry[], refusal: RegExp | undefined) {
		await using build = await BuildStore.open();
		const root = await trappedRoot(build);
		const archive = await archiveBytes(...entries.map(entry => aimAt(build.outside, entry)));
		writeFileSync(path.join(build.context, 'a.tar'), archive);
		chmodSync(build.outside, 0o755);
		const before = listTree(build.outside);
		const adding = build.copy({
			...plainCopy, attemptUnpack: true, source: '/a.tar', destination: '/destination',
		}, {root});
		if (refusal === undefined) {
			const snapshot = await adding;
			const beside = await build.list(snapshot, '/beside');
			t.deepEqual(beside, ['/beside/secret 0644 0:0 file "of the image"']);
		} else {
			await t.throwsAsync(adding, {code: 'ERR_TSBUILD_ARCHIVE', message: refusal});
		}

		t.deepEqual(listTree(build.outside), before);
		t.is(readFileSync(path.join(build.outside, 'canary'), 'utf8'), 'sings');
		t.false(existsSync('/tmp/tsbuild-escaped'));
	},
	title: (title = '') => `ADD: ${title} changes nothing outside of the destination`,
});

const linksToNothing = /^failed to unpack \/a\.tar at .*: .* is a symbolic link to nothing$/v;
const notThere = /^failed to unpack \/a\.tar at .*: the file that it links to, .*, is not there$/v;

asRoot('CVE-2026-28406: a path with ".."', staysInside, [file('../beside/secret')], undefined);
asRoot('a path that goes up behind a directory', staysInside, [directory('a'), file('a/../../beside/secret')], undefined);
asRoot('kaniko#586: a path that goes up far', staysInside, [file('../../../../../../tmp/tsbuild-escaped')], undefined);
asRoot('an absolute path', staysInside, [file('CANARY/canary'), file('/tmp/tsbuild-escaped')], undefined);
asRoot('an absolute path with ".."', staysInside, [file('/../tmp/tsbuild-escaped')], undefined);
asRoot('CVE-2026-42574: a file below a link that the archive made', staysInside, [symlink('a', 'CANARY'), file('a/canary', 'x')], linksToNothing);
asRoot('CVE-2026-44517: a file below a link upwards', staysInside, [symlink('a', '../beside'), file('a/secret', 'x')], linksToNothing);
asRoot('a file below a link that goes up from a directory', staysInside, [directory('d'), symlink('d/a', '../../beside'), file('d/a/secret', 'x')], linksToNothing);
asRoot('a file below a chain of links', staysInside, [symlink('a', 'b/../..'), symlink('b', 'inner'), file('a/beside/secret', 'x')], undefined);
asRoot('a file below a link upwards that the image has', staysInside, [file('upwards/secret', 'x')], linksToNothing);
asRoot('a directory in the place of a link upwards', staysInside, [{...directory('upwards'), mode: 0o777}], undefined);
asRoot('a file below an absolute link that the image has', staysInside, [file('absolute/canary', 'x')], linksToNothing);
asRoot('a directory in the place of an absolute link', staysInside, [{...directory('absolute'), mode: 0o777}], undefined);
asRoot('a link of procfs', staysInside, [file('magic/tmp/tsbuild-escaped')], linksToNothing);
asRoot('links in a circle', staysInside, [file('circle/x')], /ELOOP/v);
asRoot('a file in the place of a link', staysInside, [symlink('a', 'CANARY/canary'), file('a', 'x'), file('upwards', 'x')], undefined);
asRoot('a device in the place of a link', staysInside, [symlink('a', 'CANARY/canary'), device('a', 1, 3)], undefined);
asRoot('CVE-2026-17106: a hardlink to an absolute path', staysInside, [hardlink('a', 'CANARY/canary'), file('a', 'x')], notThere);
asRoot('CVE-2026-17106: a hardlink upwards', staysInside, [hardlink('a', '../beside/secret')], notThere);
asRoot('a hardlink through a link', staysInside, [symlink('a', 'CANARY'), hardlink('b', 'a/canary')], notThere);
asRoot('a hardlink through a link upwards', staysInside, [hardlink('b', 'upwards/secret')], notThere);
asRoot('a hardlink to a link, and a file written to it', staysInside, [symlink('a', 'CANARY/canary'), hardlink('b', 'a'), file('b', 'x')], undefined);
asRoot('a hardlink to a link, whose mode is changed', staysInside, [symlink('a', 'CANARY/canary'), {...hardlink('b', 'a'), mode: 0o777, uid: 7}], undefined);
asRoot('a hardlink to the root', staysInside, [hardlink('a', '/')], notThere);
asRoot('a hardlink to itself', staysInside, [file('a'), hardlink('a', 'a')], notThere);
asRoot('a hardlink to a directory', staysInside, [directory('d'), hardlink('a', 'd')], /EPERM/v);
asRoot('a file below a file', staysInside, [file('a'), file('a/b')], /failed to unpack \/a\.tar at a\/b: .*ENOTDIR/v);
asRoot('a name that is too long', staysInside, [file('a'), file('a'.repeat(300))], /ENAMETOOLONG/v);
asRoot('a path that is too long', staysInside, [file('a'), file('b/'.repeat(5000) + 'c')], /ENAMETOOLONG/v);
asRoot('a file that replaces a directory full of links', staysInside, [directory('a'), symlink('a/l', 'CANARY'), symlink('a/m', '../../beside'), file('a', 'x')], undefined);
asRoot('a device 0:0, which an overlay would take for a whiteout', staysInside, [file('a'), device('b', 0, 0)], /at b: overlayfs takes a device 0:0 for a whiteout$/v);
asRoot('a directory entry of the root itself', staysInside, [
	{...directory('.'), mode: 0o777, uid: 7},
	{...directory('/'), mode: 0o777},
	symlink('inner/top', '/'),
	{...directory('inner/top'), mode: 0o777},
	{...directory('..'), mode: 0o777},
], undefined);
asRoot('an attribute of overlayfs', staysInside, [{
	...directory('d'), xattrs: new Map(['trusted.overlay.opaque', 'trusted.overlay.redirect', 'user.overlay.opaque'].map(name => [name, Buffer.from('y')])),
}, file('d/x')], undefined);
asRoot('an attribute with a NUL byte in its name', staysInside, [file('a'), {...file('b'), xattrs: new Map([['user.a\0b', Buffer.from('y')]])}], /NUL/v);
asRoot('an attribute that is too large', staysInside, [file('a'), {...file('b'), xattrs: new Map([['user.a', Buffer.alloc(70_000)]])}], /at b: /v);
asRoot('a link to nothing', staysInside, [file('a'), symlink('b', '')], /at b: .*ENOENT/v);

asRoot('a canceled ADD ends with the reason', async t => {
	await using build = await BuildStore.open();
	const reason = new Error('enough');
	writeFileSync(path.join(build.context, 'a.tar'), await archiveBytes(file('a')));
	const changing = build.change([{...plainCopy, attemptUnpack: true, source: '/a.tar'}], {}, AbortSignal.abort(reason));
	await t.throwsAsync(changing, {is: reason});
});

/** Unpacks a file of the host into a directory of the host. */
async function unpack(archive: string, into: string, {maximumSize, signal = new AbortController().signal}: {readonly maximumSize?: number; readonly signal?: AbortSignal}): Promise<boolean> {
	using source = Descriptor.open(archive, O_PATH);
	using root = Descriptor.open(into, O_PATH);
	return await unpackArchive({file: source, status: statSync(archive, {bigint: true}), isReadable: false}, {
		name: 'a.tar',
		root,
		destination: '/',
		owner: undefined,
		visit() {
			// Nobody else has the file.
		},
		...(maximumSize !== undefined && {maximumSize}),
		signal,
	});
}

/** An archive that is too much, with some limit on what may come out of it. */
const refusesToUnpack = test.macro({
	async exec(t, bytes: () => Uint8Array | Promise<Uint8Array>, message: RegExp) {
		await using build = await BuildStore.open();
		const archive = path.join(build.context, 'a.tar');
		writeFileSync(archive, await bytes());
		await t.throwsAsync(unpack(archive, build.outside, {maximumSize: 1_000_000}), {code: 'ERR_TSBUILD_ARCHIVE', message});
		t.true(readdirSync(build.outside).length <= 3);
	},
	title: (title = '') => `ADD: ${title} is refused`,
});

const tooMuch = /^failed to unpack a\.tar.*: more than 1000000 bytes come out of it$/v;
const large = file('large', 'b'.repeat(5_000_000));
asRoot('a gzip bomb', refusesToUnpack, async () => gzipSync(await archiveBytes(file('a'), large)), tooMuch);
asRoot('a gzip bomb in its first file', refusesToUnpack, async () => gzipSync(await archiveBytes(large)), tooMuch);
asRoot('a file of holes that would be a gigabyte', refusesToUnpack, () => Buffer.concat([
	rawHeader({name: Buffer.from('a')}),
	rawHeader({typeFlag: 'S', name: Buffer.from('b')}, [{offset: 483, bytes: Buffer.from('10000000000')}]),
	Buffer.alloc(1024),
]), tooMuch);
asRoot('an archive that is cut', refusesToUnpack, async () => {
	const tar = await archiveBytes(file('a'), file('cut', 'c'.repeat(100_000)));
	return tar.subarray(0, 50_000);
}, /^failed to unpack a\.tar at cut: .*ends within cut/v);
asRoot('gzip that is cut', refusesToUnpack, async () => {
	const tar = await archiveBytes(file('a'), file('cut', 'c'.repeat(100_000)));
	return gzipSync(tar, {level: 0}).subarray(0, 50_000);
}, /^failed to unpack a\.tar at cut: failed to decompress: unexpected end of file/v);

asRoot.serial('a canceled ADD ends the program that decompresses', async t => {
	await using temporary = await makeTemporaryDirectory();
	const into = path.join(temporary.path, 'into');
	mkdirSync(into);
	execFileSync('sh', ['-c', 'truncate -s 300M large && tar -c large | xz -0 -T0 > a.tar.xz'], {cwd: temporary.path});
	const canceled = new AbortController();
	const reason = new Error('enough');
	const firstFile = watch(into, {signal: canceled.signal})[Symbol.asyncIterator]().next();
	const unpacking = unpack(path.join(temporary.path, 'a.tar.xz'), into, {signal: canceled.signal});
	await Promise.race([firstFile, unpacking]);
	canceled.abort(reason);
	await t.throwsAsync(unpacking, {is: reason});
	t.is(readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8'), '');
});

/** Builds an image of an archive with a device file, by a process with fewer rights. */
async function addDevice(program: string, ...options: readonly string[]): Promise<{readonly stderr: string; readonly files: readonly string[]}> {
	await using temporary = await makeTemporaryDirectory();
	writeFileSync(path.join(temporary.path, 'Dockerfile'), 'FROM scratch\nADD a.tar /\n');
	writeFileSync(path.join(temporary.path, 'a.tar'), await archiveBytes(file('a'), device('null', 1, 3), {path: 'pipe', type: 'fifo', mode: 0o644}));
	const main = path.join(import.meta.dirname, '../../../src/main.ts');
	const output = path.join(temporary.path, 'out.tar');
	const parameters = [process.execPath, main, 'build', '--root', path.join(temporary.path, 'store'), '-o', `type=tar,dest=${output}`, temporary.path];
	const {stderr} = spawnSync(program, [...options, ...parameters], {encoding: 'utf8'});
	return {stderr, files: existsSync(output) ? listTar(output) : []};
}

asRoot('ADD: a device file is refused by its name where nobody may make one', async t => {
	const {stderr} = await addDevice('setpriv', '--bounding-set', '-mknod', '--inh-caps', '-mknod');
	t.regex(stderr, /^ERROR: .*: failed to unpack \/a\.tar at null: .*: EPERM$/mv);
});

asRoot('ADD: a device file is left out in a user namespace', async t => {
	const {stderr, files} = await addDevice('unshare', '--user', '--map-root-user', '--mount');
	t.deepEqual(files, ['-rw-r--r-- 0/0 1 a', 'prw-r--r-- 0/0 0 pipe'], stderr);
});

asRoot('CVE-2026-41567: programs of an image are never run to unpack', async t => {
	await using build = await BuildStore.open();
	const bin = path.join(build.outside, 'bin');
	mkdirSync(bin);
	for (const name of ['xz', 'bzip2', 'gzip', 'unpigz', 'zstd']) {
		writeFileSync(path.join(bin, name), `#!/bin/sh\ntouch ${build.outside}/escaped\n`, {mode: 0o755});
	}

	t.is(findHostProgram('xz', `${path.relative('.', bin)}::.:/nowhere`), undefined, 'relative directories are passed over');
	t.is(findHostProgram('xz', `/nowhere:${bin}:/usr/bin`), path.join(bin, 'xz'));
	t.is(findHostProgram('nothing', bin), undefined);
	const root = await build.snapshot(tree => {
		for (const directoryName of ['bin', 'usr/bin']) {
			mkdirSync(path.join(tree, directoryName), {recursive: true});
			for (const name of ['xz', 'bzip2']) {
				symlinkSync(path.join(bin, name), path.join(tree, directoryName, name));
			}
		}
	});
	const tar = await archiveBytes(file('a', 'A'));
	for (const program of ['xz', 'bzip2']) {
		writeFileSync(path.join(build.context, `a.${program}`), execFileSync(program, ['-c'], {input: tar}));
		const snapshot = await build.copy({
			...plainCopy, attemptUnpack: true, source: `/a.${program}`, destination: '/x',
		}, {root});
		t.deepEqual(await build.list(snapshot, '/x'), ['/x/a 0644 0:0 file "A"']);
	}

	t.false(existsSync(path.join(build.outside, 'escaped')));
});
