import {UsageError} from './usage-error.ts';

const unitExponents: Readonly<Record<string, number>> = {
	'': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5,
};

/**
Reads an amount of memory: a number with an optional unit `b`, `k`, `m`, `g`, `t`, `p` (powers of 1024), also `kb`, `KiB`.

@returns bytes
@see https://pkg.go.dev/github.com/docker/go-units#RAMInBytes
*/
export function parseMemorySize(text: string, flag: string): number {
	const {number, unit = ''} = /^(?<number>\d+(?:\.\d+)?) ?(?<unit>[A-Za-z]*)$/v.exec(text.trim())?.groups ?? {};
	const exponent = unitExponents[unit.toLowerCase().replace(/(?<=[gkmpt])i?b$/v, '')];
	const bytes = Math.trunc(Number(number) * (1024 ** (exponent ?? NaN)));
	if (!Number.isSafeInteger(bytes)) {
		const isBadSuffix = number !== undefined && exponent === undefined;
		const reason = isBadSuffix ? `invalid suffix: '${unit.length > 3 ? unit : unit.toLowerCase()}'` : `invalid size: '${text}'`;
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(flag)} flag: ${reason}`, {
			hint: 'Give a number with a unit, for example 512m or 2g.',
		});
	}

	return bytes;
}

/** Reads a whole number. */
export function parseInteger(text: string, flag: string): number {
	const number = /^[+\-]?\d+$/v.test(text) ? Number(text) : NaN;
	if (!Number.isSafeInteger(number)) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(flag)} flag: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
	}

	return number;
}

/** Reads a number of CPUs such as `1.5`. */
export function parseCpus(text: string, flag: string): number {
	const number = /^\d+(?:\.\d+)?$/v.test(text) ? Number(text) : NaN;
	if (!(number > 0)) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(flag)} flag: it must be a number of CPUs above 0`);
	}

	return number;
}
