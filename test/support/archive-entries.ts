import {Buffer} from 'node:buffer';
import type {NewTarEntry} from '../../snapshotter/tar-entry.ts';
import {writeTar} from '../../snapshotter/tar-writer.ts';
import {collect} from './tar-bytes.ts';

/** An entry of a tar archive as a test writes it: a name that ends with `/` is a directory, all else a file unless it says so. */
export type ArchiveEntry = Partial<NewTarEntry> & {readonly path: string; readonly text?: string};

/** A directory. */
export const directory = (name: string): ArchiveEntry => ({path: `${name}/`});
/** A file that holds its name, or something else. */
export const file = (name: string, text = name): ArchiveEntry => ({path: name, text});
/** A symbolic link. */
export const symlink = (name: string, linkTarget: string): ArchiveEntry => ({
	path: name, type: 'symlink', mode: 0o777, linkTarget,
});
/** Another name of a file. */
export const hardlink = (name: string, linkTarget: string): ArchiveEntry => ({path: name, type: 'hardlink', linkTarget});
/** A device. */
export const device = (name: string, deviceMajor: number, deviceMinor: number): ArchiveEntry => ({
	path: name, type: 'character', mode: 0o666, deviceMajor, deviceMinor,
});

/** The bytes of such an archive. */
export async function archiveBytes(...entries: readonly ArchiveEntry[]): Promise<Buffer> {
	return collect(archiveOf(...entries));
}

/** The archive of such entries, uncompressed. Their time is 1,500,000,000 seconds after the epoch. */
export function archiveOf(...entries: readonly ArchiveEntry[]): AsyncIterable<Uint8Array> {
	return writeTar(entries.map(({text = '', ...entry}) => ({
		entry: {
			type: entry.path.endsWith('/') ? 'directory' as const : 'file' as const,
			mode: entry.path.endsWith('/') ? 0o755 : 0o644,
			mtimeNanoseconds: 1_500_000_000_000_000_000n,
			...entry,
			size: text.length,
		},
		content: Buffer.from(text),
	})));
}
