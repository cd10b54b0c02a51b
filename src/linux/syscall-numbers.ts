import type {Architecture} from './architecture.ts';

/**
A system call that not every supported C library has a function for.
*/
export type RawCall = 'bpf' | 'fsconfig' | 'fsmount' | 'fsopen' | 'mknodat' | 'mount_setattr' | 'open_tree' | 'openat2' | 'renameat2' | 'statx';

type SyscallNumbers = Readonly<Record<RawCall, number>>;

// Calls since Linux 5.1 have one number on all architectures.
// https://github.com/torvalds/linux/blob/v6.12/scripts/syscall.tbl
const commonNumbers = {
	open_tree: 428,
	fsopen: 430,
	fsconfig: 431,
	fsmount: 432,
	openat2: 437,
	mount_setattr: 442,
};

// https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl
const numbersOfX86: SyscallNumbers = {
	...commonNumbers,
	mknodat: 259,
	renameat2: 316,
	bpf: 321,
	statx: 332,
};

// https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/unistd.h
const numbersOfArm: SyscallNumbers = {
	...commonNumbers,
	mknodat: 33,
	renameat2: 276,
	bpf: 280,
	statx: 291,
};

/**
The numbers of system calls on an architecture, for `syscall(2)`.
*/
export function syscallNumbers(architecture: Architecture): SyscallNumbers {
	return architecture === 'x86_64' ? numbersOfX86 : numbersOfArm;
}
