import {Buffer} from 'node:buffer';

/** Devices that the processes of a cgroup may use; `*` stands for every number. */
export type DeviceRule = {
	/** Character or block devices. */
	readonly type: 'c' | 'b';
	readonly major: number | '*';
	readonly minor: number | '*';
	/** Some of `r` (read), `w` (write) and `m` (mknod), for example `rwm`. */
	readonly access: string;
};

/**
The devices of a RUN step: it may make a device file of any number, and open those that its /dev has. All else is denied.

Source: `AllowedDevices` of runc (libcontainer/specconv/spec_linux.go), which BuildKit takes as it is.
*/
export const defaultDevices: readonly DeviceRule[] = [
	{
		type: 'c', major: '*', minor: '*', access: 'm',
	},
	{
		type: 'b', major: '*', minor: '*', access: 'm',
	},
	// /dev/null
	{
		type: 'c', major: 1, minor: 3, access: 'rwm',
	},
	// /dev/zero
	{
		type: 'c', major: 1, minor: 5, access: 'rwm',
	},
	// /dev/full
	{
		type: 'c', major: 1, minor: 7, access: 'rwm',
	},
	// /dev/random
	{
		type: 'c', major: 1, minor: 8, access: 'rwm',
	},
	// /dev/urandom
	{
		type: 'c', major: 1, minor: 9, access: 'rwm',
	},
	// /dev/tty
	{
		type: 'c', major: 5, minor: 0, access: 'rwm',
	},
	// /dev/ptmx
	{
		type: 'c', major: 5, minor: 2, access: 'rwm',
	},
	// /dev/pts/N
	{
		type: 'c', major: 136, minor: '*', access: 'rwm',
	},
];

/**
A rule as `devices.allow` and `devices.deny` take it, for example `c 1:3 rwm`.

@see https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v1/devices.html
*/
export function formatDeviceRule({type, major, minor, access}: DeviceRule): string {
	return `${type} ${major}:${minor} ${access}`;
}

/*
Opcodes of eBPF: class, operation and source in one byte. https://www.kernel.org/doc/html/latest/bpf/standardization/instruction-set.html
*/
const loadWord = 0x61;
const moveRegister = 0xBF;
const moveImmediate = 0xB7;
const andImmediate = 0x57;
const shiftRightImmediate = 0x77;
const jumpUnlessEqual = 0x55;
const jumpUnlessSame = 0x5D;
const exit = 0x95;

/*
The registers of the program: the result, the context (the argument, later scratch), and what is asked for.
*/
const result = 0;
const context = 1;
const requestedType = 2;
const requestedAccess = 3;
const requestedMajor = 4;
const requestedMinor = 5;

/*
`struct bpf_cgroup_dev_ctx`: three words; the first has the access in its upper and the type in its lower half. https://github.com/torvalds/linux/blob/v6.18/include/uapi/linux/bpf.h
*/
const offsetOfMajor = 4;
const offsetOfMinor = 8;
const typeNumbers = {b: 1, c: 2};
const accessBits = {m: 1, r: 2, w: 4};

type Instruction = {
	readonly code: number;
	readonly destination?: number;
	readonly source?: number;
	readonly offset?: number;
	readonly immediate?: number;
};

/**
Assembles a program of type BPF_PROG_TYPE_CGROUP_DEVICE, which allows what the rules allow and denies all else.

@returns `struct bpf_insn`s of 8 bytes
@throws {TypeError} when a rule has an access other than `r`, `w` and `m`
*/
export function assembleDeviceProgram(rules: readonly DeviceRule[]): Uint8Array {
	return encode([
		{code: loadWord, destination: requestedType, source: context},
		{code: andImmediate, destination: requestedType, immediate: 0xFF_FF},
		{code: loadWord, destination: requestedAccess, source: context},
		{code: shiftRightImmediate, destination: requestedAccess, immediate: 16},
		{
			code: loadWord, destination: requestedMajor, source: context, offset: offsetOfMajor,
		},
		{
			code: loadWord, destination: requestedMinor, source: context, offset: offsetOfMinor,
		},
		...rules.flatMap(rule => allow(rule)),
		{code: moveImmediate, destination: result, immediate: 0},
		{code: exit},
	]);
}

/** Ends the program when the rule allows what is asked for; each check that fails jumps behind the last instruction. */
function allow({type, major, minor, access}: DeviceRule): Instruction[] {
	const mask = accessMask(access);
	const program: Instruction[] = [
		{code: jumpUnlessEqual, destination: requestedType, immediate: typeNumbers[type]},
		{code: moveRegister, destination: context, source: requestedAccess},
		{code: andImmediate, destination: context, immediate: mask},
		{code: jumpUnlessSame, destination: context, source: requestedAccess},
		...checkNumber(requestedMajor, major),
		...checkNumber(requestedMinor, minor),
		{code: moveImmediate, destination: result, immediate: 1},
		{code: exit},
	];
	return program.map((instruction, index) => isJump(instruction) ? {...instruction, offset: program.length - index - 1} : instruction);
}

function checkNumber(register: number, number: number | '*'): Instruction[] {
	return number === '*' ? [] : [{code: jumpUnlessEqual, destination: register, immediate: number}];
}

function isJump({code}: Instruction): boolean {
	return code === jumpUnlessEqual || code === jumpUnlessSame;
}

function accessMask(access: string): number {
	let mask = 0;
	for (const letter of access) {
		if (letter !== 'r' && letter !== 'w' && letter !== 'm') {
			throw new TypeError(`${JSON.stringify(access)} is no access to a device`);
		}

		mask |= accessBits[letter];
	}

	return mask;
}

function encode(program: readonly Instruction[]): Uint8Array {
	const bytes = Buffer.alloc(program.length * 8);
	for (const [index, {code, destination = 0, source = 0, offset = 0, immediate = 0}] of program.entries()) {
		bytes.writeUInt8(code, index * 8);
		bytes.writeUInt8((source << 4) | destination, (index * 8) + 1);
		bytes.writeInt16LE(offset, (index * 8) + 2);
		bytes.writeInt32LE(immediate, (index * 8) + 4);
	}

	return bytes;
}
