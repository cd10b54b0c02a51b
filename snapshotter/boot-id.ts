import {readFileSync} from 'node:fs';

/**
What tells this boot of the machine from every other.

@see https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html (random/boot_id)
*/
export function bootId(): string {
	return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
