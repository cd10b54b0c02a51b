import {TsbuildError} from '../../src/kernel/errors.ts';
import type {ContainerLimits} from './container-spec.ts';

/** What the group of a container may use. */
export type ResourceLimits = Pick<ContainerLimits, 'memory' | 'memorySwap' | 'cpus' | 'pids'>;

/** Microseconds in which a group may use its quota of CPU time: the kernel's and Docker's default. */
export const cpuPeriod = 100_000;

/** Microseconds of CPU time in each period. */
export function cpuQuota(cpus: number): number {
	return Math.round(cpus * cpuPeriod);
}

/** A limit of memory, and of the swap beside it. */
export type MemoryLimit = {
	/** Bytes. */
	readonly memory: number;
	/** Bytes of swap alone; without limit when not given. */
	readonly swap?: number;
	/** Whether the limit of swap may be left out on a kernel without swap accounting, as Docker does: the user has not asked for it. */
	readonly isSwapOptional: boolean;
};

/**
The limit of memory, or `undefined` for none. As in Docker there may be as much swap as memory when only memory is given, and -1 stands for swap without limit.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when memory and swap together are less than the memory, or without a limit of memory
*/
export function memoryLimit({memory, memorySwap}: ResourceLimits): MemoryLimit | undefined {
	if (memorySwap !== undefined && memorySwap !== -1 && (memory === undefined || memorySwap < memory)) {
		throw new TsbuildError('ERR_TSBUILD_CGROUP', `failed to limit memory and swap to ${memorySwap} bytes: it needs a limit of memory that is not larger`);
	}

	if (memory === undefined) {
		return undefined;
	}

	switch (memorySwap) {
		case undefined: {
			return {memory, swap: memory, isSwapOptional: true};
		}

		case -1: {
			return {memory, isSwapOptional: true};
		}

		default: {
			return {memory, swap: memorySwap - memory, isSwapOptional: false};
		}
	}
}

/**
Refuses limits where there is nothing to set them with.

@throws {TsbuildError} `ERR_TSBUILD_CGROUP` when any is given
*/
export function refuseLimits({memory, memorySwap, cpus, pids}: ResourceLimits, reason: string): void {
	const limits = {
		memory, memorySwap, cpus, pids,
	};
	for (const [resource, limit] of Object.entries(limits)) {
		if (limit !== undefined) {
			throw limitError(resource, reason);
		}
	}
}

/** The error of a limit that cannot be set. */
export function limitError(resource: string, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CGROUP', `failed to limit ${resource} of the container: ${reason}`, {
		hint: 'Limits need cgroup controllers that this user can write.',
	});
}
