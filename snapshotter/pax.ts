import {Buffer} from 'node:buffer';
import {tarError} from './tar-entry.ts';

/*
PAX extended header records: `LENGTH KEY=VALUE\n`, where the length is decimal and counts itself.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_03
*/

/** In the order of the file; a later record of a key replaces earlier ones, but for those of sparse format 0.0. */
export type PaxRecord = {readonly key: string; readonly value: Buffer};

const xattrPrefix = 'SCHILY.xattr.';
const nanosecondsPerSecond = 1_000_000_000n;
const space = 0x20;
const equalsSign = 0x3D;
const lineFeed = 0x0A;

/**
Reads the content of a PAX header.

@throws {TsbuildError} `ERR_TSBUILD_TAR` when a length lies or a record has no key
*/
export function parsePaxRecords(content: Buffer): PaxRecord[] {
	const records: PaxRecord[] = [];
	let start = 0;
	while (start < content.length) {
		const separator = content.indexOf(space, start);
		const end = start + parseLength(content.toString('latin1', start, separator === -1 ? start : Math.min(separator, start + 8)));
		const equals = content.indexOf(equalsSign, separator);
		if (separator === -1 || end > content.length || content[end - 1] !== lineFeed || equals <= separator + 1 || equals >= end) {
			throw tarError('a PAX record is malformed');
		}

		records.push({key: content.toString('utf8', separator + 1, equals), value: Buffer.from(content.subarray(equals + 1, end - 1))});
		start = end;
	}

	return records;
}

/**
Writes records in the order of their keys' bytes. Values are not changed in any way.
*/
export function encodePaxRecords(records: ReadonlyMap<string, Uint8Array | string>): Buffer {
	const sorted = [...records].map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const).toSorted(([first], [second]) => first.compare(second));
	return Buffer.concat(sorted.flatMap(([key, value]) => {
		const length = recordLength(key.length + value.length);
		return [Buffer.from(`${length} `), key, Buffer.from('='), value, Buffer.from('\n')];
	}));
}

/** The key of an extended attribute's record. As GNU tar does, `=` is escaped, because it would end the key. */
export function paxKeyOfXattr(name: string): string {
	return xattrPrefix + name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

/** The extended attribute that a record is for, or `undefined`. */
export function xattrOfPaxKey(key: string): string | undefined {
	return key.startsWith(xattrPrefix) ? key.slice(xattrPrefix.length).replaceAll('%3D', '=').replaceAll('%25', '%') : undefined;
}

/** Decimal seconds, with as many digits of a fraction as needed. */
export function formatPaxTime(nanoseconds: bigint): string {
	const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
	const fraction = (absolute % nanosecondsPerSecond).toString().padStart(9, '0');
	return `${nanoseconds < 0n ? '-' : ''}${absolute / nanosecondsPerSecond}${fraction === '000000000' ? '' : `.${withoutTrailingZeros(fraction)}`}`;
}

/**
Nanoseconds of decimal seconds; digits after the ninth are dropped.

@throws {TsbuildError} `ERR_TSBUILD_TAR`
*/
export function parsePaxTime(text: string): bigint {
	const {sign, seconds, fraction = ''} = /^(?<sign>-?)(?<seconds>\d{1,12})(?:\.(?<fraction>\d*))?$/v.exec(text)?.groups ?? {};
	if (seconds === undefined) {
		throw tarError('a time in a PAX record is malformed');
	}

	const absolute = (BigInt(seconds) * nanosecondsPerSecond) + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
	return sign === '-' ? -absolute : absolute;
}

/**
A decimal number that is not negative.

@throws {TsbuildError} `ERR_TSBUILD_TAR`
*/
export function parsePaxNumber(text: string): number {
	const value = /^\d{1,16}$/v.test(text) ? Number(text) : NaN;
	if (!Number.isSafeInteger(value)) {
		throw tarError('a number in a PAX record is malformed');
	}

	return value;
}

function withoutTrailingZeros(digits: string): string {
	let end = digits.length;
	while (digits[end - 1] === '0') {
		end--;
	}

	return digits.slice(0, end);
}

function parseLength(text: string): number {
	// The shortest record is `5 a=\n`.
	const length = /^\d+$/v.test(text) ? Number(text) : 0;
	return length < 5 ? Infinity : length;
}

function recordLength(keyAndValue: number): number {
	const withoutDigits = keyAndValue + ' =\n'.length;
	const guess = withoutDigits + String(withoutDigits).length;
	return withoutDigits + String(guess).length;
}
