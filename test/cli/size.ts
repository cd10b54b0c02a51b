import test from 'ava';
import {parseCpus, parseInteger, parseMemorySize} from '../../src/cli/size.ts';

const memory = test.macro({
	exec(t, text: string, bytes: number) {
		t.is(parseMemorySize(text, '-m, --memory'), bytes);
	},
	title: (_, text: string) => `${text} is an amount of memory`,
});

test(memory, '1024', 1024);
test(memory, '64b', 64);
test(memory, '4k', 4096);
test(memory, '4kb', 4096);
test(memory, '4KiB', 4096);
test(memory, '1.5m', 1_572_864);
test(memory, '2 GB', 2 ** 31);
test(memory, '1t', 2 ** 40);

for (const text of ['', 'x', '1z', '-1', '1.2.3m', '1mm', '9999999p']) {
	test(`${JSON.stringify(text)} is no amount of memory`, t => {
		t.throws(() => parseMemorySize(text, '-m, --memory'), {code: 'ERR_TSBUILD_USAGE', message: /for "-m, --memory" flag/v});
	});
}

test('CPUs are a number above zero', t => {
	t.is(parseCpus('1.5', '--cpus'), 1.5);
	t.throws(() => parseCpus('0', '--cpus'), {code: 'ERR_TSBUILD_USAGE'});
	t.throws(() => parseCpus('1e3', '--cpus'), {code: 'ERR_TSBUILD_USAGE'});
});

test('a limit of processes is a whole number', t => {
	t.is(parseInteger('-1', '--pids-limit'), -1);
	t.throws(() => parseInteger('1.5', '--pids-limit'), {code: 'ERR_TSBUILD_USAGE', message: /strconv.ParseInt: parsing "1.5": invalid syntax/v});
});
