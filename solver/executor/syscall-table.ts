import type {Architecture} from '../../src/linux/architecture.ts';

/*
The program that init plays, as data: one entry a system call. init-program.ts makes an executable of it.
*/

/**
An argument of a system call.

- A number or bigint is itself, `null` is zero and the null pointer.
- A string is a pointer to its UTF-8 form with a NUL byte at its end.
- Bytes are a pointer to a copy of them.
- An array is a pointer to 64-bit words, each an argument again: `argv` is `['sh', '-c', 'id', null]`, a `struct sock_fprog` is `[length, filter]`.
*/
export type SyscallArgument = number | bigint | string | Uint8Array | null | readonly SyscallArgument[];

/** Errors that an entry may tolerate. Their numbers are below 64, so that a set of them is one word. */
export type ToleratedError = 'EACCES' | 'EEXIST' | 'EINVAL' | 'ELOOP' | 'ENAMETOOLONG' | 'ENOENT' | 'ENOSYS' | 'ENOTDIR' | 'EPERM' | 'EROFS';

/** One system call of init. */
export type SyscallEntry = {
	readonly call: SyscallName;
	/** Six at most. */
	readonly args: readonly SyscallArgument[];
	/** After these errors init goes on with the next entry; after any other it reports and ends. */
	readonly mayFail?: readonly ToleratedError[];
	/** What the call is for, as a message says it after "failed to": `mount proc on /proc`. */
	readonly describe: string;
};

/** A system call that init can make. */
export type SyscallName = keyof typeof syscallNumbers;

type Numbers = Readonly<Record<Architecture, number>>;

// Calls since Linux 5.1 have one number on all architectures.
const everywhere = (number: number): Numbers => ({x86_64: number, arm64: number});

/**
The numbers of the calls that init makes. arm64 has only the `...at` forms of those that take a path.

@see https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl for x86_64
@see https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/unistd.h for arm64
*/
export const syscallNumbers = {
	capset: {x86_64: 126, arm64: 91},
	chdir: {x86_64: 80, arm64: 49},
	close: {x86_64: 3, arm64: 57},
	close_range: everywhere(436),
	dup3: {x86_64: 292, arm64: 24},
	execve: {x86_64: 59, arm64: 221},
	fchdir: {x86_64: 81, arm64: 50},
	fchown: {x86_64: 93, arm64: 55},
	ioctl: {x86_64: 16, arm64: 29},
	keyctl: {x86_64: 250, arm64: 219},
	mkdirat: {x86_64: 258, arm64: 34},
	mknodat: {x86_64: 259, arm64: 33},
	mount: {x86_64: 165, arm64: 40},
	mount_setattr: everywhere(442),
	move_mount: everywhere(429),
	open_tree: everywhere(428),
	openat: {x86_64: 257, arm64: 56},
	openat2: everywhere(437),
	pivot_root: {x86_64: 155, arm64: 41},
	prctl: {x86_64: 157, arm64: 167},
	prlimit64: {x86_64: 302, arm64: 261},
	seccomp: {x86_64: 317, arm64: 277},
	setgroups: {x86_64: 116, arm64: 159},
	sethostname: {x86_64: 170, arm64: 161},
	setns: {x86_64: 308, arm64: 268},
	setresgid: {x86_64: 119, arm64: 149},
	setresuid: {x86_64: 117, arm64: 147},
	socket: {x86_64: 41, arm64: 198},
	symlinkat: {x86_64: 266, arm64: 36},
	umask: {x86_64: 95, arm64: 166},
	umount2: {x86_64: 166, arm64: 39},
	unlinkat: {x86_64: 263, arm64: 35},
	unshare: {x86_64: 272, arm64: 97},
	write: {x86_64: 1, arm64: 64},
} as const satisfies Record<string, Numbers>;
