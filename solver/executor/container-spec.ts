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
};

export type ContainerUsage = {
	/** Bytes at the highest, if a memory cgroup could tell. */
	readonly peakMemory?: number;
	/** Microseconds of CPU time. */
	readonly cpuTime?: number;
};

export type ContainerResult = {
	/** 0 to 255; 128 + n when signal n ended the process. */
	readonly exitCode: number;
	readonly outOfMemory: boolean;
	readonly usage: ContainerUsage;
};
