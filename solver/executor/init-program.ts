import {Buffer} from 'node:buffer';
import {constants} from 'node:os';
import type {Architecture} from '../../src/linux/architecture.ts';
import {alignToWord, dataAddress, encodeElf} from './elf.ts';
import {codeArm64, machineArm64} from './init-program-arm64.ts';
import {codeX8664, machineX8664} from './init-program-x86-64.ts';
import {syscallNumbers, type SyscallArgument, type SyscallEntry} from './syscall-table.ts';

/** The descriptor that init reports a failing entry on. */
export const statusDescriptor = 3;

/** What init tells about the entry that it failed at. */
export type FailedEntry = {
	readonly index: number;
	/** Positive. */
	readonly errorNumber: number;
};

const programs: Readonly<Record<Architecture, {readonly machine: number; readonly code: Uint8Array}>> = {
	x86_64: {machine: machineX8664, code: codeX8664},
	arm64: {machine: machineArm64, code: codeArm64},
};

// An entry is eight words: the number, six arguments, and the errors that are tolerated (bit n stands for errno n).
const entryWords = 8;
const toleratedWord = 7;
const maximumArguments = 6;
const statusRecordSize = 16;

/**
Encodes a table as an executable that plays it: one call after another, until one of them is `execve` and succeeds, or one fails with an error that its entry does not tolerate. Then the executable writes the entry's index and the errno to descriptor 3, two words of 8 bytes, and exits with 125.

The last entry must be an `execve` without `mayFail`: behind the table there is nothing to play.

@returns a static ELF file
@throws {TypeError} for a table that cannot be encoded
*/
export function encodeInitProgram(entries: readonly SyscallEntry[], architecture: Architecture): Buffer {
	const {call, mayFail} = entries.at(-1) ?? {};
	if (call !== 'execve' || mayFail !== undefined) {
		throw new TypeError('the last entry must be an execve that may not fail');
	}

	return encodeElf({...programs[architecture], data: encodeTable(entries, architecture)});
}

/**
Reads what init wrote to the status descriptor; `undefined` when it wrote nothing, which means that the program runs.
*/
export function parseStatusRecord(record: Uint8Array): FailedEntry | undefined {
	if (record.length < statusRecordSize) {
		return undefined;
	}

	const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
	return {index: Number(view.getBigUint64(0, true)), errorNumber: Number(view.getBigUint64(8, true))};
}

function encodeTable(entries: readonly SyscallEntry[], architecture: Architecture): Uint8Array {
	const memory = new Memory(entries.length * entryWords * 8);
	for (const [index, entry] of entries.entries()) {
		if (entry.args.length > maximumArguments) {
			throw new TypeError(`${entry.call} has ${entry.args.length} arguments`);
		}

		const words = [syscallNumbers[entry.call][architecture], ...entry.args.map(argument => memory.wordOf(argument))];
		memory.writeWords(index * entryWords, words);
		memory.writeWords((index * entryWords) + toleratedWord, [toleratedErrors(entry)]);
	}

	return memory.bytes();
}

// All error numbers that can be tolerated are small enough for their bits to add up exactly.
function toleratedErrors({mayFail = []}: SyscallEntry): number {
	let mask = 0;
	for (const name of new Set(mayFail)) {
		mask += 2 ** constants.errno[name];
	}

	return mask;
}

function writeWords(target: Buffer, index: number, words: ReadonlyArray<number | bigint>): void {
	for (const [offset, word] of words.entries()) {
		writeWord(target, (index + offset) * 8, word);
	}
}

// Most of a thousand words are small numbers, for which BigInt would be most of the time that encoding takes.
function writeWord(target: Buffer, position: number, word: number | bigint): void {
	if (typeof word === 'bigint' || word < 0) {
		target.writeBigUInt64LE(BigInt.asUintN(64, BigInt(word)), position);
		return;
	}

	target.writeUInt32LE(word % (2 ** 32), position);
	target.writeUInt32LE(Math.floor(word / (2 ** 32)), position + 4);
}

/** The data segment: the table, and behind it whatever its words point to. */
class Memory {
	readonly #table: Buffer;
	readonly #chunks: Uint8Array[] = [];
	#size: number;
	// The same strings, such as "proc" and "/", come again and again.
	readonly #strings = new Map<string, number>();

	constructor(tableSize: number) {
		this.#table = Buffer.alloc(tableSize);
		this.#size = tableSize;
	}

	#stringAddress(text: string): number {
		if (text.includes('\0')) {
			throw new TypeError('a string for init has a NUL byte');
		}

		const address = this.#strings.get(text) ?? this.#put(Buffer.from(`${text}\0`));
		this.#strings.set(text, address);
		return address;
	}

	#encodeWords(words: readonly SyscallArgument[]): Uint8Array {
		const encoded = Buffer.alloc(words.length * 8);
		writeWords(encoded, 0, words.map(word => this.wordOf(word)));
		return encoded;
	}

	#put(bytes: Uint8Array): number {
		const address = dataAddress + this.#size;
		const size = alignToWord(bytes.length);
		this.#chunks.push(bytes, Buffer.alloc(size - bytes.length));
		this.#size += size;
		return address;
	}

	writeWords(index: number, words: ReadonlyArray<number | bigint>): void {
		writeWords(this.#table, index, words);
	}

	wordOf(argument: SyscallArgument): number | bigint {
		if (argument === null) {
			return 0;
		}

		if (typeof argument === 'number' || typeof argument === 'bigint') {
			return argument;
		}

		return typeof argument === 'string' ? this.#stringAddress(argument) : this.#put(argument instanceof Uint8Array ? argument : this.#encodeWords(argument));
	}

	bytes(): Uint8Array {
		return Buffer.concat([this.#table, ...this.#chunks]);
	}
}
