import {Buffer} from 'node:buffer';
import {encodePaxRecords} from '../../snapshotter/pax.ts';
import type {TarEntry} from '../../snapshotter/tar-entry.ts';
import {encodeTarHeader, type NewTarHeader} from '../../snapshotter/tar-header.ts';
import {readTar} from '../../snapshotter/tar-reader.ts';

/** An entry that was read, with its whole content. */
export type ReadMember = {
	readonly entry: TarEntry;
	readonly content: Buffer;
};

/** All bytes of a stream, whose chunks may be valid only until the next one. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
	return Buffer.concat(await Array.fromAsync(source, chunk => Buffer.from(chunk)));
}

/**
Bytes as a stream of chunks.

@yields pieces of `chunkSize` bytes
*/
export async function * inChunks(bytes: Uint8Array, chunkSize = 64 * 1024): AsyncGenerator<Uint8Array> {
	for (let start = 0; start < bytes.length; start += chunkSize) {
		yield bytes.subarray(start, start + chunkSize);
	}
}

/** Reads a whole archive. */
export async function readMembers(archive: Uint8Array, chunkSize?: number): Promise<readonly ReadMember[]> {
	const members: ReadMember[] = [];
	for await (const {entry, content} of readTar(inChunks(archive, chunkSize))) {
		members.push({entry, content: await collect(content)});
	}

	return members;
}

/** A header block as a hostile program would write it: any field, with a right checksum. `patches` are put over the finished block. */
export function rawHeader(header: Partial<NewTarHeader>, patches: ReadonlyArray<{readonly offset: number; readonly bytes: Uint8Array}> = []): Buffer {
	const block = encodeTarHeader({
		typeFlag: '0',
		name: Buffer.from('file'),
		linkName: Buffer.alloc(0),
		mode: 0o644,
		uid: 0,
		gid: 0,
		size: 0,
		mtime: 0,
		device: {major: 0, minor: 0},
		...header,
	});
	for (const {offset, bytes} of patches) {
		block.set(bytes, offset);
	}

	block.fill(' ', 148, 156);
	block.write(`${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
	return block;
}

/** Content filled up to whole blocks. */
export function blocks(content: Uint8Array | string): Buffer {
	const bytes = Buffer.from(content);
	return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** An extended header: of one entry (`x`) or of all that follow (`g`). */
export function paxHeader(typeFlag: 'g' | 'x', records: Readonly<Record<string, string>>): Buffer {
	const content = encodePaxRecords(new Map(Object.entries(records)));
	return Buffer.concat([rawHeader({typeFlag, size: content.length}), blocks(content)]);
}

/** The two blocks of zeros at the end of an archive. */
export const endOfArchive: Uint8Array = Buffer.alloc(1024);
