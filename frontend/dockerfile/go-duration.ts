import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';
import {trimTrailing} from './whitespace.ts';

const nanosecondsPerUnit: ReadonlyMap<string, number> = new Map([
	['ns', 1],
	['us', 1e3],
	['µs', 1e3],
	['μs', 1e3],
	['ms', 1e6],
	['s', 1e9],
	['m', 60e9],
	['h', 3600e9],
]);

// The range of Go's time.Duration.
const maximumNanoseconds = 2 ** 63;

/**
Reads a duration such as `1m30s` or `500ms`.

@returns nanoseconds
@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
@see https://pkg.go.dev/time#ParseDuration
*/
export function parseGoDuration(text: string): number {
	const isNegative = text.startsWith('-');
	const unsigned = text.replace(/^[+\-]/v, '');
	if (unsigned === '0') {
		return 0;
	}

	const nanoseconds = sumParts(text, unsigned);
	if (nanoseconds > maximumNanoseconds) {
		throw invalidDuration(text);
	}

	return isNegative ? -nanoseconds : nanoseconds;
}

/** Nanoseconds as Go prints them, for example `1m30s` or `1.5ms`. */
export function formatGoDuration(nanoseconds: number): string {
	const sign = nanoseconds < 0 ? '-' : '';
	const absolute = Math.abs(nanoseconds);
	if (absolute < 1e9) {
		return sign + formatSubsecond(absolute);
	}

	const seconds = Math.floor(absolute / 1e9);
	const minutes = Math.floor(seconds / 60);
	const hours = Math.floor(minutes / 60);
	const fraction = trimTrailing(String(absolute % 1e9).padStart(9, '0'), '0');
	const secondsText = `${seconds % 60}${fraction === '' ? '' : `.${fraction}`}s`;
	return sign + (hours > 0 ? `${hours}h` : '') + (minutes > 0 ? `${minutes % 60}m` : '') + secondsText;
}

function formatSubsecond(nanoseconds: number): string {
	if (nanoseconds === 0) {
		return '0s';
	}

	if (nanoseconds < 1e3) {
		return `${nanoseconds}ns`;
	}

	return nanoseconds < 1e6 ? `${nanoseconds / 1e3}µs` : `${nanoseconds / 1e6}ms`;
}

function sumParts(text: string, unsigned: string): number {
	let rest = unsigned;
	let sum = 0;
	do {
		const {amount = '', unit = ''} = /^(?<amount>\d+\.?\d*|\.\d+)(?<unit>[^\d.]*)/v.exec(rest)?.groups ?? {};
		if (amount === '') {
			throw invalidDuration(text);
		}

		const factor = nanosecondsPerUnit.get(unit);
		if (factor === undefined) {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', unit === ''
				? `time: missing unit in duration ${quoteGoString(text)}`
				: `time: unknown unit ${quoteGoString(unit)} in duration ${quoteGoString(text)}`);
		}

		sum += Math.trunc(Number(amount) * factor);
		rest = rest.slice(amount.length + unit.length);
	} while (rest !== '');

	return sum;
}

function invalidDuration(text: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', `time: invalid duration ${quoteGoString(text)}`);
}
