import {Buffer} from 'node:buffer';
import {tarBlockSize, tarError} from './tar-entry.ts';

/*
The 512-byte header block in its forms: V7, ustar (and pax, which is ustar preceded by records), star and GNU.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
https://www.gnu.org/software/tar/manual/html_node/Standard.html
*/

type Field = {readonly start: number; readonly end: number};

const fields = {
	name: {start: 0, end: 100},
	mode: {start: 100, end: 108},
	uid: {start: 108, end: 116},
	gid: {start: 116, end: 124},
	size: {start: 124, end: 136},
	mtime: {start: 136, end: 148},
	checksum: {start: 148, end: 156},
	typeFlag: {start: 156, end: 157},
	linkName: {start: 157, end: 257},
	magic: {start: 257, end: 265},
	deviceMajor: {start: 329, end: 337},
	deviceMinor: {start: 337, end: 345},
	prefix: {start: 345, end: 500},
	starPrefix: {start: 345, end: 476},
	starTrailer: {start: 508, end: 512},
} as const satisfies Record<string, Field>;

/** Longest name and link target that a header holds by itself. */
export const nameFieldLength = 100;
/** Longest directory part that a ustar header can split off a name. */
export const prefixFieldLength = 155;
/** Above these, a number does not fit the octal digits of its field. */
export const maximumOctal = {id: 0o777_7777, size: 0o777_7777_7777, seconds: 0o777_7777_7777} as const;

const space = 0x20;
const digitZero = 0x30;

/**
A header block, read but not interpreted.
*/
export type TarHeader = {
	readonly format: 'v7' | 'ustar' | 'star' | 'gnu';
	/** One character, for example `0`. */
	readonly typeFlag: string;
	/** With the ustar prefix put before it. */
	readonly name: Buffer;
	readonly linkName: Buffer;
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	readonly size: number;
	/** Seconds since the epoch. */
	readonly mtime: number;
	readonly deviceMajor: number;
	readonly deviceMinor: number;
};

/** What a ustar header block is written from. Numbers that do not fit are written as 0: their PAX record counts. */
export type NewTarHeader = Omit<TarHeader, 'format' | 'deviceMajor' | 'deviceMinor'> & {
	/** Left empty in the header of PAX records. */
	readonly device?: {readonly major: number; readonly minor: number};
	readonly prefix?: Buffer;
};

/**
Reads a header block.

@returns `undefined` for a block of zeros, which ends an archive
@throws {TsbuildError} `ERR_TSBUILD_TAR` for a wrong checksum or a number that is none
*/
export function decodeTarHeader(block: Buffer): TarHeader | undefined {
	const sums = checksumsOf(block);
	if (sums.unsigned === emptyChecksum && block.every(byte => byte === 0)) {
		return undefined;
	}

	const checksum = readNumber(block, fields.checksum);
	if (checksum !== sums.unsigned && checksum !== sums.signed) {
		throw tarError('the checksum of a header is wrong');
	}

	const format = formatOf(block);
	return {
		format,
		typeFlag: String.fromCodePoint(block[fields.typeFlag.start]!),
		name: readName(block, format),
		linkName: readString(block, fields.linkName),
		mode: readNumber(block, fields.mode),
		uid: readNumber(block, fields.uid),
		gid: readNumber(block, fields.gid),
		size: readNumber(block, fields.size),
		mtime: readNumber(block, fields.mtime),
		deviceMajor: format === 'v7' ? 0 : readNumber(block, fields.deviceMajor),
		deviceMinor: format === 'v7' ? 0 : readNumber(block, fields.deviceMinor),
	};
}

/**
Writes a ustar header block byte for byte as Go's archive/tar does, so that a layer has the same diff ID whoever makes it.

@see https://github.com/golang/go/blob/go1.24.0/src/archive/tar/writer.go
*/
export function encodeTarHeader(header: NewTarHeader): Buffer {
	const block = Buffer.alloc(tarBlockSize);
	writeString(block, fields.name, header.name);
	writeOctal(block, fields.mode, header.mode);
	writeOctal(block, fields.uid, header.uid);
	writeOctal(block, fields.gid, header.gid);
	writeOctal(block, fields.size, header.size);
	writeOctal(block, fields.mtime, header.mtime);
	block.write(header.typeFlag, fields.typeFlag.start, 'latin1');
	writeString(block, fields.linkName, header.linkName);
	block.write('ustar\u{0}00', fields.magic.start, 'latin1');
	if (header.device !== undefined) {
		writeOctal(block, fields.deviceMajor, header.device.major);
		writeOctal(block, fields.deviceMinor, header.device.minor);
	}

	header.prefix?.copy(block, fields.prefix.start);

	// The checksum alone ends with a NUL and a space.
	writeOctal(block, {start: fields.checksum.start, end: fields.checksum.end - 1}, checksumsOf(block).unsigned);
	block[fields.checksum.end - 1] = space;
	return block;
}

