import {canonicalJson, type JsonValue} from '../src/kernel/canonical-json.ts';
import {digestOf, type Digest} from '../src/kernel/digest.ts';
import type {CacheKey, CacheMap} from './vertex.ts';

/*
A cache key is the sha256 of one line of text:

	tsbuild-cache-key/1 {"inputs":[...],"operation":"sha256:..."}

The prefix names the shape. A change of the shape gets the next number, so keys of two shapes never meet in one store. Inside stands canonical JSON: the digest of the operation, and what identifies each input, in the order of the vertex's edges:

	{"key": "sha256:...", "selector": "sha256:..."}   the input's cache key; the selector, if any, names the part that is taken
	{"content": "sha256:..."}                          the digest of what is taken from the input

The same content therefore leads to the same key whatever path it came from, and a key by definition is never equal to one by content.
*/

/** Identifies one input of an operation. */
export type InputIdentity =
	| {readonly key: CacheKey; readonly selector?: Digest | undefined}
	| {readonly content: Digest};

const prefix = 'tsbuild-cache-key/1';

/**
The key by definition: what the operation does and what its inputs are made of.

@param map - of the vertex
@param inputKeys - the canonical keys of the inputs; an input without a key (it belongs to one job alone) takes the key from every vertex that stands on it
@returns `undefined` when an input has no key
*/
export function definitionKey(map: CacheMap<never>, inputKeys: ReadonlyArray<CacheKey | undefined>): CacheKey | undefined {
	return keyOf(map.digest, inputKeys.map((key, index) => byKey(key, map.selectors?.[index])));
}

/**
The key by content: what the operation does, and what it takes from the inputs that are digested; the others by their key.

@param map - of the vertex
@param inputKeys - the canonical keys of the inputs
@param contents - one entry for each input: its digest, or `undefined` for an input by key
@returns `undefined` when an input by key has none
*/
export function contentKey(map: CacheMap<never>, inputKeys: ReadonlyArray<CacheKey | undefined>, contents: ReadonlyArray<Digest | undefined>): CacheKey | undefined {
	return keyOf(map.digest, inputKeys.map((key, index) => {
		const content = contents[index];
		return content === undefined ? byKey(key, map.selectors?.[index]) : {content};
	}));
}

function byKey(key: CacheKey | undefined, selector: Digest | undefined): InputIdentity | undefined {
	return key === undefined ? undefined : {key, selector};
}

function keyOf(operation: Digest, inputs: ReadonlyArray<InputIdentity | undefined>): CacheKey | undefined {
	return inputs.includes(undefined) ? undefined : digestOf(`${prefix} ${canonicalJson({operation, inputs} as JsonValue)}`);
}
