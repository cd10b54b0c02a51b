import {Buffer} from 'node:buffer';
import {constants} from 'node:os';
import {encodeElf} from '../../solver/executor/elf.ts';
import {encodeTable} from '../../solver/executor/encode-table.ts';
import {machineX8664} from '../../solver/executor/init-program-x86-64.ts';
import {parseMachineCode} from '../../solver/executor/machine-code.ts';
import type {SyscallArgument} from '../../solver/executor/syscall-table.ts';
import {syscallTables} from '../../solver/executor/syscall-tables.ts';

/** A system call to try: its name, or its number where it has none, and its arguments. */
export type ProbeCall = readonly [call: string | number, ...args: readonly SyscallArgument[]];

/** Where a probe has 64 KiB of memory that it may write. */
export const probeMemory = 0x60_00_00;

/*
Plays a table as init does, but goes on after errors, and prints the error number of each call as two letters: "aa" for none, "ab" for 1. A child that a call has made leaves at once.
*/
export const probeListing = `
	bb 00 02 50 00       | mov ebx, 0x500200
next:
	48 8b 03             | mov rax, [rbx]
	48 8b 7b 08          | mov rdi, [rbx+0x8]
	48 8b 73 10          | mov rsi, [rbx+0x10]
	48 8b 53 18          | mov rdx, [rbx+0x18]
	4c 8b 53 20          | mov r10, [rbx+0x20]
	4c 8b 43 28          | mov r8, [rbx+0x28]
	4c 8b 4b 30          | mov r9, [rbx+0x30]
	0f 05                | syscall
	48 85 c0             | test rax, rax
	75 07                | jne report
	48 83 7b 38 00       | cmp qword ptr [rbx+0x38], 0x0
	75 3b                | jne leave
report:
	48 f7 d8             | neg rax
	48 3d ff 0f 00 00    | cmp rax, 0xfff
	76 02                | jbe letters
	31 c0                | xor eax, eax
letters:
	89 c1                | mov ecx, eax
	83 e1 0f             | and ecx, 0xf
	c1 e8 04             | shr eax, 0x4
	c1 e1 08             | shl ecx, 0x8
	09 c8                | or eax, ecx
	05 61 61 00 00       | add eax, 0x6161
	50                   | push rax
	bf 01 00 00 00       | mov edi, 0x1
	48 89 e6             | mov rsi, rsp
	ba 02 00 00 00       | mov edx, 0x2
	b8 01 00 00 00       | mov eax, 0x1 (write)
	0f 05                | syscall
	58                   | pop rax
	48 83 c3 40          | add rbx, 0x40
	eb 9c                | jmp next
leave:
	31 ff                | xor edi, edi
	b8 e7 00 00 00       | mov eax, 0xe7 (exit_group)
	0f 05                | syscall
`;

const processMakers = new Set<string | number>(['clone', 'clone3', 'fork', 'vfork']);

/**
Encodes an executable for x86_64 that makes the calls, each whatever became of those before, and prints what came of them.
*/
export function encodeProbe(calls: readonly ProbeCall[]): Buffer {
	const [{numbers}] = syscallTables('x86_64');
	const rows = [mapMemory, ...calls, leave].map(([call, ...args]) => {
		const number = typeof call === 'number' ? call : numbers.get(call);
		if (number === undefined) {
			throw new TypeError(`${call} is no system call`);
		}

		return [number, ...args, ...Array.from({length: 6 - args.length}, () => 0), processMakers.has(call) ? 1 : 0];
	});
	return encodeElf({machine: machineX8664, code: parseMachineCode(probeListing), data: encodeTable(rows)});
}

/** Reads what a probe has printed: the error of each call by its name, or `ok`. */
export function parseProbe(letters: string): readonly string[] {
	const pairs = letters.match(/[a-z]{2}/gv) ?? [];
	return pairs.slice(1).map(pair => {
		const [upper, lower] = [...Buffer.from(pair)].map(byte => byte - 0x61) as [number, number];
		return errorName((upper * 16) + lower);
	});
}

// https://man7.org/linux/man-pages/man2/mmap.2.html: readable and writable, private, fixed and anonymous
const mapMemory: ProbeCall = ['mmap', probeMemory, 0x1_00_00, 3, 0x32, -1, 0];

const leave: ProbeCall = ['exit_group', 0];

function errorName(number: number): string {
	const [name] = Object.entries(constants.errno).find(([, value]) => value === number) ?? [String(number)];
	return number === 0 ? 'ok' : name;
}
