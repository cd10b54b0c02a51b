import {Buffer, isAscii, isUtf8} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {gunzipSync} from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import type {NewTarEntry} from '../../snapshotter/tar-entry.ts';
import {writeTar, type TarMember} from '../../snapshotter/tar-writer.ts';
import type {ImageIndex, ImageManifest} from '../../src/kernel/oci-types.ts';
import {nameBytes} from '../../src/linux/name.ts';
import {asRoot} from '../support/conditions.ts';
import {comparableMember, randomMember} from '../support/random-members.ts';
import {collect, readMembers} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

/** Another program that reads and writes archives. */
type Program = {
	/** Unpacks `archive.tar` of a directory there, and packs all of it again. */
	readonly repack: (directory: string) => Uint8Array;
	/** Whether it can hold an entry at all. */
	readonly holds: (entry: NewTarEntry) => boolean;
};

function run(directory: string, script: string): Buffer {
	return execFileSync('sh', ['-ec', script], {cwd: directory, stdio: 'pipe', maxBuffer: 2 ** 26});
}

// Programs of Go and libarchive know no escape for `=` in the key of an attribute.
const hasPlainAttributes = ({xattrs}: NewTarEntry) => xattrs!.keys().every(name => !/[%=]/v.test(name));
const namesOf = ({path: name, linkTarget = ''}: NewTarEntry) => [nameBytes(name), nameBytes(linkTarget)];

const gnuTar: Program = {
	repack: directory => run(directory, `
		tar --extract --numeric-owner --same-owner --preserve-permissions --xattrs --xattrs-include='*' -f archive.tar -C root
		tar --create --format=posix --xattrs --xattrs-include='*' -C root .
	`),
	holds: () => true,
};

const bsdtar: Program = {
	repack: directory => run(directory, `
		bsdtar -x --numeric-owner -p -f archive.tar -C root
		bsdtar -c --format=pax -C root .
	`),
	// Names that are not ASCII depend on the locale; times before 1970 are rounded upwards.
	holds: entry => hasPlainAttributes(entry) && namesOf(entry).every(name => isAscii(name)) && entry.mtimeNanoseconds! >= 0n,
};

// As the layer of an image, which is then added to an empty one.
const umoci: Program = {
	repack(directory) {
		run(directory, `
			umoci init --layout image
			umoci new --image image:read
			umoci raw add-layer --image image:read archive.tar
			umoci unpack --image image:read bundle
			umoci new --image image:written
			umoci unpack --image image:written empty
			cp -a bundle/rootfs/. empty/rootfs
			umoci repack --image image:written empty
		`);
		const blob = (digest: string) => readFileSync(path.join(directory, 'image/blobs', digest.replace(':', '/')));
		const index = JSON.parse(readFileSync(path.join(directory, 'image/index.json'), 'utf8')) as ImageIndex;
		const image = index.manifests.find(({annotations}) => annotations?.['org.opencontainers.image.ref.name'] === 'written')!;
		const {layers} = JSON.parse(blob(image.digest).toString()) as ImageManifest;
		return gunzipSync(blob(layers.at(-1)!.digest));
	},
	// Names are text, times whole seconds, and an empty record is none.
	holds: entry => hasPlainAttributes(entry)
		&& entry.mtimeNanoseconds! % 1_000_000_000n === 0n
		&& entry.xattrs!.values().every(value => value.length > 0)
		&& namesOf(entry).every(name => isUtf8(name)),
};

const roundTrips = test.macro({
	async exec(t, {repack, holds}: Program) {
		const member = randomMember.filter(({entry}) => holds(entry));
		await fc.assert(fc.asyncProperty(fc.array(member, {minLength: 1, maxLength: 6}), async random => {
			await using directory = await makeTemporaryDirectory();
			const members = inFolders(random);
			mkdirSync(path.join(directory.path, 'root'));
			writeFileSync(path.join(directory.path, 'archive.tar'), await collect(writeTar(members)));
			const read = await readMembers(repack(directory.path));
			const byName = new Map(read.map(found => [plainName(found.entry), found]));
			for (const written of members) {
				const found = byName.get(plainName(written.entry))!;
				t.deepEqual({...comparableMember(found), path: undefined}, {...comparableMember(written), path: undefined});
			}
		}), {numRuns: 25});
	},
	title: (title = '') => `what is written, unpacked by ${title}, packed by it and read is the same, byte for byte`,
});

/** Members in a folder each, so that random names never meet. */
function inFolders(members: readonly TarMember[]): TarMember[] {
	return members.map(({entry, content}, index) => {
		const name = Buffer.from(nameBytes(entry.path).map(byte => byte === 0x2F ? 0x5F : byte)).subarray(0, 200);
		return {
			entry: {
				...entry,
				path: Buffer.concat([Buffer.from(`${index}/`), name]),
				mode: entry.type === 'symlink' ? 0o777 : entry.mode,
				// No other kind of file can have those.
				xattrs: entry.type === 'file' ? entry.xattrs ?? new Map<string, Buffer>() : new Map<string, Buffer>(),
			},
			content: content ?? Buffer.alloc(0),
		};
	});
}

function plainName({path: name}: Pick<NewTarEntry, 'path'>): string {
	return Buffer.from(nameBytes(name)).toString('latin1').replace(/^\.\//v, '').replace(/\/$/v, '');
}

asRoot('GNU tar', roundTrips, gnuTar);
asRoot('bsdtar', roundTrips, bsdtar);
asRoot('umoci', roundTrips, umoci);
