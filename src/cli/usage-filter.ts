import {parseGoDuration} from '../../frontend/dockerfile/go-duration.ts';
import {errorMessage} from '../kernel/errors.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';
import {UsageError} from './usage-error.ts';

/** Chooses among what is kept in the store. */
export type UsageFilter = (record: UsageRecord) => boolean;

/** What a record is, in BuildKit's words; it has others for what tsbuild does not keep. */
export function recordType({subject}: UsageRecord): 'regular' | 'source.git.checkout' | 'exec.cachemount' | 'image' | 'internal' {
	switch (subject.kind) {
		case 'snapshot': {
			return subject.isCheckout ? 'source.git.checkout' : 'regular';
		}

		case 'blob': {
			return 'regular';
		}

		case 'cache-mount': {
			return 'exec.cachemount';
		}

		case 'image':
		case 'internal': {
			return subject.kind;
		}
	}
}

const nanosecondsPerMillisecond = 1e6;

const booleanKeys: Readonly<Record<string, UsageFilter>> = {
	inuse: record => record.isInUse,
	mutable: record => record.isMutable,
	immutable: record => !record.isMutable,
	shared: record => record.isShared,
	private: record => !record.isShared,
};

/** The texts of a record; `undefined` where it has none. */
const textKeys: Readonly<Record<string, (record: UsageRecord) => string | undefined>> = {
	id: ({id}) => id,
	type: record => recordType(record),
	parents: ({parent}) => parent,
	description: ({description}) => description,
};

// Two names for the same.
const ageKeys: ReadonlySet<string> = new Set(['until', 'unused-for']);

/**
Reads the values of `--filter`, which all must hold. A key is compared with `=` or `==`, `!=`, or `~=` and a regular expression; one that is not known is no text.

- `id`, `type`, `parents`; `description` with `=` when it has the text in it;
- `inuse`, `mutable`, `immutable`, `shared`, `private`, alone or with `true` or `false`;
- `until=24h`, `unused-for=24h`: not used for so long.

`now` is in milliseconds since the epoch.

@throws {UsageError}
@see https://docs.docker.com/reference/cli/docker/buildx/prune/#filter
*/
export function readUsageFilter(values: readonly string[], now: number): UsageFilter {
	const filters = values.map(value => readFilter(value, now));
	rejectSeveralAges(values);
	return record => filters.every(filter => filter(record));
}

/**
Reads the value of `--keep-duration`: chooses what was not used for so long, as `until` does; without one, all.

@throws {UsageError}
*/
export function readKeepDuration(text: string | undefined, now: number): UsageFilter {
	if (text === undefined) {
		return () => true;
	}

	try {
		const oldest = now - (parseGoDuration(text) / nanosecondsPerMillisecond);
		return record => record.lastUsedAt <= oldest;
	} catch (error) {
		throw new UsageError(`invalid argument ${JSON.stringify(text)} for "--keep-duration" flag: ${errorMessage(error)}`);
	}
}

/** One value of `--filter`, in its parts. */
type FilterText = {
	/** All of it. */
	readonly text: string;
	readonly key: string;
	readonly operator: '=' | '!=' | '~=';
	/** None when the key stands alone. */
	readonly value: string | undefined;
};

function splitFilter(text: string): FilterText {
	const equals = text.indexOf('=');
	if (equals === -1) {
		return {
			text, key: keyOf(text), operator: '=', value: undefined,
		};
	}

	const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
	const sign = name.at(-1);
	if (sign === '!' || sign === '~') {
		return {
			text, key: keyOf(name.slice(0, -1)), operator: `${sign}=`, value: value.trim(),
		};
	}

	return {
		text, key: keyOf(name), operator: '=', value: (value.startsWith('=') ? value.slice(1) : value).trim(),
	};
}

function keyOf(name: string): string {
	return name.trim().toLowerCase();
}

function readFilter(text: string, now: number): UsageFilter {
	const filter = splitFilter(text);
	const {key, value} = filter;
	const isSet = Object.hasOwn(booleanKeys, key) ? booleanKeys[key] : undefined;
	if (isSet !== undefined) {
		return readBooleanFilter(isSet, filter);
	}

	if (value === undefined) {
		throw invalidFilter(text, 'bad format of filter (expected name=value)');
	}

	if (ageKeys.has(key)) {
		const oldest = now - readDuration(filter);
		return record => record.lastUsedAt <= oldest;
	}

	return readTextFilter({...filter, value});
}

/** As with buildx, no record has a text of a name that is not known. */
function readTextFilter({text, key, operator, value}: FilterText & {readonly value: string}): UsageFilter {
	const read = (record: UsageRecord) => (Object.hasOwn(textKeys, key) ? textKeys[key]!(record) : undefined);
	switch (operator) {
		case '=': {
			return key === 'description' ? record => record.description.includes(value) : record => read(record) === value;
		}

		case '!=': {
			return record => read(record) !== value;
		}

		case '~=': {
			const pattern = readPattern(text, value);
			return record => pattern.test(read(record) ?? '');
		}
	}
}

function readPattern(text: string, value: string): RegExp {
	try {
		return new RegExp(value, 'v');
	} catch (error) {
		throw invalidFilter(text, errorMessage(error));
	}
}

function readBooleanFilter(isSet: UsageFilter, {text, operator, value = 'true'}: FilterText): UsageFilter {
	if (operator === '~=' || (value !== 'true' && value !== 'false')) {
		throw invalidFilter(text, 'expected true or false');
	}

	const isWanted = (value === 'true') === (operator === '=');
	return record => isSet(record) === isWanted;
}

function rejectSeveralAges(values: readonly string[]): void {
	const ages = values.filter(value => ageKeys.has(splitFilter(value).key));
	if (ages.length > 1) {
		throw invalidFilter(ages[1]!, `filters expect only one value, and ${JSON.stringify(ages[0])} is another`);
	}
}

/** Milliseconds. */
function readDuration({text, key, operator, value = ''}: FilterText): number {
	if (operator !== '=') {
		throw invalidFilter(text, `"${key}" filter expects =`);
	}

	try {
		return parseGoDuration(value) / nanosecondsPerMillisecond;
	} catch (error) {
		throw invalidFilter(text, `"${key}" filter expects a duration (e.g., '24h'): ${errorMessage(error)}`);
	}
}

function invalidFilter(text: string, reason: string): UsageError {
	return new UsageError(`invalid argument ${JSON.stringify(text)} for "--filter" flag: ${reason}`, {
		hint: 'See \'tsbuild prune --help\' for the filters.',
	});
}
