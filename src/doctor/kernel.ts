import os from 'node:os';
import {hostArchitecture} from '../linux/architecture.ts';
import {
	AT_EMPTY_PATH,
	AT_FDCWD,
	FSOPEN_CLOEXEC,
	OPEN_TREE_CLOEXEC,
	OPEN_TREE_CLONE,
	O_CLOEXEC,
	O_PATH,
	RESOLVE_IN_ROOT,
} from '../linux/constants.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {libc, type Libc} from '../linux/libc.ts';
import {hasFailedWith} from '../linux/linux-error.ts';
import {cString} from '../linux/name.ts';
import {structureOf} from '../linux/structure.ts';
import type {SyscallEntry} from '../../solver/executor/syscall-table.ts';
import type {Finding, Patient} from './finding.ts';
import {playCalls} from './play-calls.ts';

type Trial = {
	readonly name: string;
	/** Makes the call; the result as of `libc()`. */
	readonly call: (calls: Libc) => number;
};

// In this process: what does not work for want of rights is known all the same.
const trials: readonly Trial[] = [
	{name: 'openat2', call: calls => closeOpened(openRoot(calls))},
	{name: 'fsopen', call: calls => closeOpened(calls.fsopen(cString('tmpfs'), FSOPEN_CLOEXEC))},
	{name: 'open_tree', call: calls => closeOpened(calls.open_tree(AT_FDCWD, cString('/'), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))},
	// It changes nothing of no mount.
	{name: 'mount_setattr', call: calls => calls.mount_setattr(-1, cString(''), AT_EMPTY_PATH, structureOf(0n, 0n, 0n, 0n), 32)},
];

// https://man7.org/linux/man-pages/man2/close_range.2.html
const lastDescriptor = 0xFF_FF_FF_FF;
const CLOSE_RANGE_CLOEXEC = 4;

// Those that only the first process of a step makes.
const callsOfInit: readonly SyscallEntry[] = [
	{call: 'close_range', args: [lastDescriptor, lastDescriptor, CLOSE_RANGE_CLOEXEC], describe: 'close_range'},
	{call: 'move_mount', args: [-1, '', -1, '', 0], describe: 'move_mount'},
];

/** The version of Linux, and the system calls without which there are no steps: each is made once. */
export async function examineKernel(_patient: Patient): Promise<readonly Finding[]> {
	const system = `Linux ${os.release()} on ${hostArchitecture()}`;
	const missing = [...missingCalls(), ...await missingCallsOfInit()];
	if (missing.length === 0) {
		return [{status: 'ok', topic: 'kernel', summary: system}];
	}

	return [{
		status: 'fault',
		topic: 'kernel',
		summary: `${system} does without ${missing.join(', ')}`,
		advice: 'tsbuild needs Linux 6.1 or later. If this is such a kernel, a seccomp profile forbids the calls: start the container with a newer engine, or with --security-opt seccomp=unconfined.',
	}];
}

function missingCalls(): readonly string[] {
	const calls = libc();
	return trials.filter(({call}) => hasFailedWith(call(calls), 'ENOSYS')).map(({name}) => name);
}

/** Closes the descriptor that a call has opened, if it has, and gives on its result. */
function closeOpened(result: number): number {
	if (result >= 0) {
		new Descriptor(result).close();
	}

	return result;
}

function openRoot(calls: Libc): number {
	const how = structureOf(BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT));
	return calls.openat2(AT_FDCWD, cString('/'), how, how.length);
}

async function missingCallsOfInit(): Promise<readonly string[]> {
	const failures = await Promise.all(callsOfInit.map(async call => playCalls([call])));
	return callsOfInit.filter((_, index) => failures[index]?.endsWith(': ENOSYS') ?? false).map(({call}) => call);
}
