import {Buffer} from 'node:buffer';
import {decodeTarHeader} from '../../snapshotter/tar-header.ts';

/** How much of a file tells whether it is an archive. */
export const archiveStartLength = 1024;

const tarBlockSize = 512;

const magicNumbers: readonly Buffer[] = [
	// Gzip: https://datatracker.ietf.org/doc/html/rfc1952#page-5
	Buffer.from([0x1F, 0x8B, 0x08]),
	// Bzip2: https://en.wikipedia.org/wiki/Bzip2#File_format
	Buffer.from('BZh'),
	// Xz: https://tukaani.org/xz/xz-file-format.txt
	Buffer.from([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
	// Zstd: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1
	Buffer.from([0x28, 0xB5, 0x2F, 0xFD]),
];

/**
Whether a file begins as a tar archive does, or as a compressed file, which then has to be one.

@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerui/context.go
*/
export function isArchiveStart(start: Uint8Array): boolean {
	const bytes = Buffer.from(start);
	return magicNumbers.some(magic => bytes.subarray(0, magic.length).equals(magic)) || isTarHeader(bytes.subarray(0, tarBlockSize));
}

function isTarHeader(block: Buffer): boolean {
	try {
		return block.length === tarBlockSize && decodeTarHeader(block) !== undefined;
	} catch {
		return false;
	}
}
