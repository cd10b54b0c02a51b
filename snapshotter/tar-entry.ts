import type {Buffer} from 'node:buffer';
import {TsbuildError} from '../src/kernel/errors.ts';
import type {Name} from '../src/linux/name.ts';

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/**
One member of a tar archive, as it was read. Names are bytes and are not checked: they may be absolute, hold `..` or end with `/`.
*/
export type TarEntry = {
	readonly path: Buffer;
	readonly type: TarEntryType;
	/** Permission, setuid, setgid and sticky bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Since the epoch; negative before it. */
	readonly mtimeNanoseconds: bigint;
	/** Bytes of content with holes filled; 0 for all types but `file`. */
	readonly size: number;
	/** Target of a symlink, or path of the entry that a hardlink names; empty for all other types. */
	readonly linkTarget: Buffer;
	readonly deviceMajor: number;
	readonly deviceMinor: number;
	readonly xattrs: ReadonlyMap<string, Buffer>;
};

/**
What an entry is written from: what is left out is 0 or empty.
*/
export type NewTarEntry = {
	readonly path: Name;
	readonly type: TarEntryType;
	readonly mode: number;
	readonly uid?: number;
	readonly gid?: number;
	readonly mtimeNanoseconds?: bigint;
	readonly size?: number;
	readonly linkTarget?: Name;
	readonly deviceMajor?: number;
	readonly deviceMinor?: number;
	readonly xattrs?: ReadonlyMap<string, Uint8Array>;
};

/**
Everything in an archive begins on a multiple of this.

@see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
*/
export const tarBlockSize = 512;

/** Bytes from `size` to the next block. */
export function paddingAfter(size: number): number {
	return (tarBlockSize - (size % tarBlockSize)) % tarBlockSize;
}

/** The error of an archive that breaks the format or its limits: `ERR_TSBUILD_TAR`. */
export function tarError(reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_TAR', `failed to read tar archive: ${reason}`, {
		hint: 'The archive is damaged, or was made by a program that extends the format in an unknown way.',
	});
}
