import {TsbuildError} from '../kernel/errors.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {diskSize} from '../../snapshotter/disk-space.ts';
import type {SpaceLimits} from '../../snapshotter/space-limits.ts';
import {defaultLimits} from './gc-policy.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const exponents: Readonly<Record<string, number>> = {
	'': 0, k: 1, m: 2, g: 3, t: 4,
};

/** Whether garbage is collected after builds; `TSBUILD_GC=false` says no. */
export function isCollectionWanted({TSBUILD_GC: wish = ''}: Environment): boolean {
	return wish === '' || readBoolean(wish);
}

/**
The limits for the store in `root`: BuildKit's for its disk, unless `TSBUILD_GC_MAX_USED_SPACE`, `TSBUILD_GC_RESERVED_SPACE` or `TSBUILD_GC_MIN_FREE_SPACE` says another; 0 is no limit.

@throws {TsbuildError} `ERR_TSBUILD_GC_SETTING`
*/
export function readLimits(root: string, environment: Environment): SpaceLimits {
	const size = diskSize(root);
	const limits = defaultLimits(size);
	return {
		maxUsedSpace: readSpace('TSBUILD_GC_MAX_USED_SPACE', environment, size) ?? limits.maxUsedSpace,
		reservedSpace: readSpace('TSBUILD_GC_RESERVED_SPACE', environment, size) ?? limits.reservedSpace,
		minFreeSpace: readSpace('TSBUILD_GC_MIN_FREE_SPACE', environment, size) ?? limits.minFreeSpace,
	};
}

/**
The bytes that the whole store may take, which no build passes; `undefined` is no limit, as is 0.

@throws {TsbuildError} `ERR_TSBUILD_GC_SETTING`
*/
export function readStoreLimit(environment: Environment, size: () => number): number | undefined {
	const limit = environment.TSBUILD_STORE_LIMIT === undefined ? 0 : readSpace('TSBUILD_STORE_LIMIT', environment, size()) ?? 0;
	return limit === 0 ? undefined : limit;
}

/** An amount as BuildKit's configuration has it: bytes, with a unit of powers of 1024, or a part of the disk such as `10%`. */
function readSpace(name: string, environment: Environment, size: number): number | undefined {
	const text = environment[name] ?? '';
	if (text === '') {
		return undefined;
	}

	const {number = '', unit = ''} = /^(?<number>\d+(?:\.\d+)?) ?(?<unit>%|[gkmt]?i?b?)$/iv.exec(text)?.groups ?? {};
	const bytes = Math.trunc(unit === '%' ? size * Number(number) / 100 : Number(number) * (1024 ** exponents[unit.toLowerCase().replace(/i?b$/v, '')]!));
	if (number === '' || !Number.isSafeInteger(bytes)) {
		throw wrongSetting(name, text, 'Give bytes with a unit, for example 20gb, or a part of the disk, for example 10%.');
	}

	return bytes;
}

function readBoolean(text: string): boolean {
	const value = parseGoBoolean(text);
	if (value === undefined) {
		throw wrongSetting('TSBUILD_GC', text, 'It is true or false.');
	}

	return value;
}

function wrongSetting(name: string, text: string, hint: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_GC_SETTING', `failed to read ${name}: ${JSON.stringify(text)} is not understood`, {hint});
}
