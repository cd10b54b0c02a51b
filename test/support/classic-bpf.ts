/** What the kernel tells a seccomp filter about a system call: `struct seccomp_data` without the instruction pointer. */
export type SyscallData = {
	readonly number: number;
	/** `AUDIT_ARCH_...` */
	readonly architecture: number;
	/** Up to six unsigned numbers of 64 bits; the rest is 0. */
	readonly arguments: readonly bigint[];
};

/**
Runs a classic BPF program on a system call as the kernel does, and fails where its verifier would: at an unknown operation, a load out of the data, an end without a return.

@returns what the program returns, and how many instructions that took
*/
export function runFilter(filter: Uint8Array, data: SyscallData): {readonly verdict: number; readonly steps: number} {
	const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
	const input = encodeData(data);
	let accumulator = 0;
	let steps = 0;
	let index = 0;
	while (index < filter.length / 8) {
		const code = program.getUint16(index * 8, true);
		const operand = program.getUint32((index * 8) + 4, true);
		steps++;
		index++;
		if (code === 0x06) {
			return {verdict: operand, steps};
		}

		if (code === 0x20 || code === 0x54) {
			accumulator = code === 0x20 ? input.getUint32(operand, true) : (accumulator & operand) >>> 0;
		} else {
			index += code === 0x05 ? operand : program.getUint8((index * 8) - (compare(code, accumulator, operand) ? 6 : 5));
		}
	}

	throw new RangeError('the program ends without a return');
}

function compare(code: number, accumulator: number, operand: number): boolean {
	switch (code) {
		case 0x15: {
			return accumulator === operand;
		}

		case 0x25: {
			return accumulator > operand;
		}

		case 0x35: {
			return accumulator >= operand;
		}

		default: {
			throw new RangeError(`opcode 0x${code.toString(16)} is not known`);
		}
	}
}

function encodeData(data: SyscallData): DataView {
	const view = new DataView(new ArrayBuffer(64));
	view.setUint32(0, data.number, true);
	view.setUint32(4, data.architecture, true);
	for (const [index, argument] of data.arguments.entries()) {
		view.setBigUint64(16 + (index * 8), argument, true);
	}

	return view;
}
