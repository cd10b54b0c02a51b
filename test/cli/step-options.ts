import {availableParallelism} from 'node:os';
import test from 'ava';
import {readExtraHosts} from '../../src/cli/extra-hosts.ts';
import {readLimits} from '../../src/cli/limit-options.ts';
import {readUlimits} from '../../src/cli/ulimits.ts';
import {TsbuildError} from '../../src/kernel/errors.ts';

test('hosts are names with an address', t => {
	t.deepEqual(readExtraHosts(['a:10.0.0.1', 'b=::1', 'c:[fe80::1]', 'd=[::2],e:1.2.3.4']), [
		{name: 'a', address: '10.0.0.1'},
		{name: 'b', address: '::1'},
		{name: 'c', address: 'fe80::1'},
		{name: 'd', address: '::2'},
		{name: 'e', address: '1.2.3.4'},
	]);
});

for (const text of ['foo', 'foo:bar', ':1.2.3.4', 'a:', '=', 'a=1.2.3', 'a=fe80::1%lo', 'a=[]', 'a:1.2.3.4\n5.6.7.8 b']) {
	test(`${JSON.stringify(text)} is no host`, t => {
		t.throws(() => readExtraHosts([text]), {code: 'ERR_TSBUILD_REQUEST', message: /^invalid host /v});
	});
}

test('limits are in the order of their names, and the last of a name counts', t => {
	t.deepEqual(readUlimits(['nofile=1', 'core=0', 'nofile=2:3', 'memlock=-1', 'data=5:-1', 'cpu=9223372036854775807']), [
		{name: 'core', soft: '0', hard: '0'},
		{name: 'cpu', soft: '9223372036854775807', hard: '9223372036854775807'},
		{name: 'data', soft: '5', hard: '-1'},
		{name: 'memlock', soft: '-1', hard: '-1'},
		{name: 'nofile', soft: '2', hard: '3'},
	]);
});

const refuses = test.macro({
	exec(t, text: string, reason: string) {
		t.throws(() => readUlimits([text]), {code: 'ERR_TSBUILD_USAGE', message: `invalid argument ${JSON.stringify(text)} for "--ulimit" flag: ${reason}`});
	},
	title: (_, text: string) => `${text} is no limit`,
});

test(refuses, 'nofile', 'invalid ulimit argument: nofile');
test(refuses, 'zzz=1', 'invalid ulimit type: zzz');
test(refuses, 'toString=1', 'invalid ulimit type: toString');
test(refuses, 'nofile=', 'strconv.ParseInt: parsing "": invalid syntax');
test(refuses, 'nofile=1:x', 'strconv.ParseInt: parsing "x": invalid syntax');
test(refuses, 'nofile=9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range');
test(refuses, 'nofile=1:2:3', 'too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`');
test(refuses, 'nofile=2:1', 'ulimit soft limit must be less than or equal to hard limit: 2 > 1');
test(refuses, 'nofile=-1:1', 'ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 1');

const none = {
	memory: undefined,
	'memory-swap': undefined,
	cpus: undefined,
	'cpu-shares': undefined,
	'cpu-period': undefined,
	'cpu-quota': undefined,
	'cpuset-cpus': undefined,
	'cpuset-mems': undefined,
	'pids-limit': undefined,
	timeout: undefined,
	resource: [],
};

test('resources are limits, which flags of their own win over', t => {
	t.deepEqual(readLimits({...none, resource: ['memory=1g', 'memory-swap=-1', 'cpu-quota=50000', 'memory=2g']}), {memory: 2 ** 31, memorySwap: -1, cpuQuota: 50_000});
	t.deepEqual(readLimits({...none, resource: ['cpu-quota=50000', 'cpu-period=25000', 'cpu-shares=2', 'cpuset-cpus=0', 'cpuset-mems=0']}), {
		cpuQuota: 50_000, cpuPeriod: 25_000, cpuShares: 2, cpusetCpus: '0', cpusetMems: '0',
	});
	t.deepEqual(readLimits({
		...none, memory: '10m', 'cpu-shares': '512', resource: ['memory=1g'],
	}), {memory: 10 * (2 ** 20), cpuShares: 512});
});

