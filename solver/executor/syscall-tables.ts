import arm from './syscalls-arm.json' with {type: 'json'};
import arm64 from './syscalls-arm64.json' with {type: 'json'};
import i386 from './syscalls-i386.json' with {type: 'json'};
import x8664 from './syscalls-x86-64.json' with {type: 'json'};

/**
One way to call the kernel, as seccomp tells them apart.
*/
export type SyscallTable = {
	/** `AUDIT_ARCH_...`, the `arch` of `struct seccomp_data`. */
	readonly auditArchitecture: number;
	/** From the name of a system call to its number. */
	readonly numbers: ReadonlyMap<string, number>;
	/** The first number that an architecture gives to calls of its own, far above those that new kernels count up. */
	readonly privateFrom: number;
};

/** `__ARM_NR_BASE`. https://github.com/torvalds/linux/blob/v6.18/arch/arm/include/uapi/asm/unistd.h */
const privateCallsOfArm = 0xF_00_00;

/**
The tables of the system calls that a program on this machine can use, its native ones first: a 64 bit kernel also runs the 32 bit programs of its family, and images made of these exist. There is no table for x32.

The data are the calls of Linux 6.18. Source: `arch/x86/entry/syscalls/syscall_{32,64}.tbl`, `arch/arm/tools/syscall.tbl` and `scripts/syscall.tbl` (arm64) of the kernel. `AUDIT_ARCH_...` is from include/uapi/linux/audit.h.
*/
export function syscallTables(architecture: 'x86_64' | 'arm64'): readonly [native: SyscallTable, compatible: SyscallTable] {
	switch (architecture) {
		case 'x86_64': {
			return [
				{auditArchitecture: 0xC0_00_00_3E, numbers: new Map(Object.entries(x8664)), privateFrom: Infinity},
				{auditArchitecture: 0x40_00_00_03, numbers: new Map(Object.entries(i386)), privateFrom: Infinity},
			];
		}

		case 'arm64': {
			return [
				{auditArchitecture: 0xC0_00_00_B7, numbers: new Map(Object.entries(arm64)), privateFrom: Infinity},
				{auditArchitecture: 0x40_00_00_28, numbers: new Map(Object.entries(arm)), privateFrom: privateCallsOfArm},
			];
		}
	}
}
