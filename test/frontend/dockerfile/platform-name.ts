import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {readPlatformName} from '../../../frontend/dockerfile/platform-name.ts';
import {formatPlatform} from '../../../src/kernel/platform.ts';

const fallback = {os: 'linux', architecture: 'arm', variant: 'v7'} as const;

const reads = test.macro({
	exec(t, text: string, expected: string) {
		t.is(formatPlatform(readPlatformName(text, fallback)), expected);
	},
	title: (_, text: string, expected: string) => `${text} is ${expected}`,
});

test(reads, 'linux/arm64', 'linux/arm64');
test(reads, 'Linux/AMD64', 'linux/amd64');
test(reads, 'x86_64', 'linux/amd64');
test(reads, 'linux/arm64/v8', 'linux/arm64');
test(reads, 'linux', 'linux/arm/v7');
test(reads, 'unknown/unknown', 'unknown/unknown');

const refuses = test.macro({
	exec(t, text: string, reason: string) {
		t.throws(() => readPlatformName(text, fallback), {instanceOf: DockerfileError, code: 'ERR_TSBUILD_DOCKERFILE_VALUE', message: `${reason}: invalid argument`});
	},
	title: (_, text: string) => `${text} is refused`,
});

test(refuses, 'nonsense', '"nonsense": unknown operating system or architecture');
test(refuses, 'a/b/c/d', '"a/b/c/d": cannot parse platform specifier');
test(refuses, 'linux/', '"" is an invalid component of "linux/": platform specifier component must match "^[A-Za-z0-9_.-]+$"');
test(refuses, 'linux/arm/v 7', '"v 7" is an invalid component of "linux/arm/v 7": platform specifier component must match "^[A-Za-z0-9_.-]+$"');
test(refuses, '/amd64', String.raw`"" is an invalid OS component of "/amd64": OSAndVersion specifier component must match "^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.%-]*)((?:\\+[A-Za-z0-9_.%-]+)*)\\))?$"`);
test(refuses, 'linux/*', '"linux/*": wildcards not yet supported');
