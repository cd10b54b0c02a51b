import {Buffer} from 'node:buffer';
import {displayName} from '../src/linux/name.ts';
import {ByteReader} from './byte-reader.ts';
import {unpackedSizeError} from './decompression-limit.ts';
import {
	parsePaxNumber,
	parsePaxTime,
	xattrOfPaxKey,
	type PaxRecord,
} from './pax.ts';
import {
	expandSparse,
	readOldGnuSparseMap,
	readPaxSparseMap,
	sparseDataLength,
	type SparseMap,
} from './sparse.ts';
import {
	paddingAfter,
	tarError,
	type TarEntry,
	type TarEntryType,
} from './tar-entry.ts';
import {readExtendedHeader, type ExtendedHeader} from './tar-extensions.ts';
import type {TarHeader} from './tar-header.ts';

/** An entry and its content, which is to be read before the next entry is asked for, and only once; what is left unread is passed over. */
export type TarMemberRead = {
	readonly entry: TarEntry;
	readonly content: AsyncIterable<Uint8Array>;
};

/** Limits of an archive. */
export type ReadTarOptions = {
	/** Bytes of all files at most, with holes filled: a few bytes of archive can stand for a terabyte of them. Each file counts 4 KiB more, which a disk needs for it at least. */
	readonly maximumSize?: number | undefined;
};

// A block of common file systems.
const bytesOfDisk = 4096;
const nanosecondsPerSecond = 1_000_000_000n;
const slash = 0x2F;
// The largest ID of Linux; 2^32 - 1 means "do not change".
const maximumId = 0xFF_FF_FF_FE;
// 12 and 20 bits. https://github.com/torvalds/linux/blob/v6.12/include/linux/kdev_t.h
const maximumDevice = {major: 0xF_FF, minor: 0xF_FF_FF} as const;

const types: Readonly<Record<string, TarEntryType>> = {
	'\u{0}': 'file',
	0: 'file',
	1: 'hardlink',
	2: 'symlink',
	3: 'character',
	4: 'block',
	5: 'directory',
	6: 'fifo',
	// "Contiguous" files are to be treated as files where there is no such thing.
	7: 'file',
	S: 'file',
};

type GlobalRecords = ReadonlyMap<string, PaxRecord>;

/**
Reads an archive in V7, ustar, PAX (also global records), star and GNU format (long names, base-256 numbers, all sparse formats, which are expanded). Memory is bounded whatever the archive holds.

The archive ends at a block of zeros or at the end of the stream, as in Go's archive/tar; what follows is left unread.

@yields each entry in the order of the archive
@throws {TsbuildError} `ERR_TSBUILD_TAR` for what cannot be understood: unknown types, wrong checksums, truncated or negative sizes; `ERR_TSBUILD_UNPACKED_SIZE`
@see https://github.com/golang/go/blob/go1.24.0/src/archive/tar/reader.go
*/
export async function * readTar(source: AsyncIterable<Uint8Array>, {maximumSize = Infinity}: ReadTarOptions = {}): AsyncGenerator<TarMemberRead> {
	const bytes = new ByteReader(source);
	let size = 0;
	try {
		const globals = new Map<string, PaxRecord>();
		for (;;) {
			const extended = await readExtendedHeader(bytes, globals);
			if (extended === undefined) {
				return;
			}

			const {entry, data} = await readEntry(bytes, extended, globals);
			size += entry.size + bytesOfDisk;
			if (size > maximumSize) {
				throw unpackedSizeError(maximumSize);
			}

			yield {entry, content: data};
			await data.skip();
		}
	} finally {
		await bytes.close();
	}
}

async function readEntry(bytes: ByteReader, extended: ExtendedHeader, globals: GlobalRecords): Promise<{readonly entry: TarEntry; readonly data: EntryData}> {
	const {header, extensions} = extended;
	// An entry's own record of a key replaces the global one, also by an empty value, which stands for the header's.
	const records = [...globals.values(), ...extensions.records];
	const values = new Map(records.map(({key, value}) => [key, value]));
	const path = textOf(values, 'GNU.sparse.name') ?? textOf(values, 'path') ?? extensions.longName ?? header.name;
	const type = typeOf(header, path);
	const storedSize = type === 'file' ? numberOf(values, 'size') ?? header.size : 0;
	if (storedSize < 0) {
		throw tarError(`the size of ${displayName(path)} is negative`);
	}

	const sparse = type === 'file' ? await readSparseMap(bytes, extended, {records, storedSize}) : undefined;
	const data = new EntryData(bytes, {path, storedSize, sparse});
	const entry: TarEntry = {
		path,
		type,
		mode: header.mode & 0o7777,
		uid: checkId(numberOf(values, 'uid') ?? header.uid),
		gid: checkId(numberOf(values, 'gid') ?? header.gid),
		mtimeNanoseconds: timeOf(values, 'mtime') ?? (BigInt(header.mtime) * nanosecondsPerSecond),
		size: sparse?.size ?? storedSize,
		linkTarget: type === 'hardlink' || type === 'symlink' ? textOf(values, 'linkpath') ?? extensions.longLinkName ?? header.linkName : Buffer.alloc(0),
		...deviceOf(header, {path, type}),
		xattrs: xattrsOf(values),
	};
	return {entry, data};
}

