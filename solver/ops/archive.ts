import {Buffer} from 'node:buffer';
import {readSync} from 'node:fs';
import {O_NONBLOCK, O_RDONLY} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import type {CopySource} from './copy-attributes.ts';

type Signature = {readonly offset: number; readonly bytes: Buffer};

const signatures: readonly Signature[] = [
	// https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
	{offset: 0, bytes: Buffer.of(0x1F, 0x8B, 0x08)},
	// https://sourceware.org/bzip2/
	{offset: 0, bytes: Buffer.from('BZh')},
	// https://tukaani.org/xz/xz-file-format.txt
	{offset: 0, bytes: Buffer.of(0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00)},
	// https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
	{offset: 0, bytes: Buffer.of(0x28, 0xB5, 0x2F, 0xFD)},
	// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html (ustar)
	{offset: 257, bytes: Buffer.from('ustar')},
];

const headerSize = 512;

/** Whether a file begins as a tar archive does, or as a file in one of the compressions that ADD unpacks. */
export function looksLikeArchive({file, status}: CopySource): boolean {
	if (!status.isFile()) {
		return false;
	}

	using readable = Descriptor.open(file.path, O_RDONLY | O_NONBLOCK);
	const header = Buffer.alloc(headerSize);
	readSync(readable.number, header, 0, header.length, 0);
	return signatures.some(({offset, bytes}) => header.subarray(offset, offset + bytes.length).equals(bytes));
}
