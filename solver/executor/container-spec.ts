import type {StepUsage} from '../../src/kernel/progress-event.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import type {StepNetwork} from './network.ts';

/*
A container as data. `runContainer(spec, {signal})` in container.ts makes it, waits for its first process and undoes everything.
*/

export type ContainerMount =
	/** A detached mount (see src/linux/detached-mount.ts) attached at `target`. */
	| {readonly type: 'detached'; readonly mount: Descriptor; readonly target: string; readonly readOnly: boolean}
	| {readonly type: 'tmpfs'; readonly target: string; readonly options: string}
	/** A read-only file that is in memory alone. */
	| {readonly type: 'file'; readonly target: string; readonly content: Uint8Array; readonly mode: number; readonly uid: number; readonly gid: number};

export type ContainerLimits = {
	/** Bytes. */
	readonly memory?: number;
	/** Bytes of memory and swap together; -1 without limit. */
	readonly memorySwap?: number;
	/** Weight beside other groups, from 2 to 262,144; without it 1024. */
	readonly cpuShares?: number;
	/** Microseconds of CPU time in each period; -1 without limit. */
	readonly cpuQuota?: number;
	/** Microseconds; 100,000 when not given. */
	readonly cpuPeriod?: number;
	/** CPUs and memory nodes to run on, such as `0-2,4`. */
	readonly cpusetCpus?: string;
	readonly cpusetMems?: string;
	/** Processes and threads; -1 without limit, and when not given that of `ContainerEnvironment`. */
	readonly pids?: number;
	/** Resource limits by their name, for example `nofile`. */
	readonly ulimits?: Readonly<Record<string, {readonly soft: bigint; readonly hard: bigint}>>;
	/** Bytes of /dev/shm; 64 MiB when not given. */
	readonly sharedMemory?: number;
	/** Milliseconds from the start of the first process, after which all are killed. */
	readonly time?: number;
};

export type ContainerSpec = {
	/** Names the cgroup; carries the session's id, so that a sweep finds it: `<session>-<number>`. */
	readonly id: string;
	/** The merged, writable root as a detached mount. */
	readonly root: Descriptor;
	/** At least one; the first is looked up in the PATH of `env` inside the root unless it holds a slash. */
	readonly args: readonly string[];
	readonly env: readonly string[];
	/** Absolute; made with mode 0755 for the user when missing. */
	readonly cwd: string;
	/** As in the Dockerfile; empty for root. */
	readonly user: string;
	readonly network: StepNetwork;
	readonly security: 'sandbox' | 'insecure';
	readonly hostname: string;
	readonly mounts: readonly ContainerMount[];
	readonly limits: ContainerLimits;
	/** Lines added to /etc/hosts. The address `host-gateway` is that of the machine that builds. */
	readonly extraHosts: ReadonlyArray<{readonly name: string; readonly address: string}>;
	/** Takes each piece of output as it comes. */
	readonly output: (stream: 'stdout' | 'stderr', data: Uint8Array) => void;
	/** Asked after each piece: resolves when the next can be taken; `undefined` when it can now. */
	readonly roomForOutput?: (() => Promise<void> | undefined) | undefined;
};

/** What a cgroup can tell of all processes that were in it. */
export type CgroupUsage = {
	/** Bytes at the highest. */
	readonly peakMemory?: number;
	/** Microseconds of CPU time. */
	readonly userTime?: number;
	readonly systemTime?: number;
	/** Processes and threads at the most. */
	readonly peakProcesses?: number;
};

/** Without a cgroup, that of the first process and those that were waited for; the memory is that of the largest. */
export type ContainerUsage = StepUsage;

export type ContainerResult = {
	/** 0 to 255; 128 + n when signal n ended the process. */
	readonly exitCode: number;
	/** The kernel has killed a process because of the limit of memory. */
	readonly outOfMemory: boolean;
	/** A process could not be made because of the limit of processes. */
	readonly outOfProcesses: boolean;
	/** It was killed because its time was over. */
	readonly outOfTime: boolean;
	readonly usage: ContainerUsage;
};
