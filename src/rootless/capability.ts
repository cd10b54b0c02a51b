import {readFileSync} from 'node:fs';

// https://man7.org/linux/man-pages/man7/capabilities.7.html, numbers from include/uapi/linux/capability.h
const numbers = {CAP_SETGID: 6n, CAP_SETUID: 7n, CAP_SYS_ADMIN: 21n} as const;

/** Whether this process has a capability in force. */
export function hasCapability(name: keyof typeof numbers): boolean {
	// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html (CapEff)
	const {mask = '0'} = /^CapEff:\s+(?<mask>[\da-f]+)$/mv.exec(readFileSync('/proc/self/status', 'latin1'))?.groups ?? {};
	return (BigInt(`0x${mask}`) & (1n << numbers[name])) !== 0n;
}
