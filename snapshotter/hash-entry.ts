import {Buffer} from 'node:buffer';
import {hash} from 'node:crypto';
import type {BigIntStats} from 'node:fs';
import {getExtendedAttribute, listExtendedAttributes, type AttributeTarget} from '../src/linux/extended-attributes.ts';

/** What a file is besides its name, times and content. */
export type EntryDescription = {
	readonly type: 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';
	readonly status: BigIntStats;
	/** Its extended attributes, see `countedAttributes`. */
	readonly attributes: string;
	/** Of a symbolic link. */
	readonly target?: Uint8Array;
};

/** A name in a directory and the digest of what it names. */
export type NamedDigest = {
	readonly name: Buffer;
	/** Hexadecimal. */
	readonly sha256: string;
};

// Raised when anything below changes, since these digests are part of cache keys.
export const treeVersion = 'tsbuild tree 1';

// https://man7.org/linux/man-pages/man7/inode.7.html
const types: Readonly<Record<number, EntryDescription['type']>> = {
	0o14_0000: 'socket',
	0o12_0000: 'symlink',
	0o10_0000: 'file',
	0o06_0000: 'block',
	0o04_0000: 'directory',
	0o02_0000: 'character',
	0o01_0000: 'fifo',
};

/** The kind of a file. */
export function entryType({mode}: BigIntStats): EntryDescription['type'] {
	return types[Number(mode) & 0o17_0000]!;
}

/** What of a file does not count, because nothing depends on it. */
export type IgnoredState = {
	/** Everybody is user 0 and group 0. */
	readonly zeroOwner: boolean;
	/** The permission bits. */
	readonly ignoresMode?: boolean | undefined;
};

/** What a file is, as text: type, permissions, owner, device number, link target, extended attributes. */
export function entryHeader({type, status, attributes, target}: EntryDescription, {zeroOwner, ignoresMode = false}: IgnoredState): string {
	const isDevice = type === 'character' || type === 'block';
	const permissions = ignoresMode ? 'any' : (Number(status.mode) & 0o7777).toString(8);
	const owner = zeroOwner ? '0:0' : `${status.uid}:${status.gid}`;
	const device = isDevice ? status.rdev : 0n;
	return `${treeVersion} ${type} ${permissions} ${owner} ${device} ${hexadecimal(target)} ${attributes}\n`;
}

/** The SHA-256 that stands for a file: of its header and, for a file or directory, the digest of its content. */
export function hashEntry(header: string, content = ''): string {
	return hash('sha256', header + content);
}

/** The SHA-256 of a directory's entries, which are in the order of their names' bytes. */
export function hashEntries(entries: readonly NamedDigest[]): string {
	// A name holds no NUL, so that no two lists have the same text.
	return hash('sha256', entries.map(({name, sha256}) => `${name.toString('latin1')}\0${sha256}`).join(''));
}

/**
A file's extended attributes with their values, as text.

Which of them count is as in BuildKit's content hash: of `security.*` only the capabilities, of `system.*` none. Overlayfs' own never belong to a file.
*/
export function countedAttributes(file: AttributeTarget): string {
	const names = listExtendedAttributes(file).filter(name => isCounted(name));
	return names.map(name => `${hexadecimal(Buffer.from(name))}=${hexadecimal(getExtendedAttribute(file, name))}`).join(',');
}

function isCounted(name: string): boolean {
	return name === 'security.capability' || !/^(?:security\.|system\.|trusted\.overlay\.|user\.overlay\.)/v.test(name);
}

function hexadecimal(bytes: Uint8Array | undefined): string {
	return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}
