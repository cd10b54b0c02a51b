import {
	AT_FDCWD,
	O_CLOEXEC,
	O_DIRECTORY,
	O_PATH,
	O_WRONLY,
	RESOLVE_BENEATH,
	RESOLVE_NO_XDEV,
} from '../../src/linux/constants.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** What a step's processes do not take over from tsbuild, and is set through procfs. */
export type ProcessAttributes = {
	/** Name of the AppArmor profile that confines the command; `undefined` for none. */
	readonly appArmorProfile: string | undefined;
	/** Whether to take away a protection from the kernel's killing for lack of memory, so that a step dies before the programs of the host. */
	readonly dropsProtection: boolean;
};

/**
The calls that set the attributes. /proc must be mounted.

What is written to must lie in the procfs that init has mounted itself: nothing that is mounted over a part of it is entered (CVE-2025-52881).

@param attributes what to set
@param scratch the lowest descriptor number that is free in init
@see https://man7.org/linux/man-pages/man5/proc_pid_attr.5.html
@see https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
*/
export function processAttributeEntries(attributes: ProcessAttributes, scratch: number): readonly SyscallEntry[] {
	const {appArmorProfile, dropsProtection} = attributes;
	return [
		...(dropsProtection ? writeEntries({file: 'oom_score_adj', text: '0', describe: 'set the OOM score'}, scratch) : []),
		...(appArmorProfile === undefined ? [] : writeEntries({file: 'attr/apparmor/exec', text: `exec ${appArmorProfile}`, describe: `set AppArmor profile ${appArmorProfile}`}, scratch)),
	];
}

function writeEntries({file, text, describe}: {readonly file: string; readonly text: string; readonly describe: string}, scratch: number): readonly SyscallEntry[] {
	// `struct open_how`: flags, mode, resolve. https://man7.org/linux/man-pages/man2/openat2.2.html
	const how = [O_WRONLY | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV];
	return [
		{call: 'openat', args: [AT_FDCWD, '/proc', O_PATH | O_DIRECTORY | O_CLOEXEC], describe},
		{call: 'openat2', args: [scratch, `self/${file}`, how, how.length * 8], describe},
		{call: 'write', args: [scratch + 1, text, text.length], describe},
		{call: 'close', args: [scratch + 1], describe},
		{call: 'close', args: [scratch], describe},
	];
}
