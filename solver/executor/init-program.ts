import type {Buffer} from 'node:buffer';
import {constants} from 'node:os';
import type {Architecture} from '../../src/linux/architecture.ts';
import {encodeElf} from './elf.ts';
import {encodeTable, type TableRow} from './encode-table.ts';
import {codeArm64, machineArm64} from './init-program-arm64.ts';
import {codeX8664, machineX8664} from './init-program-x86-64.ts';
import {syscallNumbers, type SyscallEntry} from './syscall-table.ts';

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

	return encodeElf({...programs[architecture], data: encodeTable(entries.map(entry => encodeEntry(entry, architecture)))});
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

// Eight words: the number, six arguments, and the errors that are tolerated (bit n stands for errno n).
function encodeEntry(entry: SyscallEntry, architecture: Architecture): TableRow {
	if (entry.args.length > maximumArguments) {
		throw new TypeError(`${entry.call} has ${entry.args.length} arguments`);
	}

	const padding = Array.from({length: maximumArguments - entry.args.length}, () => 0);
	return [syscallNumbers[entry.call][architecture], ...entry.args, ...padding, toleratedErrors(entry)];
}

// All error numbers that can be tolerated are small enough for their bits to add up exactly.
function toleratedErrors({mayFail = []}: SyscallEntry): number {
	let mask = 0;
	for (const name of new Set(mayFail)) {
		mask += 2 ** constants.errno[name];
	}

	return mask;
}
