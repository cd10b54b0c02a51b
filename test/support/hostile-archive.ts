import {Buffer} from 'node:buffer';
import fc from 'fast-check';
import {encodePaxRecords} from '../../snapshotter/pax.ts';
import type {TarEntryType} from '../../snapshotter/tar-entry.ts';
import type {OverlayAttributes} from '../../snapshotter/whiteout.ts';
import {archiveBytes, type ArchiveEntry} from './archive-entries.ts';
import {blocks, rawHeader} from './tar-bytes.ts';

/*
Archives of somebody who wants out, at random.
*/

// In a path or link, stands for a place that is not to be reached.
const canaryMark = 'CANARY';

const parts = ['a', 'b', 'c', 'd', '.', '..', '', 'ä', '.wh.a', '.wh.b', '.wh..wh..opq', '.wh..wh.plnk'];
const farPaths = [`${canaryMark}/secret`, '../canary/secret', '../../canary', '/proc/self/root', '/proc/self/fd/0', '.wh.', 'a/.wh..', '.wh...', 'a'.repeat(256), 'a/'.repeat(3000)];
const paths = fc.oneof(
	{weight: 20, arbitrary: fc.array(fc.constantFrom(...parts), {minLength: 1, maxLength: 4}).map(names => names.join('/'))},
	{weight: 1, arbitrary: fc.constantFrom(...farPaths)},
);
const types: readonly TarEntryType[] = ['file', 'directory', 'symlink', 'hardlink', 'character', 'block', 'fifo'];
const attributeNames = ['trusted.overlay.opaque', 'trusted.overlay.redirect', 'user.overlay.whiteout', 'user.a', 'security.capability', 'trusted.a', 'nothing'];

const attributes = fc.dictionary(fc.constantFrom(...attributeNames), fc.constantFrom('y', ''), {maxKeys: 2})
	.map(values => new Map(Object.entries(values).map(([name, value]) => [name, Buffer.from(value)])));

const hostileEntry = fc.record({
	path: paths,
	type: fc.constantFrom(...types),
	mode: fc.nat(0o7777),
	uid: fc.constantFrom(0, 1000, 4_294_967_294),
	mtimeNanoseconds: fc.constantFrom(0n, -1n, 1_500_000_000_000_000_000n, 10n ** 20n),
	linkTarget: paths,
	text: fc.constantFrom('', 'text', 'x'.repeat(5000)),
	deviceMajor: fc.constantFrom(0, 1, 4095),
	deviceMinor: fc.constantFrom(0, 3),
	xattrs: attributes,
}).map(({text, ...entry}): ArchiveEntry => ({...entry, ...(entry.type === 'file' && {text})}));

/** Entries in the same few places, of every kind. */
export const hostileEntries: fc.Arbitrary<readonly ArchiveEntry[]> = fc.array(hostileEntry, {maxLength: 12});

/** Who reads what a layer becomes. */
export const overlayAttributes: fc.Arbitrary<OverlayAttributes> = fc.constantFrom('trusted', 'trusted', 'user', 'none');

/** The archive of such entries, which aim at the directory `canary`. */
export async function aimedBytes(entries: readonly ArchiveEntry[], canary: string): Promise<Buffer> {
	const aim = (text: unknown) => String(text).split(canaryMark).join(canary);
	return archiveBytes(...entries.map(({path, linkTarget, ...entry}) => ({
		...entry,
		path: aim(path),
		...(entry.type?.endsWith('link') === true && {linkTarget: aim(linkTarget)}),
	})));
}

/** One change of the bytes of an archive. Places are parts of its length, so that a change fits every archive. */
type Change =
	| {readonly kind: 'byte'; readonly at: number; readonly byte: number}
	| {readonly kind: 'copy'; readonly at: number; readonly from: number}
	| {readonly kind: 'insert'; readonly at: number; readonly block: Buffer}
	| {readonly kind: 'field'; readonly at: number; readonly offset: number; readonly bytes: Buffer}
	| {readonly kind: 'cut'; readonly at: number};

const place = fc.double({
	min: 0, max: 1, maxExcluded: true, noNaN: true,
});

