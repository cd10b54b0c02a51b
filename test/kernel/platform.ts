import test from 'ava';
import {formatPlatform, hostPlatform, parsePlatform} from '../../src/kernel/platform.ts';

const reads = test.macro({
	exec(t, text: string, expected: string) {
		t.is(formatPlatform(parsePlatform(text)), expected);
	},
	title: (_, text: string) => `the platform ${text} is read`,
});

test(reads, 'linux/amd64', 'linux/amd64');
test(reads, 'LINUX/AMD64', 'linux/amd64');
test(reads, 'amd64', 'linux/amd64');
test(reads, 'linux/x86_64', 'linux/amd64');
test(reads, 'linux/aarch64', 'linux/arm64');
test(reads, 'linux/arm64/v8', 'linux/arm64');
test(reads, 'linux/arm/v7', 'linux/arm/v7');
test(reads, 'linux/armhf', 'linux/arm/v7');

for (const text of ['', 'a/b/c/d', 'linux/', 'linux/amd 64']) {
	test(`${JSON.stringify(text)} is no platform`, t => {
		t.throws(() => parsePlatform(text), {code: 'ERR_TSBUILD_INVALID_PLATFORM'});
	});
}

test('this machine has a platform', t => {
	t.is(hostPlatform().os, 'linux');
});
