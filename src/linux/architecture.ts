import process from 'node:process';
import {TsbuildError} from '../kernel/errors.ts';

/**
A machine that tsbuild runs on, by the name that Linux has for it.
*/
export type Architecture = 'x86_64' | 'arm64';

/**
The architecture of this machine.

@throws {TsbuildError} `ERR_TSBUILD_UNSUPPORTED_HOST`
*/
export function hostArchitecture(): Architecture {
	if (process.arch === 'x64') {
		return 'x86_64';
	}

	if (process.arch === 'arm64') {
		return 'arm64';
	}

	throw new TsbuildError('ERR_TSBUILD_UNSUPPORTED_HOST', `failed to call Linux: tsbuild does not run on ${process.arch}`, {
		hint: 'It needs Linux on x86_64 or arm64.',
	});
}
