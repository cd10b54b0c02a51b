import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {RequestError} from './usage-error.ts';

type IgnoredFlags = {
	readonly builder: string | undefined;
	readonly isolation: string | undefined;
	readonly provenance: string | undefined;
	readonly sbom: string | undefined;
	readonly 'security-opt': readonly string[];
	readonly squash: boolean | undefined;
};

/**
Says in one line each which flags have no effect.

@throws {RequestError} when one asks for what is not made
*/
export function warnOfIgnoredFlags(flags: IgnoredFlags, write: (text: string) => void): void {
	if (flags.builder !== undefined) {
		write('WARNING: --builder has no effect: tsbuild builds in its own process\n');
	}

	warnOfLegacyFlags(flags, write);
	for (const name of ['provenance', 'sbom'] as const) {
		const value = flags[name];
		if (value !== undefined && parseGoBoolean(value) !== false) {
			throw new RequestError(`--${name}=${value} is not there yet`, {hint: `Leave --${name} out, or give --${name}=false.`});
		}
	}
}

// The words of buildx.
function warnOfLegacyFlags({isolation, 'security-opt': securityOptions, squash}: IgnoredFlags, write: (text: string) => void): void {
	if (isolation !== undefined) {
		write('WARNING: isolation flag is deprecated with BuildKit.\n');
	}

	if (securityOptions.length > 0) {
		write('WARNING: security-opt flag is deprecated. "RUN --security=insecure" should be used with BuildKit.\n');
	}

	if (squash !== undefined) {
		write('WARNING: experimental flag squash is removed with BuildKit. You should squash inside build using a multi-stage Dockerfile for efficiency.\n');
	}
}
