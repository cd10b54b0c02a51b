import {readBoolean} from './flag-parser.ts';
import {RequestError} from './usage-error.ts';

type IgnoredFlags = {
	readonly builder: string | undefined;
	readonly load: boolean | undefined;
	readonly provenance: string | undefined;
	readonly sbom: string | undefined;
};

/**
Says in one line each which flags have no effect.

@throws {RequestError} when one asks for what is not made
*/
export function warnOfIgnoredFlags(flags: IgnoredFlags, write: (text: string) => void): void {
	if (flags.builder !== undefined) {
		write('WARNING: --builder has no effect: tsbuild builds in its own process\n');
	}

	if (flags.load) {
		write('WARNING: --load has no effect: the image is kept in the local store\n');
	}

	for (const name of ['provenance', 'sbom'] as const) {
		const value = flags[name];
		if (value !== undefined && readBoolean(value) !== false) {
			throw new RequestError(`--${name}=${value} is not there yet`, {hint: `Leave --${name} out, or give --${name}=false.`});
		}
	}
}