test('a number of CPUs is a quota in a period of 100 ms', t => {
	t.deepEqual(readLimits({...none, cpus: '0.5'}), {cpuQuota: 50_000, cpuPeriod: 100_000});
});

test('0 is no limit, also against --resource', t => {
	t.deepEqual(readLimits({
		...none, memory: '0', cpus: '0', 'cpu-quota': '0', 'cpu-shares': '0', 'cpuset-cpus': '', resource: ['memory=1g', 'cpu-quota=5000', 'cpuset-cpus=0'],
	}), {});
});

test('processes are limited unless the limit is 0 or less', t => {
	t.deepEqual(readLimits({...none, 'pids-limit': '10'}), {pids: 10});
	t.deepEqual(readLimits({...none, 'pids-limit': '-1'}), {pids: -1});
	t.deepEqual(readLimits({...none, 'pids-limit': '0'}), {pids: -1});
});

for (const text of ['foo', 'foo=1', 'toString=1', 'cpu-quota=x', 'memory=', 'cpu-quota=1.5', 'memory-swap=-2', 'Memory=1g']) {
	test(`${text} is no resource`, t => {
		t.throws(() => readLimits({...none, resource: [text]}), {instanceOf: TsbuildError});
	});
}

test('resources are refused in the same words', t => {
	t.throws(() => readLimits({...none, resource: ['memory=1m']}), {code: 'ERR_TSBUILD_REQUEST', message: 'Minimum memory limit allowed is 6MB'});
});

const refusesLimits = test.macro({
	exec(t, flags: Readonly<Record<string, string>>, message: string) {
		t.throws(() => readLimits({...none, ...flags}), {code: 'ERR_TSBUILD_REQUEST', message});
	},
	title: (_, flags: Readonly<Record<string, string>>) => `${JSON.stringify(flags)} is refused in Docker's words`,
});

test(refusesLimits, {memory: '6291455'}, 'Minimum memory limit allowed is 6MB');
test(refusesLimits, {'memory-swap': '1g'}, 'You should always set the Memory limit when using Memoryswap limit, see usage');
test(refusesLimits, {memory: '1g', 'memory-swap': '512m'}, 'Minimum memoryswap limit should be larger than memory limit, see usage');
test(refusesLimits, {'cpu-period': '999'}, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
test(refusesLimits, {'cpu-period': '1000001'}, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
test(refusesLimits, {'cpu-quota': '999'}, 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
test(refusesLimits, {'cpu-quota': '-2'}, 'CPU cfs quota can not be less than 1ms (i.e. 1000)');
test(refusesLimits, {'cpu-shares': '1'}, 'the minimum allowed cpu-shares is 2');
test(refusesLimits, {'cpu-shares': '-5'}, 'the minimum allowed cpu-shares is 2');
test(refusesLimits, {'cpu-shares': '262145'}, 'the maximum allowed cpu-shares is 262144');
test(refusesLimits, {'cpuset-cpus': '0-'}, 'Invalid value 0- for cpuset cpus');
test(refusesLimits, {'cpuset-cpus': '3-1'}, 'Invalid value 3-1 for cpuset cpus');
test(refusesLimits, {'cpuset-mems': '0\n1'}, 'Invalid value 0\n1 for cpuset mems');
test(refusesLimits, {cpus: '1', 'cpu-period': '5000'}, 'Conflicting options: Nano CPUs and CPU Period cannot both be set');
test(refusesLimits, {cpus: '1', 'cpu-quota': '5000'}, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set');
test(refusesLimits, {cpus: '0.001'}, `range of CPUs is from 0.01 to ${availableParallelism()}.00, as there are only ${availableParallelism()} CPUs available`);
test(refusesLimits, {cpus: '100000'}, `range of CPUs is from 0.01 to ${availableParallelism()}.00, as there are only ${availableParallelism()} CPUs available`);
