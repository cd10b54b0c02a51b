import {parsePlatform, type Platform} from '../../src/kernel/platform.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';

// https://github.com/containerd/platforms/blob/main/database.go
const systems: ReadonlySet<string> = new Set([
	'aix', 'android', 'darwin', 'dragonfly', 'freebsd', 'illumos', 'ios', 'js', 'linux', 'netbsd', 'openbsd', 'plan9', 'solaris', 'wasip1', 'windows', 'zos',
]);
const architectures: ReadonlySet<string> = new Set([
	'386', 'aarch64', 'amd64', 'arm', 'arm64', 'armel', 'armhf', 'i386', 'loong64', 'mips', 'mips64', 'mips64le', 'mipsle', 'ppc64', 'ppc64le', 'riscv64', 's390x', 'wasm', 'x86-64', 'x86_64',
]);

/**
Reads the value of `FROM --platform`: `os/architecture[/variant]`, an architecture alone, or an operating system alone, whose architecture is that of `fallback`.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE`; the message is the reason only
*/
export function readPlatformName(text: string, fallback: Platform): Platform {
	const name = text.toLowerCase();
	if (systems.has(name)) {
		return {...fallback, os: name};
	}

	if (!name.includes('/') && !architectures.has(name)) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `${quoteGoString(text)}: unknown operating system or architecture: invalid argument`);
	}

	try {
		return parsePlatform(name);
	} catch (error) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `${quoteGoString(text)}: cannot parse platform specifier: invalid argument`, {cause: error});
	}
}
