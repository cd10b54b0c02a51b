import {Buffer} from 'node:buffer';
import {
	BPF_CGROUP_DEVICE,
	BPF_PROG_ATTACH,
	BPF_PROG_LOAD,
	BPF_PROG_TYPE_CGROUP_DEVICE,
} from './constants.ts';
import {Descriptor, descriptorNumber, type BorrowedDescriptor} from './descriptor.ts';
import {libc} from './libc.ts';
import {LinuxError} from './linux-error.ts';

// Offsets and sizes of `union bpf_attr`.
// https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h
const loadAttributesSize = 48;
const attachAttributesSize = 16;
const instructionSize = 8;
const logSize = 64 * 1024;

/**
Loads a program that decides which devices the processes of a cgroup (version 2) may use. The instructions are `struct bpf_insn`s, 8 bytes each.

@throws {LinuxError} `EPERM` without CAP_BPF or CAP_SYS_ADMIN; for a program that is not valid, `EINVAL` or `EACCES` with the verifier's log in the message
@see https://docs.ebpf.io/linux/program-type/BPF_PROG_TYPE_CGROUP_DEVICE/
*/
export function loadDeviceProgram(instructions: Uint8Array): Descriptor {
	const result = load(instructions, undefined);
	return new Descriptor(result < 0 ? loadAgainForLog(instructions) : result);
}

/**
Puts a program on a cgroup; it works until the cgroup is removed. The cgroup is a descriptor of its directory; the flags are `BPF_F_...`, such as BPF_F_ALLOW_MULTI beside the programs of others.

@throws {LinuxError} `EPERM` without the right, or when a cgroup above allows no other program
*/
export function attachDeviceProgram(cgroup: BorrowedDescriptor, program: BorrowedDescriptor, flags: number): void {
	const attributes = Buffer.alloc(attachAttributesSize);
	attributes.writeUInt32LE(descriptorNumber(cgroup), 0);
	attributes.writeUInt32LE(descriptorNumber(program), 4);
	attributes.writeUInt32LE(BPF_CGROUP_DEVICE, 8);
	attributes.writeUInt32LE(flags, 12);
	const result = libc().bpf(BPF_PROG_ATTACH, attributes, attributes.length);
	if (result < 0) {
		throw new LinuxError('bpf', result, {action: 'attach device program to cgroup'});
	}
}

// The verifier writes its log, and spends its time on it, only when asked.
function loadAgainForLog(instructions: Uint8Array): number {
	const log = Buffer.alloc(logSize);
	const result = load(instructions, log);
	if (result < 0) {
		const text = log.toString('utf8', 0, log.indexOf(0)).trim();
		throw new LinuxError('bpf', result, {action: 'load device program', detail: text === '' ? undefined : text});
	}

	return result;
}

function load(instructions: Uint8Array, log: Uint8Array | undefined): number {
	const {bpf, addressOf} = libc();
	const license = Buffer.from('GPL\0');
	const attributes = Buffer.alloc(loadAttributesSize);
	attributes.writeUInt32LE(BPF_PROG_TYPE_CGROUP_DEVICE, 0);
	attributes.writeUInt32LE(instructions.length / instructionSize, 4);
	attributes.writeBigUInt64LE(addressOf(instructions), 8);
	attributes.writeBigUInt64LE(addressOf(license), 16);
	if (log !== undefined) {
		attributes.writeUInt32LE(1, 24);
		attributes.writeUInt32LE(log.length, 28);
		attributes.writeBigUInt64LE(addressOf(log), 32);
	}

	return bpf(BPF_PROG_LOAD, attributes, attributes.length);
}
