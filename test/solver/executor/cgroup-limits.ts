import test from 'ava';
import {
	cpuWeight,
	settingsOfVersion1,
	settingsOfVersion2,
	type ResourceLimits,
} from '../../../solver/executor/cgroup-limits.ts';

/** `FILE=VALUE`, with a question mark where the kernel need not have the file. */
function written(settings: ReturnType<typeof settingsOfVersion1>): readonly string[] {
	return settings.map(({file, value, isOptional}) => `${file}=${value}${isOptional ? '?' : ''}`);
}

const becomes = test.macro({
	exec(t, limits: ResourceLimits, version1: readonly string[], version2: readonly string[]) {
		t.deepEqual(written(settingsOfVersion1(limits)), version1);
		t.deepEqual(written(settingsOfVersion2(limits)), version2);
	},
	title: (_, limits: ResourceLimits) => `the files of ${JSON.stringify(limits)}`,
});

test(becomes, {}, [], []);
test(becomes, {memory: 1000}, ['memory.limit_in_bytes=1000', 'memory.memsw.limit_in_bytes=2000?'], ['memory.max=1000', 'memory.swap.max=1000?']);
test(becomes, {memory: 1000, memorySwap: 1500}, ['memory.limit_in_bytes=1000', 'memory.memsw.limit_in_bytes=1500'], ['memory.max=1000', 'memory.swap.max=500']);
test(becomes, {memory: 1000, memorySwap: 1000}, ['memory.limit_in_bytes=1000', 'memory.memsw.limit_in_bytes=1000'], ['memory.max=1000', 'memory.swap.max=0']);
test(becomes, {memory: 1000, memorySwap: -1}, ['memory.limit_in_bytes=1000'], ['memory.max=1000']);
test(becomes, {cpuQuota: 50_000}, ['cpu.cfs_quota_us=50000'], ['cpu.max=50000 100000']);
test(becomes, {cpuQuota: 50_000, cpuPeriod: 25_000}, ['cpu.cfs_period_us=25000', 'cpu.cfs_quota_us=50000'], ['cpu.max=50000 25000']);
test(becomes, {cpuPeriod: 25_000}, ['cpu.cfs_period_us=25000'], ['cpu.max=max 25000']);
test(becomes, {cpuQuota: -1}, ['cpu.cfs_quota_us=-1'], ['cpu.max=max 100000']);
test(becomes, {cpuShares: 512}, ['cpu.shares=512'], ['cpu.weight=59']);
test(becomes, {cpusetCpus: '0-2', cpusetMems: '0'}, ['cpuset.cpus=0-2', 'cpuset.mems=0'], ['cpuset.cpus=0-2', 'cpuset.mems=0']);
test(becomes, {pids: 10}, ['pids.max=10'], ['pids.max=10']);
test(becomes, {pids: -1}, [], []);

// The ends, the default, and what Kubernetes documents for a quarter of a CPU.
for (const [shares, weight] of [[1, 1], [2, 1], [3, 2], [256, 35], [512, 59], [1024, 100], [2048, 174], [262_144, 10_000], [300_000, 10_000]] as const) {
	test(`${shares} shares are a weight of ${weight}`, t => {
		t.is(cpuWeight(shares), weight);
	});
}

test('swap without a limit of memory is refused', t => {
	t.throws(() => settingsOfVersion1({memorySwap: 1000}), {code: 'ERR_TSBUILD_CGROUP'});
	t.throws(() => settingsOfVersion2({memory: 2000, memorySwap: 1000}), {code: 'ERR_TSBUILD_CGROUP'});
});