function typeOf({typeFlag}: TarHeader, path: Buffer): TarEntryType {
	const type = types[typeFlag];
	if (type === undefined) {
		throw tarError(`${displayName(path)} has the unknown type ${JSON.stringify(typeFlag)}`);
	}

	// Archives from before the type of directories.
	return typeFlag === '\u{0}' && path.at(-1) === slash ? 'directory' : type;
}

type StoredContent = {readonly records: readonly PaxRecord[]; readonly storedSize: number};

async function readSparseMap(bytes: ByteReader, {block, header}: ExtendedHeader, {records, storedSize}: StoredContent): Promise<SparseMap | undefined> {
	const map = header.typeFlag === 'S' ? await readOldGnuSparseMap(block, bytes) : await readPaxSparseMap(records, bytes, storedSize);
	if (map !== undefined && sparseDataLength(map) !== storedSize - map.mapLength) {
		throw tarError('the map of a sparse file does not match its content');
	}

	return map;
}

function textOf(values: ReadonlyMap<string, Buffer>, key: string): Buffer | undefined {
	const value = values.get(key);
	if (value?.includes(0) === true) {
		throw tarError(`the PAX record ${key} holds a NUL byte`);
	}

	return value === undefined || value.length === 0 ? undefined : value;
}

function numberOf(values: ReadonlyMap<string, Buffer>, key: string): number | undefined {
	const text = textOf(values, key);
	return text === undefined ? undefined : parsePaxNumber(text.toString('latin1'));
}

function timeOf(values: ReadonlyMap<string, Buffer>, key: string): bigint | undefined {
	const text = textOf(values, key);
	return text === undefined ? undefined : parsePaxTime(text.toString('latin1'));
}

// What does not fit would be another device.
function deviceOf({deviceMajor, deviceMinor}: TarHeader, {path, type}: Pick<TarEntry, 'path' | 'type'>): Pick<TarEntry, 'deviceMajor' | 'deviceMinor'> {
	const isDevice = type === 'character' || type === 'block';
	if (isDevice && (deviceMajor < 0 || deviceMajor > maximumDevice.major || deviceMinor < 0 || deviceMinor > maximumDevice.minor)) {
		throw tarError(`the device number of ${displayName(path)} is out of range`);
	}

	return {deviceMajor, deviceMinor};
}

function checkId(id: number): number {
	if (id < 0 || id > maximumId) {
		throw tarError('the owner of an entry is out of range');
	}

	return id;
}

function xattrsOf(values: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
	const xattrs = new Map<string, Buffer>();
	for (const [key, value] of values) {
		const name = xattrOfPaxKey(key);
		if (name?.includes('\0') === true) {
			throw tarError('the name of an extended attribute holds a NUL byte');
		}

		if (name !== undefined) {
			xattrs.set(name, value);
		}
	}

	return xattrs;
}

/** The bytes that an archive holds for one entry. */
class EntryData implements AsyncIterable<Uint8Array> {
	readonly #bytes: ByteReader;
	readonly #path: Buffer;
	readonly #padding: number;
	readonly #sparse: SparseMap | undefined;
	#missing: number;

	constructor(bytes: ByteReader, {path, storedSize, sparse}: {readonly path: Buffer; readonly storedSize: number; readonly sparse: SparseMap | undefined}) {
		this.#bytes = bytes;
		this.#path = path;
		this.#missing = storedSize - (sparse?.mapLength ?? 0);
		this.#padding = paddingAfter(storedSize);
		this.#sparse = sparse;
	}

	async * #stored(): AsyncGenerator<Uint8Array> {
		while (this.#missing > 0) {
			yield await this.readSome(this.#missing);
		}
	}

	#truncated(): Error {
		return tarError(`it ends within ${displayName(this.#path)}`);
	}

	[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
		return this.#sparse === undefined ? this.#stored() : expandSparse(this.#sparse, this);
	}

	// The end of the archive is an error here.
	async readSome(maximum: number): Promise<Buffer> {
		const chunk = await this.#bytes.readSome(Math.min(maximum, this.#missing));
		if (chunk.length === 0) {
			throw this.#truncated();
		}

		this.#missing -= chunk.length;
		return chunk;
	}

	async skip(): Promise<void> {
		if (await this.#bytes.skip(this.#missing) < this.#missing) {
			throw this.#truncated();
		}

		await this.#bytes.skip(this.#padding);
	}
}
