import type {Healthcheck} from '../../src/kernel/oci-types.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';
import {readFlags} from './flags.ts';
import {parseGoDuration} from './go-duration.ts';
import type {Statement} from './parse.ts';

// https://pkg.go.dev/github.com/docker/docker/api/types/container#pkg-constants
const minimumInterval = 1e6;

const flagKinds = {
	interval: 'string',
	timeout: 'string',
	'start-period': 'string',
	'start-interval': 'string',
	retries: 'string',
} as const;

/**
Reads the arguments of HEALTHCHECK.

@returns durations in nanoseconds; what was not given is missing
@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
@see https://docs.docker.com/reference/dockerfile/#healthcheck
*/
export function readHealthcheck({words, isJson, flags}: Statement): Healthcheck {
	const [type, ...command] = words;
	if (type === undefined) {
		throw syntaxError('HEALTHCHECK requires at least one argument');
	}

	if (type.toUpperCase() === 'NONE') {
		if (command.length > 0) {
			throw syntaxError('HEALTHCHECK NONE takes no arguments');
		}

		return {Test: ['NONE']};
	}

	const given = readFlags(flags, flagKinds);
	return {
		Test: readTest(type.toUpperCase(), command, isJson),
		...readInterval('Interval', 'interval', given.interval),
		...readInterval('Timeout', 'timeout', given.timeout),
		...readInterval('StartPeriod', 'start-period', given['start-period']),
		...readInterval('StartInterval', 'start-interval', given['start-interval']),
		...readRetries(given.retries),
	};
}

function readTest(type: string, command: readonly string[], isJson: boolean): readonly string[] {
	if (type !== 'CMD') {
		throw syntaxError(`Unknown type ${quoteGoString(type)} in HEALTHCHECK (try CMD)`);
	}

	if (command.length === 0) {
		throw syntaxError('Missing command after HEALTHCHECK CMD');
	}

	return [isJson ? 'CMD' : 'CMD-SHELL', ...command];
}

function readInterval(property: keyof Healthcheck, flag: keyof typeof flagKinds, value = ''): Healthcheck {
	const nanoseconds = value === '' ? 0 : parseGoDuration(value);
	if (nanoseconds === 0) {
		return {};
	}

	if (nanoseconds < minimumInterval) {
		throw syntaxError(`Interval ${quoteGoString(flag)} cannot be less than 1ms`);
	}

	return {[property]: nanoseconds};
}

function readRetries(value = ''): Healthcheck {
	if (value === '') {
		return {};
	}

	const retries = Number(value);
	if (!/^[+\-]?\d+$/v.test(value)) {
		throw syntaxError(`strconv.ParseInt: parsing ${quoteGoString(value)}: invalid syntax`);
	}

	if (retries >= 2 ** 31 || retries < -(2 ** 31)) {
		throw syntaxError(`strconv.ParseInt: parsing ${quoteGoString(value)}: value out of range`);
	}

	if (retries < 0) {
		throw syntaxError(`--retries cannot be negative (${retries})`);
	}

	return retries === 0 ? {} : {Retries: retries};
}

function syntaxError(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', message);
}
