import {Buffer} from 'node:buffer';
import {alignToWord, dataAddress} from './elf.ts';
import type {SyscallArgument} from './syscall-table.ts';

const rowWords = 8;

/** Eight words. */
export type TableRow = readonly SyscallArgument[];

/**
Encodes rows of eight words as the data of an executable, with what the words point to behind them.

@throws {TypeError} for a row of another length, or a string with a NUL byte
*/
export function encodeTable(rows: readonly TableRow[]): Uint8Array {
	const memory = new Memory(rows.length * rowWords * 8);
	for (const [index, row] of rows.entries()) {
		if (row.length !== rowWords) {
			throw new TypeError(`a row of a table has ${row.length} words`);
		}

		memory.writeRow(index, row);
	}

	return memory.bytes();
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
		writeWords(encoded, 0, words.map(word => this.#wordOf(word)));
		return encoded;
	}

	#put(bytes: Uint8Array): number {
		const address = dataAddress + this.#size;
		const size = alignToWord(bytes.length);
		this.#chunks.push(bytes, Buffer.alloc(size - bytes.length));
		this.#size += size;
		return address;
	}

	#wordOf(argument: SyscallArgument): number | bigint {
		if (argument === null) {
			return 0;
		}

		if (typeof argument === 'number' || typeof argument === 'bigint') {
			return argument;
		}

		return typeof argument === 'string' ? this.#stringAddress(argument) : this.#put(argument instanceof Uint8Array ? argument : this.#encodeWords(argument));
	}

	writeRow(index: number, row: TableRow): void {
		writeWords(this.#table, index * rowWords, row.map(word => this.#wordOf(word)));
	}

	bytes(): Uint8Array {
		return Buffer.concat([this.#table, ...this.#chunks]);
	}
}
