import {Buffer} from 'node:buffer';

/**
An executable for one architecture, as its machine code and its data.
*/
export type Executable = {
	/** `e_machine`, for example 62 for x86_64. */
	readonly machine: number;
	/** Runs from its first byte, at most 256 bytes long. */
	readonly code: Uint8Array;
	/** Is read at `dataAddress`. */
	readonly data: Uint8Array;
};

// The file begins with its header and three program headers, then come the code, the data, and what only tools for people read: section names and section headers.
const headerSize = 64;
const programHeaderSize = 56;
const sectionHeaderSize = 64;
const codeOffset = 0x1_00;
const dataOffset = 0x2_00;

// Offsets and addresses are equal modulo the largest page there is, 64 KiB on some arm64 machines, so that a segment is mapped as it lies in the file.
const pageSize = 0x1_00_00;
const textSegment = 0x40_00_00;
const dataSegment = 0x50_00_00;

/** Where the data of every executable is in memory. Machine code that knows it needs no relocation. */
export const dataAddress = dataSegment + dataOffset;

const sectionNames = '\0.text\0.rodata\0.shstrtab\0';

/**
Encodes a static ELF executable: one segment of code that cannot be written, one of data that can be neither written nor executed, a stack that cannot be executed, and sections, so that `objdump -d` shows the code.

@throws {TypeError} when the code is too long
@see https://man7.org/linux/man-pages/man5/elf.5.html
*/
export function encodeElf({machine, code, data}: Executable): Buffer {
	if (codeOffset + code.length > dataOffset) {
		throw new TypeError(`machine code of ${code.length} bytes does not fit`);
	}

	const sectionNamesOffset = dataOffset + alignToWord(data.length);
	const sectionsOffset = sectionNamesOffset + alignToWord(sectionNames.length);
	const file = Buffer.alloc(sectionsOffset + (4 * sectionHeaderSize));
	writeHeader(file, {machine, sectionsOffset});
	writeProgramHeaders(file, {codeSize: code.length, dataSize: data.length});
	file.set(code, codeOffset);
	file.set(data, dataOffset);
	file.write(sectionNames, sectionNamesOffset, 'latin1');
	writeSectionHeaders(file.subarray(sectionsOffset), {codeSize: code.length, dataSize: data.length, sectionNamesOffset});
	return file;
}

/** The next multiple of eight. */
export function alignToWord(size: number): number {
	return Math.ceil(size / 8) * 8;
}

function writeHeader(file: Buffer, {machine, sectionsOffset}: {readonly machine: number; readonly sectionsOffset: number}): void {
	// 64 bits, little-endian, version 1.
	file.set([0x7F, ...Buffer.from('ELF'), 2, 1, 1]);
	// ET_EXEC
	file.writeUInt16LE(2, 16);
	file.writeUInt16LE(machine, 18);
	file.writeUInt32LE(1, 20);
	file.writeBigUInt64LE(BigInt(textSegment + codeOffset), 24);
	file.writeBigUInt64LE(BigInt(headerSize), 32);
	file.writeBigUInt64LE(BigInt(sectionsOffset), 40);
	file.writeUInt16LE(headerSize, 52);
	file.writeUInt16LE(programHeaderSize, 54);
	file.writeUInt16LE(3, 56);
	file.writeUInt16LE(sectionHeaderSize, 58);
	file.writeUInt16LE(4, 60);
	// The index of the section with the section names.
	file.writeUInt16LE(3, 62);
}

type Sizes = {readonly codeSize: number; readonly dataSize: number};

function writeProgramHeaders(file: Buffer, {codeSize, dataSize}: Sizes): void {
	const load = 1;
	const gnuStack = 0x64_74_E5_51;
	const [executable, writable, readable] = [1, 2, 4];
	const headers = [
		[load, readable | executable, 0, textSegment, codeOffset + codeSize],
		[load, readable, dataOffset, dataAddress, dataSize],
		[gnuStack, readable | writable, 0, 0, 0],
	] as const;
	for (const [index, [type, flags, offset, address, size]] of headers.entries()) {
		const header = file.subarray(headerSize + (index * programHeaderSize));
		header.writeUInt32LE(type, 0);
		header.writeUInt32LE(flags, 4);
		writeWords(header.subarray(8), [offset, address, address, size, size, pageSize]);
	}
}

function writeSectionHeaders(headers: Buffer, {codeSize, dataSize, sectionNamesOffset}: Sizes & {readonly sectionNamesOffset: number}): void {
	const [programBits, stringTable] = [1, 3];
	const [allocated, executable] = [2, 4];
	// The first section of every file is the null section.
	const sections = [
		['.text', programBits, allocated | executable, textSegment + codeOffset, codeOffset, codeSize],
		['.rodata', programBits, allocated, dataAddress, dataOffset, dataSize],
		['.shstrtab', stringTable, 0, 0, sectionNamesOffset, sectionNames.length],
	] as const;
	for (const [index, [name, type, flags, address, offset, size]] of sections.entries()) {
		const header = headers.subarray((index + 1) * sectionHeaderSize);
		header.writeUInt32LE(sectionNames.indexOf(`${name}\0`), 0);
		header.writeUInt32LE(type, 4);
		writeWords(header.subarray(8), [flags, address, offset, size]);
		header.writeBigUInt64LE(8n, 48);
	}
}

function writeWords(target: Buffer, words: readonly number[]): void {
	for (const [index, word] of words.entries()) {
		target.writeBigUInt64LE(BigInt(word), index * 8);
	}
}
