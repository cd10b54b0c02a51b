import {Buffer} from 'node:buffer';
import {
	capabilityMask,
	capabilityNumber,
	encodeCapabilityData,
	encodeCapabilityHeader,
	type CapabilityName,
} from './capabilities.ts';
import type {SyscallEntry} from './syscall-table.ts';
import type {ContainerUser} from './user.ts';

/** What a step may do. */
export type Privileges = {
	readonly user: ContainerUser;
	/** Whether groups can be set: not in a user namespace that one group alone was mapped into without privileges. */
	readonly canSetGroups: boolean;
	/** The bounding, permitted and effective set. */
	readonly capabilities: readonly CapabilityName[];
	/** Whether these are the inheritable and ambient set, too, so that the programs of another user than root have them. */
	readonly hasAmbientCapabilities: boolean;
	/** An array of `struct sock_filter`; `undefined` for none. */
	readonly seccompFilter: Uint8Array | undefined;
};

// https://man7.org/linux/man-pages/man2/prctl.2.html
const PR_SET_KEEPCAPS = 8;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;

// https://man7.org/linux/man-pages/man2/seccomp.2.html
const SECCOMP_SET_MODE_FILTER = 1;
const filterInstructionSize = 8;

// The kernel has room for 64, of which it refuses (EINVAL) those that it does not know.
const maximumCapabilities = 64;

/**
The calls that leave init with nothing but the step's own rights, as runc does without `noNewPrivileges`: set-user-ID programs in the step work.

The seccomp filter comes first, while there is CAP_SYS_ADMIN to install it. Capabilities are kept over the change of the user: the program is found and opened with them, and `execve` drops them for a user who is not root.

@see https://man7.org/linux/man-pages/man7/capabilities.7.html
*/
export function privilegeEntries({user, canSetGroups, capabilities, hasAmbientCapabilities, seccompFilter}: Privileges): readonly SyscallEntry[] {
	return [
		...boundingSetEntries(capabilities),
		...(seccompFilter === undefined ? [] : [seccompEntry(seccompFilter)]),
		{call: 'prctl', args: [PR_SET_KEEPCAPS, 1, 0, 0, 0], describe: 'keep capabilities'},
		...(canSetGroups ? [groupsEntry(user.groups)] : []),
		{call: 'setresgid', args: [user.gid, user.gid, user.gid], describe: `set group ${user.gid}`},
		{call: 'setresuid', args: [user.uid, user.uid, user.uid], describe: `set user ${user.uid}`},
		capabilityEntry(capabilities, hasAmbientCapabilities ? capabilities : []),
		...(hasAmbientCapabilities ? ambientSetEntries(capabilities) : []),
	];
}

function boundingSetEntries(capabilities: readonly CapabilityName[]): readonly SyscallEntry[] {
	const mask = capabilityMask(capabilities);
	return Array.from({length: maximumCapabilities}, (_, number) => number)
		.filter(number => (mask & (1n << BigInt(number))) === 0n)
		.map(number => ({
			call: 'prctl', args: [PR_CAPBSET_DROP, number, 0, 0, 0], mayFail: ['EINVAL'], describe: `drop capability ${number}`,
		}));
}

function groupsEntry(groups: readonly number[]): SyscallEntry {
	return {call: 'setgroups', args: [groups.length, groupArray(groups)], describe: `set groups ${groups.join(',')}`};
}

function seccompEntry(filter: Uint8Array): SyscallEntry {
	// `struct sock_fprog`: the number of instructions, and where they are.
	const program = [filter.length / filterInstructionSize, filter];
	return {call: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, 0, program], describe: 'install seccomp filter'};
}

function capabilityEntry(capabilities: readonly CapabilityName[], inheritable: readonly CapabilityName[]): SyscallEntry {
	const data = encodeCapabilityData({effective: capabilities, permitted: capabilities, inheritable});
	return {call: 'capset', args: [encodeCapabilityHeader(), data], describe: 'set capabilities'};
}

function ambientSetEntries(capabilities: readonly CapabilityName[]): readonly SyscallEntry[] {
	return capabilities.map(name => ({call: 'prctl', args: [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capabilityNumber(name), 0, 0], describe: `pass on ${name}`}));
}

function groupArray(groups: readonly number[]): Uint8Array {
	const array = Buffer.alloc(groups.length * 4);
	for (const [index, group] of groups.entries()) {
		array.writeUInt32LE(group, index * 4);
	}

	return array;
}
