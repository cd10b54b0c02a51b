import {Buffer} from 'node:buffer';
import type {ByteReader} from './byte-reader.ts';
import {parsePaxRecords, type PaxRecord} from './pax.ts';
import {paddingAfter, tarBlockSize, tarError} from './tar-entry.ts';
import {decodeTarHeader, type TarHeader} from './tar-header.ts';

/** What was said before a header about the entry to come. */
export type Extensions = {
	readonly records: readonly PaxRecord[];
	readonly longName: Buffer | undefined;
	readonly longLinkName: Buffer | undefined;
};

/** The header of an entry, with the block that it was read from. */
export type ExtendedHeader = {
	readonly block: Buffer;
	readonly header: TarHeader;
	readonly extensions: Extensions;
};

// PAX headers and GNU long names are held in memory.
const maximumExtensionLength = 2 ** 20;

// What stands before an entry: PAX records (`X` in old archives of Solaris), and GNU's long name and long link name.
const entryExtensions: ReadonlySet<string> = new Set(['x', 'X', 'L', 'K']);
// What stands for itself: PAX records of all entries that follow, and the label that GNU tar gives to an archive.
const archiveExtensions: ReadonlySet<string> = new Set(['g', 'V']);

/**
Reads up to the header of the next entry, and what stands before it about this entry (or, for global PAX records, about all that follow: they are added to `globals`).

@returns `undefined` at the end of the archive
@throws {TsbuildError} `ERR_TSBUILD_TAR`
*/
export async function readExtendedHeader(bytes: ByteReader, globals: Map<string, PaxRecord>): Promise<ExtendedHeader | undefined> {
	let extensions: Extensions = {records: [], longName: undefined, longLinkName: undefined};
	for (let isExpected = false; ;) {
		const block = await bytes.read(tarBlockSize);
		const header = block.length < tarBlockSize ? undefined : decodeTarHeader(block);
		if (header === undefined) {
			checkEnd(block, isExpected);
			return undefined;
		}

		if (!entryExtensions.has(header.typeFlag) && !archiveExtensions.has(header.typeFlag)) {
			// A view of a chunk would be overwritten by a source that reuses its buffer.
			return {block: header.typeFlag === 'S' ? Buffer.from(block) : block, header, extensions};
		}

		isExpected ||= entryExtensions.has(header.typeFlag);
		const content = await readExtension(bytes, header);
		extensions = addExtension(extensions, {typeFlag: header.typeFlag, content, globals});
	}
}

function addExtension(extensions: Extensions, {typeFlag, content, globals}: {readonly typeFlag: string; readonly content: Buffer; readonly globals: Map<string, PaxRecord>}): Extensions {
	switch (typeFlag) {
		case 'x':
		case 'X': {
			return {...extensions, records: parsePaxRecords(content)};
		}

		case 'L': {
			return {...extensions, longName: untilNul(content)};
		}

		case 'K': {
			return {...extensions, longLinkName: untilNul(content)};
		}

		case 'g': {
			for (const record of parsePaxRecords(content)) {
				globals.set(record.key, record);
			}

			checkGlobals(globals);
			return extensions;
		}

		default: {
			return extensions;
		}
	}
}

function checkGlobals(globals: ReadonlyMap<string, PaxRecord>): void {
	const length = globals.values().reduce((sum, {key, value}) => sum + key.length + value.length, 0);
	if (length > maximumExtensionLength) {
		throw tarError('its global PAX records are larger than 1 MiB');
	}
}

function checkEnd(block: Buffer, isEntryExpected: boolean): void {
	if (block.length > 0 && block.length < tarBlockSize) {
		throw tarError('it ends within a header');
	}

	if (isEntryExpected) {
		throw tarError('it ends after a header that describes a next entry');
	}
}

async function readExtension(bytes: ByteReader, {size}: TarHeader): Promise<Buffer> {
	if (size < 0 || size > maximumExtensionLength) {
		throw tarError('an extended header is larger than 1 MiB');
	}

	const content = await bytes.read(size);
	if (content.length < size) {
		throw tarError('it ends within an extended header');
	}

	// Before the next read, which may overwrite the view.
	const copy = Buffer.from(content);
	await bytes.skip(paddingAfter(size));
	return copy;
}

function untilNul(bytes: Buffer): Buffer {
	const end = bytes.indexOf(0);
	return end === -1 ? bytes : bytes.subarray(0, end);
}
