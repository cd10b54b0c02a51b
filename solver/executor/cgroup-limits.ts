import {TsbuildError} from '../../src/kernel/errors.ts';
import type {ContainerLimits} from './container-spec.ts';

/** What the group of a container may use. */
export type ResourceLimits = Omit<ContainerLimits, 'ulimits' | 'sharedMemory' | 'time'>;

/** A file of a group, and what is to be written into it. */
export type CgroupSetting = {
	readonly controller: 'memory' | 'cpu' | 'cpuset' | 'pids';
	readonly file: string;
	readonly value: string;
	/** Whether it may be left out on a kernel that does not have the file, as Docker does: the user has not asked for it. */
	readonly isOptional?: boolean;
};

/** Microseconds in which a group may use its quota of CPU time: the kernel's and Docker's default. */
const defaultPeriod = 100_000;

const weights = {minimum: 1, maximum: 10_000};
const shares = {minimum: 2, maximum: 262_144};

/**
The limits as the files of cgroup version 1.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when memory and swap together are less than the memory, or without a limit of memory
@see https://docs.kernel.org/admin-guide/cgroup-v1/index.html
*/
export function settingsOfVersion1(limits: ResourceLimits): readonly CgroupSetting[] {
	const {
		memory, cpuShares, cpuQuota, cpuPeriod, cpusetCpus, cpusetMems, pids,
	} = limits;
	const swap = swapLimit(limits);
	return present([
		['memory', 'memory.limit_in_bytes', memory],
		// Of memory and swap together.
		['memory', 'memory.memsw.limit_in_bytes', swap === undefined ? undefined : memory! + swap, isSwapOptional(limits)],
		['cpu', 'cpu.shares', cpuShares],
		['cpu', 'cpu.cfs_period_us', cpuPeriod],
		['cpu', 'cpu.cfs_quota_us', cpuQuota],
		['cpuset', 'cpuset.cpus', cpusetCpus],
		['cpuset', 'cpuset.mems', cpusetMems],
		['pids', 'pids.max', pids === -1 ? undefined : pids],
	]);
}

/**
The limits as the files of cgroup version 2.

@throws as `settingsOfVersion1`
@see https://docs.kernel.org/admin-guide/cgroup-v2.html#controllers
*/
export function settingsOfVersion2(limits: ResourceLimits): readonly CgroupSetting[] {
	const {
		memory, cpuShares, cpusetCpus, cpusetMems, pids,
	} = limits;
	return present([
		['memory', 'memory.max', memory],
		['memory', 'memory.swap.max', swapLimit(limits), isSwapOptional(limits)],
		['cpu', 'cpu.weight', cpuShares === undefined ? undefined : cpuWeight(cpuShares)],
		['cpu', 'cpu.max', cpuMaximum(limits)],
		['cpuset', 'cpuset.cpus', cpusetCpus],
		['cpuset', 'cpuset.mems', cpusetMems],
		['pids', 'pids.max', pids === -1 ? undefined : pids],
	]);
}

/**
The weight in version 2 for shares of version 1, as runc and crun have it: the default of one (1024) is that of the other (100), and so are the ends of the ranges.

@see https://github.com/opencontainers/cgroups/blob/v0.0.6/utils.go (ConvertCPUSharesToCgroupV2Value)
*/
export function cpuWeight(cpuShares: number): number {
	if (cpuShares <= shares.minimum) {
		return weights.minimum;
	}

	if (cpuShares >= shares.maximum) {
		return weights.maximum;
	}

	const logarithm = Math.log2(cpuShares);
	const exponent = (((logarithm ** 2) + (125 * logarithm)) / 612) - (7 / 34);
	return Math.ceil(10 ** exponent);
}

function cpuMaximum({cpuQuota, cpuPeriod}: ResourceLimits): string | undefined {
	if (cpuQuota === undefined && cpuPeriod === undefined) {
		return undefined;
	}

	const quota = cpuQuota === undefined || cpuQuota === -1 ? 'max' : cpuQuota;
	return `${quota} ${cpuPeriod ?? defaultPeriod}`;
}

/** Bytes of swap alone, or `undefined` without limit. As in Docker there may be as much swap as memory when only memory is given, and -1 stands for swap without limit. */
function swapLimit({memory, memorySwap}: ResourceLimits): number | undefined {
	if (memorySwap === -1) {
		return undefined;
	}

	if (memorySwap !== undefined && (memory === undefined || memorySwap < memory)) {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to limit memory and swap to ${memorySwap} bytes: it needs a limit of memory that is not larger`);
	}

	return memorySwap === undefined ? memory : memorySwap - memory!;
}

function isSwapOptional({memorySwap}: ResourceLimits): boolean {
	return memorySwap === undefined;
}

type Row = readonly [controller: CgroupSetting['controller'], file: string, value: number | string | undefined, isOptional?: boolean];

function present(rows: readonly Row[]): readonly CgroupSetting[] {
	return rows.filter(row => row[2] !== undefined).map(([controller, file, value, isOptional = false]) => ({
		controller, file, value: String(value), isOptional,
	}));
}

/**
Refuses limits where there is nothing to set them with.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when any is given
*/
export function refuseLimits(limits: ResourceLimits, reason: string): void {
	const [first] = settingsOfVersion2(limits);
	if (first !== undefined) {
		throw limitError(first.controller, reason);
	}
}

/** The error of a limit that cannot be set. */
export function limitError(resource: string, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CGROUP', `failed to limit ${resource} of the container: ${reason}`, {
		hint: 'Limits need cgroup controllers that this user can write.',
	});
}