// Offsets of the header's fields, with what could be wrong there.
const fields: ReadonlyArray<readonly [offset: number, values: readonly string[]]> = [
	[0, ['../x', '/x', 'a/../../x', '.wh.a', '.wh..wh..opq', '', 'a'.repeat(100)]],
	[100, ['7777777', '4755   ', '-000001', '99999999']],
	[108, ['7777777', '\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}']],
	[124, ['77777777777', '00000000000', '00000001000', '\u{80}\0\0\0\u{7F}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}', '\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}']],
	[136, ['\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FE}', '77777777777']],
	[156, ['0', '1', '2', '3', '4', '5', '6', '7', 'S', 'L', 'K', 'x', 'g', 'X', 'V', 'M', '\0']],
	[157, ['../x', '/etc/passwd', 'a', '', '.']],
	[257, ['ustar\u{0}00', 'ustar  \0', '\0\0\0\0\0\0\0\0']],
	[329, ['0000000', '\u{80}\0\0\0\0\0\u{10}\0']],
	[345, ['../..', '/', 'prefix']],
	[386, ['\u{80}\0\0\0\0\0\0\0\0\0\0\0', '77777777777 77777777777 ']],
	[482, ['\u{1}', '\0']],
	[483, ['77777777777', '10000000000']],
];

const recordValues: ReadonlyArray<readonly [key: string, values: readonly string[]]> = [
	['path', ['../x', '/x', '.wh.a', 'a\0b', '']],
	['linkpath', ['../x', '/', '']],
	['size', ['0', '-1', '99999999999', '1e9', '512']],
	['mtime', ['-1.5', '999999999999', '1e9']],
	['uid', ['4294967295', '-1', '']],
	['SCHILY.xattr.trusted.overlay.opaque', ['y']],
	['SCHILY.xattr.user.a', ['b', '']],
	['GNU.sparse.map', ['0,1', '1,0,0,1', '0,99999999999', ',,']],
	['GNU.sparse.size', ['1', '99999999999', '']],
	['GNU.sparse.major', ['1', '0', '9']],
	['GNU.sparse.minor', ['0', '1']],
	['GNU.sparse.realsize', ['512', '99999999999']],
	['GNU.sparse.name', ['../x', 'a']],
];

const extensionBlocks = fc.tuple(
	fc.constantFrom('x', 'g'),
	fc.array(fc.constantFrom(...recordValues).chain(([key, values]) => fc.constantFrom(...values).map(value => [key, value] as const)), {minLength: 1, maxLength: 4}),
).map(([typeFlag, records]) => {
	const content = encodePaxRecords(new Map(records));
	return Buffer.concat([rawHeader({typeFlag, size: content.length}), blocks(content)]);
});

const fieldChanges = fc.constantFrom(...fields).chain(([offset, values]) => fc.record({
	kind: fc.constant('field' as const),
	at: place,
	offset: fc.constant(offset),
	bytes: fc.constantFrom(...values).map(value => Buffer.from(value, 'latin1')),
}));

const changes: fc.Arbitrary<Change> = fc.oneof(
	fc.record({kind: fc.constant('byte' as const), at: place, byte: fc.nat(255)}),
	fc.record({kind: fc.constant('copy' as const), at: place, from: place}),
	fc.record({kind: fc.constant('insert' as const), at: place, block: extensionBlocks}),
	{weight: 4, arbitrary: fieldChanges},
	fc.record({kind: fc.constant('cut' as const), at: place}),
);

/** An archive with some of its bytes, blocks and header fields changed; the checksums of changed headers are right again. */
export function damaged(archive: Buffer): fc.Arbitrary<Buffer> {
	return fc.array(changes, {minLength: 1, maxLength: 6}).map(list => {
		let bytes = Buffer.from(archive);
		for (const change of list) {
			bytes = applyChange(bytes, change);
		}

		return bytes;
	});
}

function applyChange(archive: Buffer<ArrayBuffer>, change: Change): Buffer<ArrayBuffer> {
	const at = Math.floor(change.at * archive.length);
	const block = at - (at % 512);
	switch (change.kind) {
		case 'byte': {
			return archive.length === 0 ? archive : Buffer.from(archive).fill(change.byte, at, at + 1);
		}

		case 'copy': {
			const from = Math.floor(change.from * archive.length);
			const copied = archive.subarray(from - (from % 512)).subarray(0, 512);
			return Buffer.concat([archive.subarray(0, block), copied, archive.subarray(block + copied.length)]);
		}

		case 'insert': {
			return Buffer.concat([archive.subarray(0, block), change.block, archive.subarray(block)]);
		}

		case 'field': {
			return withField(Buffer.from(archive), block, change);
		}

		case 'cut': {
			return archive.subarray(0, at);
		}
	}
}

function withField(archive: Buffer<ArrayBuffer>, block: number, {offset, bytes}: {readonly offset: number; readonly bytes: Buffer}): Buffer<ArrayBuffer> {
	const header = archive.subarray(block, block + 512);
	if (header.length === 512) {
		header.set(bytes.subarray(0, 512 - offset), offset);
		header.fill(' ', 148, 156);
		header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
	}

	return archive;
}
