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

// What the parts may be, and as containerd writes that: https://github.com/containerd/platforms/blob/main/platforms.go
const component = /^[\w\-.]+$/v;
const componentForm = '^[A-Za-z0-9_.-]+$';
const system = /^[\w\-]+(?:\([\w%\-.]*(?:\+[\w%\-.]+)*\))?$/v;
const systemForm = String.raw`^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$`;

/**
Reads the value of `FROM --platform`: `os/architecture[/variant]`, an architecture alone, or an operating system alone, whose architecture is that of `fallback`.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE`; the message is the reason only, in the words of containerd
*/
export function readPlatformName(text: string, fallback: Platform): Platform {
	checkComponents(text);
	const name = text.toLowerCase();
	if (systems.has(name)) {
		return {...fallback, os: name};
	}

	if (!name.includes('/') && !architectures.has(name)) {
		throw invalid(`${quoteGoString(text)}: unknown operating system or architecture`);
	}

	try {
		return parsePlatform(name);
	} catch (error) {
		throw invalid(`${quoteGoString(text)}: cannot parse platform specifier`, error);
	}
}

function checkComponents(text: string): void {
	if (text.includes('*')) {
		throw invalid(`${quoteGoString(text)}: wildcards not yet supported`);
	}

	const [first = '', ...others] = text.split('/').slice(0, 4);
	if (!system.test(first)) {
		throw invalid(`${quoteGoString(first)} is an invalid OS component of ${quoteGoString(text)}: OSAndVersion specifier component must match ${quoteGoString(systemForm)}`);
	}

	const wrong = others.find(part => !component.test(part));
	if (wrong !== undefined) {
		throw invalid(`${quoteGoString(wrong)} is an invalid component of ${quoteGoString(text)}: platform specifier component must match ${quoteGoString(componentForm)}`);
	}
}

function invalid(reason: string, cause?: unknown): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', `${reason}: invalid argument`, {cause});
}