/**
Reads a number field: octal digits padded with spaces and NULs, or GNU's base-256 two's complement.

@throws {TsbuildError} `ERR_TSBUILD_TAR` for other text and for numbers beyond 2^53
*/
export function readNumber(block: Buffer, {start, end}: Field): number {
	if (block[start]! >= 0x80) {
		return readBase256(block, {start, end});
	}

	let index = start;
	let last = end;
	while (index < last && isPadding(block[index]!)) {
		index++;
	}

	while (last > index && isPadding(block[last - 1]!)) {
		last--;
	}

	let value = 0;
	for (; index < last && block[index] !== 0; index++) {
		const digit = block[index]! - digitZero;
		if (digit < 0 || digit > 7) {
			throw tarError('a number in a header is not octal');
		}

		value = (value * 8) + digit;
	}

	return value;
}

// https://www.gnu.org/software/tar/manual/html_node/Extensions.html: the first bit marks the form, the second is the sign.
function readBase256(block: Buffer, {start, end}: Field): number {
	let value = BigInt(block[start]! & 0x7F);
	for (let index = start + 1; index < end; index++) {
		value = (value << 8n) | BigInt(block[index]!);
	}

	const signed = BigInt.asIntN(((end - start) * 8) - 1, value);
	if (signed > BigInt(Number.MAX_SAFE_INTEGER) || signed < BigInt(Number.MIN_SAFE_INTEGER)) {
		throw tarError('a number in a header is too large');
	}

	return Number(signed);
}

function isPadding(byte: number): boolean {
	return byte === 0 || byte === space;
}

function formatOf(block: Buffer): TarHeader['format'] {
	const magic = block.toString('latin1', fields.magic.start, fields.magic.end);
	if (magic === 'ustar  \u{0}') {
		return 'gnu';
	}

	if (!magic.startsWith('ustar\u{0}')) {
		return 'v7';
	}

	const trailer = block.toString('latin1', fields.starTrailer.start, fields.starTrailer.end);
	return trailer === 'tar\u{0}' ? 'star' : 'ustar';
}

function readName(block: Buffer, format: TarHeader['format']): Buffer {
	const name = readString(block, fields.name);
	if (format !== 'ustar' && format !== 'star') {
		return name;
	}

	const prefix = readString(block, format === 'ustar' ? fields.prefix : fields.starPrefix);
	return prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]);
}

// A copy: the block belongs to whoever gave it, and may be a part of something much larger.
function readString(block: Buffer, {start, end}: Field): Buffer {
	const terminator = block.indexOf(0, start);
	return Buffer.from(block.subarray(start, terminator === -1 ? end : Math.min(terminator, end)));
}

function writeString(block: Buffer, {start, end}: Field, text: Buffer): void {
	text.copy(block, start, 0, end - start);
	// A reader that knows no PAX records takes a file for a directory when its cut name happens to end with a slash.
	if (text.length > end - start) {
		for (let last = end - 1; last >= start && block[last] === 0x2F; last--) {
			block[last] = 0;
		}
	}
}

function writeOctal(block: Buffer, {start, end}: Field, value: number): void {
	const digits = end - start - 1;
	const isFits = value >= 0 && value < 8 ** digits;
	block.write((isFits ? value : 0).toString(8).padStart(digits, '0'), start, 'latin1');
}

const checksumLength = fields.checksum.end - fields.checksum.start;
const emptyChecksum = checksumLength * space;

// The sum of all bytes with the checksum field itself taken as spaces. Some old programs summed signed characters.
function checksumsOf(block: Buffer): {readonly unsigned: number; readonly signed: number} {
	let unsigned = emptyChecksum;
	let high = 0;
	for (let index = 0; index < tarBlockSize; index++) {
		const byte = index >= fields.checksum.start && index < fields.checksum.end ? 0 : block[index]!;
		unsigned += byte;
		high += byte >>> 7;
	}

	return {unsigned, signed: unsigned - (high * 0x1_00)};
}
