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

const none = {memory: undefined, cpus: undefined, 'pids-limit': undefined};

test('resources are limits, which flags of their own win over', t => {
	t.deepEqual(readLimits({...none, resource: ['memory=1g', 'memory-swap=-1', 'cpu-quota=50000', 'memory=2g']}), {memory: 2 ** 31, memorySwap: -1, cpus: 0.5});
	t.deepEqual(readLimits({...none, resource: ['cpu-quota=50000', 'cpu-period=25000']}), {cpus: 2});
	t.deepEqual(readLimits({...none, memory: '1m', resource: ['memory=1g']}), {memory: 2 ** 20});
});

for (const text of ['foo', 'foo=1', 'cpu-quota=x', 'memory=', 'cpu-quota=0', 'cpu-period=0']) {
	test(`${text} is no resource`, t => {
		t.throws(() => readLimits({...none, resource: [text]}), {instanceOf: TsbuildError});
	});
}
