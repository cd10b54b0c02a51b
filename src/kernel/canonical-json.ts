import {digestOf, type Digest} from './digest.ts';

/** A value that JSON can hold; `undefined` properties are left out. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | {readonly [key: string]: JsonValue | undefined};

/**
One text per value: object keys in the order of their UTF-16 code units, no white space.

Two values that differ only in the order of their keys, or in properties that are `undefined`, have the same text. Digests of definitions and cache keys are made of it.
*/
export function canonicalJson(value: JsonValue): string {
	return JSON.stringify(value, (_key, inner: JsonValue) => (isPlainObject(inner) ? sortKeys(inner) : inner));
}

/** The digest of a value's canonical text. */
export function canonicalDigest(value: JsonValue): Digest {
	return digestOf(canonicalJson(value));
}

function isPlainObject(value: JsonValue): value is Readonly<Record<string, JsonValue | undefined>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(object: Readonly<Record<string, JsonValue | undefined>>) {
	// A null prototype keeps a key named "__proto__" an ordinary key.
	const sorted = Object.create(null) as Record<string, JsonValue | undefined>;
	for (const key of Object.keys(object).toSorted()) {
		sorted[key] = object[key];
	}

	return sorted;
}
