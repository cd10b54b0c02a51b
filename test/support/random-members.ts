import {Buffer} from 'node:buffer';
import fc from 'fast-check';
import type {NewTarEntry} from '../../snapshotter/tar-entry.ts';
import type {TarMember} from '../../snapshotter/tar-writer.ts';
import {nameBytes} from '../../src/linux/name.ts';

const mtimes = fc.oneof(
	fc.bigInt({min: 0n, max: 2_000_000_000n}).map(seconds => seconds * 1_000_000_000n),
	fc.bigInt({min: -1_000_000_000_000_000_000n, max: 4_000_000_000_000_000_000n}),
);
const ids = fc.oneof(fc.nat(70_000), fc.integer({min: 2_097_150, max: 2_097_153}), fc.nat(2 ** 31));
const nameOf = fc.uint8Array({minLength: 1, maxLength: 120}).map(bytes => Buffer.from(bytes.map(byte => byte === 0 || byte === 0x2F ? 0x41 : byte)));
const plainName = fc.string({minLength: 1, maxLength: 120, unit: fc.constantFrom(...'abcdefgh')}).map(text => Buffer.from(text));
const names = fc.oneof(plainName, nameOf).filter(name => !['.', '..'].includes(name.toString('latin1')));
const paths = fc.array(names, {minLength: 1, maxLength: 4});
const xattrs = fc.dictionary(fc.string({minLength: 1, maxLength: 20, unit: fc.constantFrom(...'abc=%')}), fc.uint8Array({maxLength: 40}), {maxKeys: 3})
	.map(values => new Map(Object.entries(values).map(([name, value]) => [`user.${name}`, Buffer.from(value)])));

/** Members of an archive, with any bytes in their names, and with owners and times at the bounds of what headers hold. */
export const randomMember: fc.Arbitrary<TarMember> = fc.record({
	path: paths,
	type: fc.constantFrom('file', 'symlink', 'fifo', 'character'),
	mode: fc.nat(0o7777),
	uid: ids,
	gid: ids,
	mtimeNanoseconds: mtimes,
	linkTarget: paths,
	content: fc.uint8Array({maxLength: 1500}),
	deviceMajor: fc.nat(4095),
	deviceMinor: fc.nat((2 ** 20) - 1),
	xattrs,
}).map(({path: parts, linkTarget, content, ...entry}): TarMember => {
	const isDevice = entry.type === 'character';
	return {
		entry: {
			...entry,
			path: Buffer.from(parts.map(part => part.toString('latin1')).join('/'), 'latin1'),
			linkTarget: entry.type === 'symlink' ? Buffer.from(linkTarget.map(part => part.toString('latin1')).join('/'), 'latin1') : '',
			size: entry.type === 'file' ? content.length : 0,
			deviceMajor: isDevice ? entry.deviceMajor : 0,
			deviceMinor: isDevice ? Math.max(1, entry.deviceMinor) : 0,
		},
		content: entry.type === 'file' ? Buffer.from(content) : Buffer.alloc(0),
	};
});

/** A member as it can be compared: the order of attributes in a map says nothing. */
export function comparableMember({entry, content}: {readonly entry: NewTarEntry; readonly content?: unknown}): Record<string, unknown> {
	return {
		...entry,
		linkTarget: Buffer.from(nameBytes(entry.linkTarget ?? '')),
		xattrs: Object.fromEntries(entry.xattrs ?? []),
		content,
	};
}
