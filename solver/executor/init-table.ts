import {constants} from 'node:os';
import {
	CLONE_NEWCGROUP,
	CLONE_NEWIPC,
	CLONE_NEWNS,
	CLONE_NEWUTS,
} from '../../src/linux/constants.ts';
import {nameBytes} from '../../src/linux/name.ts';
import {executeEntries, workingDirectoryEntries, type Command} from './command.ts';
import {statusDescriptor} from './init-program.ts';
import {namespaceFlagsOf, networkEntries, type ContainerNetwork} from './network.ts';
import {privilegeEntries, type Privileges} from './privileges.ts';
import {processAttributeEntries, type ProcessAttributes} from './process-attributes.ts';
import {resourceLimitEntries, type ResourceLimit} from './resource-limits.ts';
import {rootfsEntries, type Rootfs} from './rootfs.ts';
import type {SyscallEntry} from './syscall-table.ts';

/** Everything that init has to do, in its own descriptor numbers. */
export type InitPlan = {
	/** Descriptors of the `cgroup.procs` files of the step's groups. */
	readonly cgroupProcesses: readonly number[];
	readonly network: ContainerNetwork;
	readonly hostname: string;
	readonly rootfs: Rootfs;
	readonly resourceLimits: Readonly<Record<string, ResourceLimit>>;
	/** The hard limit of open files of the parent. */
	readonly maximumOpenFiles: bigint;
	readonly command: Command;
	readonly privileges: Privileges;
	readonly attributes: ProcessAttributes;
	/** The lowest descriptor number that is free when init starts. */
	readonly scratch: number;
};

const lastDescriptor = 0xFF_FF_FF_FF;

// https://man7.org/linux/man-pages/man2/close_range.2.html
const CLOSE_RANGE_CLOEXEC = 4;

// https://man7.org/linux/man-pages/man3/keyctl_join_session_keyring.3.html
const KEYCTL_JOIN_SESSION_KEYRING = 1;

// https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
const PR_SET_PDEATHSIG = 1;

/**
The program of init: from a fresh process in a new PID namespace and a session of its own to the step's command.
*/
export function initTable(plan: InitPlan): readonly SyscallEntry[] {
	return [
		{call: 'close_range', args: [plan.scratch, lastDescriptor, 0], describe: 'close inherited descriptors'},
		...cgroupEntries(plan.cgroupProcesses),
		...namespaceEntries(plan),
		// Modes of new files are meant as they are.
		{call: 'umask', args: [0], describe: 'set umask'},
		...rootfsEntries(plan.rootfs, plan.scratch),
		...processAttributeEntries(plan.attributes, plan.scratch),
		{call: 'umask', args: [0o022], describe: 'set umask'},
		...resourceLimitEntries(plan.resourceLimits, plan.maximumOpenFiles),
		// Only standard input, output, error output and the status descriptor are left, and of these the program gets the first three.
		{call: 'close_range', args: [statusDescriptor + 1, lastDescriptor, 0], describe: 'close descriptors'},
		{call: 'close_range', args: [statusDescriptor, statusDescriptor, CLOSE_RANGE_CLOEXEC], describe: 'mark the status descriptor'},
		...workingDirectoryEntries(plan.command.cwd),
		...privilegeEntries(plan.privileges),
		// If tsbuild is killed, so is the step. A change of the user would clear this.
		{call: 'prctl', args: [PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0], describe: 'follow the end of tsbuild'},
		...executeEntries(plan.command),
	];
}

// The joining process is written as 0, so that nobody has to know its number in the parent's PID namespace.
function cgroupEntries(descriptors: readonly number[]): readonly SyscallEntry[] {
	return descriptors.map(descriptor => ({call: 'write', args: [descriptor, '0', 1], describe: 'join cgroup'}));
}

// After joining the cgroup, which becomes the root of the new cgroup namespace.
function namespaceEntries({network, hostname, scratch}: InitPlan): readonly SyscallEntry[] {
	const name = nameBytes(hostname);
	const flags = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | namespaceFlagsOf(network);
	return [
		{call: 'unshare', args: [flags], describe: 'make new namespaces'},
		...networkEntries(network, scratch),
		{call: 'sethostname', args: [name, name.length], describe: `set hostname ${hostname}`},
		// The keys of whoever started tsbuild are not the step's.
		{
			call: 'keyctl', args: [KEYCTL_JOIN_SESSION_KEYRING, null], mayFail: ['ENOSYS', 'EPERM'], describe: 'join a new session keyring',
		},
	];
}
