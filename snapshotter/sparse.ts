import {Buffer} from 'node:buffer';
import type {ByteReader} from './byte-reader.ts';
import {parsePaxNumber, type PaxRecord} from './pax.ts';
import {tarBlockSize, tarError} from './tar-entry.ts';
import {readNumber} from './tar-header.ts';

/*
Files with holes, of which an archive holds only the data, in the four formats that GNU tar writes.
https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
*/

type Segment = {readonly offset: number; readonly length: number};

/** Where the data of a sparse file belongs. */
export type SparseMap = {
	/** Ascending, without overlap. */
	readonly segments: readonly Segment[];
	/** Bytes of the whole file. */
	readonly size: number;
	/** Bytes of the map itself that were read from the entry's content. */
	readonly mapLength: number;
};

/** Gives between 1 and `maximum` bytes at a time. */
type ChunkSource = {readSome(maximum: number): Promise<Buffer>};

// The kernel takes larger files, but nobody can read them to their end: a few bytes of archive would keep a build busy for hours.
const maximumSparseSize = 2 ** 40;
// As for PAX headers. An honest map is a few kilobytes.
const maximumMapLength = 2 ** 20;
const maximumSegments = maximumMapLength / 24;

// https://www.gnu.org/software/tar/manual/html_node/Standard.html: struct oldgnu_header and struct sparse_header
const oldGnu = {
	headerMap: 386, headerSegments: 4, headerIsExtended: 482, realSize: {start: 483, end: 495}, blockSegments: 21, blockIsExtended: 504,
} as const;
const oldGnuNumberLength = 12;

/**
Reads the map of an old GNU sparse entry (type `S`): four segments in the header, the others in blocks after it.

@param block the header
@param bytes stands after the header
@throws {TsbuildError} `ERR_TSBUILD_TAR`
*/
export async function readOldGnuSparseMap(block: Buffer, bytes: ByteReader): Promise<SparseMap> {
	const segments = oldGnuSegments(block, oldGnu.headerMap, oldGnu.headerSegments);
	let isExtended = block[oldGnu.headerIsExtended] !== 0;
	while (isExtended) {
		const extension = await bytes.read(tarBlockSize);
		if (extension.length < tarBlockSize || segments.length > maximumSegments) {
			throw tarError('the map of a sparse file does not end');
		}

		segments.push(...oldGnuSegments(extension, 0, oldGnu.blockSegments));
		isExtended = extension[oldGnu.blockIsExtended] !== 0;
	}

	return checkMap({segments, size: readNumber(block, oldGnu.realSize), mapLength: 0});
}

/**
Reads the map of a sparse entry that PAX records describe.

@param records those of the entry
@param bytes stands at the entry's content, where format 1.0 keeps its map
@param contentLength bytes that the archive holds for the entry
@returns `undefined` when the entry is not sparse
@throws {TsbuildError} `ERR_TSBUILD_TAR`
*/
export async function readPaxSparseMap(records: readonly PaxRecord[], bytes: ByteReader, contentLength: number): Promise<SparseMap | undefined> {
	const values = new Map(records.map(({key, value}) => [key, value.toString('latin1')]));
	const major = values.get('GNU.sparse.major');
	const minor = values.get('GNU.sparse.minor');
	const size = values.get('GNU.sparse.realsize') ?? values.get('GNU.sparse.size');
	if (major === undefined && size === undefined) {
		return undefined;
	}

	if (size === undefined || (major !== undefined && !['0.0', '0.1', '1.0'].includes(`${major}.${minor}`))) {
		throw tarError('a sparse file has an unknown format');
	}

	if (major === '1') {
		const {numbers, mapLength} = await readMapFromContent(bytes, contentLength);
		return checkMap({segments: pairs(numbers), size: parsePaxNumber(size), mapLength});
	}

	const map = values.get('GNU.sparse.map');
	const numbers = map === undefined
		? records.filter(({key}) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes').map(({value}) => value.toString('latin1'))
		: (map === '' ? [] : map.split(','));
	return checkMap({segments: pairs(numbers.map(number => parsePaxNumber(number))), size: parsePaxNumber(size), mapLength: 0});
}

/**
The whole content of a sparse file, holes as zeros.

@param map where the data belongs
@param data the segments' bytes, one after the other
@yields chunks of at most 1 MiB where there are holes
@throws {TsbuildError} `ERR_TSBUILD_TAR` when `data` is not as long as the segments together
*/
export async function * expandSparse(map: SparseMap, data: ChunkSource): AsyncGenerator<Buffer> {
	const {segments, size} = map;
	let position = 0;
	for (const {offset, length} of segments) {
		yield * zeros(offset - position);
		for (let missing = length; missing > 0;) {
			const chunk = await data.readSome(missing);
			missing -= chunk.length;
			yield chunk;
		}

		position = offset + length;
	}

	yield * zeros(size - position);
}

/** Bytes of data that a map describes. */
export function sparseDataLength({segments}: SparseMap): number {
	return segments.reduce((sum, {length}) => sum + length, 0);
}

function * zeros(length: number): Generator<Buffer> {
	const block = Buffer.alloc(Math.min(length, 0x10_00_00));
	for (let missing = length; missing > 0; missing -= block.length) {
		yield block.subarray(0, Math.min(missing, block.length));
	}
}

function oldGnuSegments(block: Buffer, start: number, count: number): Segment[] {
	const segments: Segment[] = [];
	for (let index = 0; index < count; index++) {
		const offset = start + (index * 2 * oldGnuNumberLength);
		if (block[offset] === 0) {
			break;
		}

		segments.push({
			offset: readNumber(block, {start: offset, end: offset + oldGnuNumberLength}),
			length: readNumber(block, {start: offset + oldGnuNumberLength, end: offset + (2 * oldGnuNumberLength)}),
		});
	}

	return segments;
}

// Format 1.0: decimal numbers, one a line, the first their count in pairs, filled up to a block.
async function readMapFromContent(bytes: ByteReader, contentLength: number): Promise<{readonly numbers: readonly number[]; readonly mapLength: number}> {
	const numbers: number[] = [];
	let text = '';
	let mapLength = 0;
	let expected = 1;
	while (numbers.length < expected) {
		const block = await bytes.read(tarBlockSize);
		mapLength += block.length;
		if (block.length < tarBlockSize || text.length > tarBlockSize || mapLength > contentLength || mapLength > maximumMapLength) {
			throw tarError('the map of a sparse file does not end');
		}

		const lines = (text + block.toString('latin1')).split('\n');
		text = lines.pop()!;
		numbers.push(...lines.map(line => parsePaxNumber(line)));
		expected = 1 + (2 * (numbers[0] ?? 0));
	}

	if (numbers.length !== expected) {
		throw tarError('the map of a sparse file has too many numbers');
	}

	return {numbers: numbers.slice(1), mapLength};
}

function pairs(numbers: readonly number[]): Segment[] {
	if (numbers.length % 2 !== 0) {
		throw tarError('the map of a sparse file is not made of pairs');
	}

	return Array.from({length: numbers.length / 2}, (_, index) => ({offset: numbers[2 * index]!, length: numbers[(2 * index) + 1]!}));
}

function checkMap(map: SparseMap): SparseMap {
	let end = 0;
	for (const {offset, length} of map.segments) {
		if (offset < end || length < 0 || offset + length > map.size) {
			throw tarError('the map of a sparse file is out of order');
		}

		end = offset + length;
	}

	if (map.size > maximumSparseSize) {
		throw tarError('a sparse file is larger than 1 TiB');
	}

	return map;
}
