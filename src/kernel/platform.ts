import process from 'node:process';
import {TsbuildError} from './errors.ts';

/**
What an image runs on.

@see https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants
*/
export type Platform = {
	readonly os: string;
	readonly architecture: string;
	readonly variant?: string;
};

const architectureAliases: Readonly<Record<string, {readonly architecture: string; readonly variant?: string}>> = {
	x86_64: {architecture: 'amd64'},
	'x86-64': {architecture: 'amd64'},
	aarch64: {architecture: 'arm64'},
	armhf: {architecture: 'arm', variant: 'v7'},
	armel: {architecture: 'arm', variant: 'v6'},
	i386: {architecture: '386'},
};

const hostArchitectures: Readonly<Record<string, Platform>> = {
	x64: {os: 'linux', architecture: 'amd64'},
	arm64: {os: 'linux', architecture: 'arm64'},
};

/**
Reads `os/architecture[/variant]`, or an architecture alone.

@throws {TsbuildError} `ERR_TSBUILD_INVALID_PLATFORM`
*/
export function parsePlatform(text: string): Platform {
	const parts = text.toLowerCase().split('/');
	if (parts.length > 3 || parts.some(part => !/^[\d\-._a-z]+$/v.test(part))) {
		throw new TsbuildError('ERR_TSBUILD_INVALID_PLATFORM', `failed to parse platform ${text}: "${text}": platform specifier must be os/architecture or os/architecture/variant`);
	}

	const [os, architecture, variant] = parts.length === 1 ? ['linux', parts[0]!] : parts as [string, string, string?];
	return normalizePlatform({os, architecture, ...(variant !== undefined && {variant})});
}

/** Replaces aliases (`x86_64`, `aarch64`) and drops the variant that an architecture has anyway (`arm64/v8`). */
export function normalizePlatform(platform: Platform): Platform {
	const {os, architecture, variant} = {...platform, ...architectureAliases[platform.architecture]};
	const isDefaultVariant = (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1');
	return {os, architecture, ...(variant !== undefined && variant !== '' && !isDefaultVariant && {variant})};
}

/** `os/architecture[/variant]`. */
export function formatPlatform({os, architecture, variant}: Platform): string {
	return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/**
The platform of this machine.

@throws {TsbuildError} `ERR_TSBUILD_UNSUPPORTED_HOST` on a machine that is neither x86_64 nor arm64 Linux
*/
export function hostPlatform(): Platform {
	const platform = hostArchitectures[process.arch];
	if (platform === undefined || process.platform !== 'linux') {
		throw new TsbuildError('ERR_TSBUILD_UNSUPPORTED_HOST', `tsbuild does not run on ${process.platform}/${process.arch}`, {
			hint: 'It needs Linux on x86_64 or arm64.',
		});
	}

	return platform;
}
