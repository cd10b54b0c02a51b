import {parseGoDuration} from '../../frontend/dockerfile/go-duration.ts';
import {errorMessage} from '../kernel/errors.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';
import {UsageError} from './usage-error.ts';

/** Chooses among what is kept in the store. */
export type UsageFilter = (record: UsageRecord) => boolean;

/** What a record is, in BuildKit's words; it has others for what tsbuild does not keep. */
export function recordType({subject}: UsageRecord): 'regular' | 'exec.cachemount' | 'image' | 'internal' {
	switch (subject.kind) {
		case 'snapshot':
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

/**
Reads the values of `--filter`, which all must hold; a key that is not known holds for nothing: `until=24h` (not used for so long), `id=`, `type=`, `parents=`, `description=`, and `inuse`, `mutable`, `immutable`, `shared`, `private`, alone or with `=true`, `=false`.

`now` is in milliseconds since the epoch.

@throws {UsageError}
@see https://docs.docker.com/reference/cli/docker/buildx/prune/#filter
*/
export function readUsageFilter(values: readonly string[], now: number): UsageFilter {
	const filters = values.map(value => readFilter(value, now));
	return record => filters.every(filter => filter(record));
}

function readFilter(text: string, now: number): UsageFilter {
	const equals = text.indexOf('=');
	const key = equals === -1 ? text : text.slice(0, equals);
	const value = equals === -1 ? undefined : text.slice(equals + 1);
	const isSet = Object.hasOwn(booleanKeys, key) ? booleanKeys[key] : undefined;
	if (isSet !== undefined) {
		return readBooleanFilter(isSet, {text, value});
	}

	if (value === undefined) {
		throw invalidFilter(text, 'bad format of filter (expected name=value)');
	}

	switch (key) {
		case 'until': {
			const oldest = now - readDuration(text, value);
			return record => record.lastUsedAt <= oldest;
		}

		case 'id': {
			return record => record.id === value;
		}

		case 'type': {
			return record => value === recordType(record);
		}

		case 'parents': {
			return record => record.parent === value;
		}

		case 'description': {
			return record => record.description.includes(value);
		}

		// As with buildx: no record has such a field.
		default: {
			return () => false;
		}
	}
}

function readBooleanFilter(isSet: UsageFilter, {text, value = 'true'}: {readonly text: string; readonly value: string | undefined}): UsageFilter {
	if (value !== 'true' && value !== 'false') {
		throw invalidFilter(text, 'expected true or false');
	}

	return record => isSet(record) === (value === 'true');
}

function readDuration(text: string, value: string): number {
	try {
		return parseGoDuration(value) / nanosecondsPerMillisecond;
	} catch (error) {
		throw invalidFilter(text, `"until" filter expects a duration (e.g., '24h'): ${errorMessage(error)}`);
	}
}

function invalidFilter(text: string, reason: string): UsageError {
	return new UsageError(`invalid argument ${JSON.stringify(text)} for "--filter" flag: ${reason}`, {
		hint: 'See \'tsbuild prune --help\' for the filters.',
	});
}
