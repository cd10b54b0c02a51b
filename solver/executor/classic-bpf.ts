/*
Classic BPF as seccomp takes it: instructions of 8 bytes on an accumulator, with jumps that only go forward. https://www.kernel.org/doc/html/latest/networking/filter.html and include/uapi/linux/bpf_common.h
*/

/** One `struct sock_filter`. `ifTrue` and `ifFalse` count the instructions to skip, 255 at most. */
export type Instruction = {
	readonly code: number;
	readonly ifTrue: number;
	readonly ifFalse: number;
	readonly operand: number;
};

/** The operations that seccomp filters need: class, size or condition, and source in one number. */
export const operation = {
	/** `BPF_LD | BPF_W | BPF_ABS`: accumulator = the word at the offset `operand`. */
	load: 0x20,
	/** `BPF_ALU | BPF_AND | BPF_K` */
	and: 0x54,
	/** `BPF_JMP | BPF_JA`: the operand counts the instructions to skip. */
	jump: 0x05,
	/** `BPF_JMP | BPF_JEQ | BPF_K` */
	jumpIfEqual: 0x15,
	/** `BPF_JMP | BPF_JGT | BPF_K`, unsigned */
	jumpIfGreater: 0x25,
	/** `BPF_JMP | BPF_JGE | BPF_K`, unsigned */
	jumpIfAtLeast: 0x35,
	/** `BPF_RET | BPF_K` */
	return: 0x06,
} as const;

/** `BPF_MAXINSNS`: the kernel takes no longer program. */
const maximumInstructions = 4096;

const maximumSkip = 255;

/** An instruction that does not branch. */
export function plain(code: number, operand: number): Instruction {
	return {
		code, operand, ifTrue: 0, ifFalse: 0,
	};
}

/** A program that goes on with `whenTrue` or `whenFalse`; both must end in returns. */
export function branch(code: number, operand: number, {whenTrue, whenFalse}: {
	readonly whenTrue: readonly Instruction[];
	readonly whenFalse: readonly Instruction[];
}): Instruction[] {
	if (whenFalse.length <= maximumSkip) {
		return [
			{
				code, operand, ifTrue: whenFalse.length, ifFalse: 0,
			},
			...whenFalse,
			...whenTrue,
		];
	}

	// Only the unconditional jump has an offset of 32 bits.
	return [
		{
			code, operand, ifTrue: 0, ifFalse: 1,
		},
		plain(operation.jump, whenFalse.length),
		...whenFalse,
		...whenTrue,
	];
}

/**
The program as an array of `struct sock_filter`, 8 bytes each, in the byte order of the machine (little endian).

@throws {TypeError} when the kernel would refuse the program
*/
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
	if (program.length === 0 || program.length > maximumInstructions) {
		throw new TypeError(`a filter has 1 to ${maximumInstructions} instructions, not ${program.length}`);
	}

	const bytes = new Uint8Array(program.length * 8);
	const view = new DataView(bytes.buffer);
	for (const [index, {code, ifTrue, ifFalse, operand}] of program.entries()) {
		if (ifTrue > maximumSkip || ifFalse > maximumSkip) {
			throw new TypeError(`instruction ${index} jumps further than ${maximumSkip}`);
		}

		view.setUint16(index * 8, code, true);
		view.setUint8((index * 8) + 2, ifTrue);
		view.setUint8((index * 8) + 3, ifFalse);
		view.setUint32((index * 8) + 4, operand, true);
	}

	return bytes;
}
