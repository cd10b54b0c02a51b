import {parseNumberList} from '../../solver/executor/number-list.ts';
import type {BuildOptions} from '../build/build-options.ts';
import {RequestError} from './usage-error.ts';

type Limits = BuildOptions['limits'];

// What Docker takes at least: below, a container does not start. https://github.com/moby/moby/blob/v28.0.0/daemon/daemon_unix.go (linuxMinMemory)
const minimumMemory = 6 * 1024 * 1024;

// https://docs.kernel.org/scheduler/sched-bwc.html: microseconds
const minimumQuota = 1000;
const periods = {minimum: 1000, maximum: 1_000_000};

// https://github.com/torvalds/linux/blob/v6.12/kernel/sched/sched.h (MIN_SHARES, MAX_SHARES)
const shares = {minimum: 2, maximum: 262_144};

/**
Refuses limits as Docker and runc do, in their words. Limits of 0 must be left out.

@throws {RequestError}
*/
export function checkLimits(limits: Limits): void {
	checkMemory(limits);
	checkCpuTime(limits);
	checkShares(limits);
	checkList('cpus', limits.cpusetCpus);
	checkList('mems', limits.cpusetMems);
}

function checkMemory({memory, memorySwap = -1}: Limits): void {
	if (memory !== undefined && memory < minimumMemory) {
		throw new RequestError('Minimum memory limit allowed is 6MB');
	}

	if (memory === undefined && memorySwap > 0) {
		throw new RequestError('You should always set the Memory limit when using Memoryswap limit, see usage');
	}

	if (memory !== undefined && memorySwap > 0 && memorySwap < memory) {
		throw new RequestError('Minimum memoryswap limit should be larger than memory limit, see usage', {hint: 'It is memory and swap together.'});
	}
}

function checkCpuTime({cpuPeriod = periods.minimum, cpuQuota = -1}: Limits): void {
	if (cpuPeriod < periods.minimum || cpuPeriod > periods.maximum) {
		throw new RequestError('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
	}

	if (cpuQuota !== -1 && cpuQuota < minimumQuota) {
		throw new RequestError('CPU cfs quota can not be less than 1ms (i.e. 1000)');
	}
}

function checkShares({cpuShares}: Limits): void {
	if (cpuShares !== undefined && cpuShares < shares.minimum) {
		throw new RequestError(`the minimum allowed cpu-shares is ${shares.minimum}`);
	}

	if (cpuShares !== undefined && cpuShares > shares.maximum) {
		throw new RequestError(`the maximum allowed cpu-shares is ${shares.maximum}`);
	}
}

function checkList(name: 'cpus' | 'mems', text: string | undefined): void {
	if (text !== undefined && parseNumberList(text) === undefined) {
		throw new RequestError(`Invalid value ${text} for cpuset ${name}`, {hint: 'Write numbers and ranges: 0-2,4.'});
	}
}
