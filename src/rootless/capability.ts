import {readFileSync} from 'node:fs';

// https://man7.org/linux/man-pages/man7/capabilities.7.html, numbers from include/uapi/linux/capability.h
const numbers = {CAP_SETGID: 6n, CAP_SETUID: 7n, CAP_SYS_ADMIN: 21n} as const;

/** Whether this process has a capability in force. */
export function hasCapability(name: keyof typeof numbers): boolean {
	return (BigInt(`0x${readStatus('CapEff')}`) & (1n << numbers[name])) !== 0n;
}

/** Whether no program that this process starts can gain rights, by a set-user-ID bit or file capabilities. */
export function hasNoNewPrivileges(): boolean {
	return readStatus('NoNewPrivs') === '1';
}

// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
function readStatus(name: 'CapEff' | 'NoNewPrivs'): string {
	const lines = readFileSync('/proc/self/status', 'latin1').split('\n');
	return lines.find(line => line.startsWith(`${name}:`))?.slice(name.length + 1).trim() ?? '0';
}
