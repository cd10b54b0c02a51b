import type {CacheEncoding, CacheFromOption, CacheToOption} from '../cache/cache-option.ts';
import {parseDigest} from '../kernel/digest.ts';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {parseReference} from '../kernel/reference.ts';
import type {Environment} from './command.ts';
import {parseKeyValueRecord} from './csv.ts';
import {readBooleanAttribute, readImageAttributes, type OutputAttributes} from './output-attributes.ts';
import {readS3Settings} from './s3-cache-option.ts';
import {parseMemorySize} from './size.ts';
import {RequestError, UsageError} from './usage-error.ts';

/** What cache options mean depends on. */
export type CacheContext = {
	readonly environment: Environment;
	readonly buildArgs: ReadonlyMap<string, string>;
};

type Entry = {readonly type: string; readonly attributes: OutputAttributes};

/** What cache mounts may take of a cache when nobody says how much. */
const defaultMountsSize = 1024 ** 3;

/**
Reads the values of `--cache-from`: `type=registry,ref=app:cache`, or references alone.

@throws {UsageError} for what cannot be understood; {RequestError} for attributes that are missing or wrong
@see https://github.com/docker/buildx/blob/master/util/buildflags/cache.go
*/
export function readCacheFrom(texts: readonly string[], {environment}: CacheContext): readonly CacheFromOption[] {
	return texts.flatMap(text => parseEntries(text)).filter(entry => isForUs(entry, environment)).map(({type, attributes}) => ({
		...readSource({type, attributes}, environment),
		takesMounts: readBooleanAttribute(attributes, 'mounts', false),
	}));
}

/**
Reads the values of `--cache-to`. The build argument `BUILDKIT_INLINE_CACHE` asks for `type=inline`.

@throws as `readCacheFrom`
*/
export function readCacheTo(texts: readonly string[], {environment, buildArgs}: CacheContext): readonly CacheToOption[] {
	const options = texts.flatMap(text => parseEntries(text)).filter(entry => isForUs(entry, environment)).map(entry => readTarget(entry, environment));
	const isInline = parseGoBoolean(buildArgs.get('BUILDKIT_INLINE_CACHE') ?? '') === true && options.every(({type}) => type !== 'inline');
	return isInline ? [...options, {type: 'inline'}] : options;
}

/** The hosts of registries whose caches are asked for with `registry.insecure`. */
export function insecureCacheRegistries(texts: readonly string[]): readonly string[] {
	const entries = texts.flatMap(text => parseEntries(text));
	const insecure = entries.filter(({type, attributes}) => type === 'registry' && readBooleanAttribute(attributes, 'registry.insecure', false));
	return insecure.map(({attributes}) => parseReference(readReference(attributes)).domain);
}

function parseEntries(text: string): readonly Entry[] {
	const fields = parseKeyValueRecord(text);
	if (fields.every(({value}) => value === undefined)) {
		return fields.map(({field}) => ({type: 'registry', attributes: new Map([['ref', field]])}));
	}

	const bare = fields.find(({value}) => value === undefined);
	if (bare !== undefined) {
		throw new UsageError(`invalid value ${bare.field}`, {hint: 'A cache is a list of key=value pairs, for example type=registry,ref=user/app:cache.'});
	}

	const attributes = new Map(fields.map(({key, value}) => [key, value!]));
	const type = attributes.get('type');
	if (type === undefined || type === '') {
		throw new UsageError(`type required form> ${JSON.stringify(text)}`, {hint: 'A cache is a list of key=value pairs, for example type=registry,ref=user/app:cache.'});
	}

	return [{type, attributes}];
}

/** The cache of GitHub is passed over where there is none, as in buildx: a script may run elsewhere. */
function isForUs({type, attributes}: Entry, {ACTIONS_RUNTIME_TOKEN: variable = ''}: Environment): boolean {
	return type !== 'gha' || (attributes.get('token') ?? variable) !== '';
}

type Source = CacheFromOption extends infer Option ? (Option extends unknown ? Omit<Option, 'takesMounts'> : never) : never;

function readSource({type, attributes}: Entry, environment: Environment): Source {
	switch (type) {
		case 'registry': {
			// One that is none is told of as a cache that cannot be read.
			return {type, reference: attributes.get('ref') ?? ''};
		}

		case 'local': {
			const digest = attributes.get('digest');
			return {
				type, directory: readDirectory(attributes, {name: 'src', role: 'importer'}), tag: attributes.get('tag') ?? 'latest', ...(digest !== undefined && {digest: readDigest(digest)}),
			};
		}

		case 's3': {
			return readBucketSource(attributes, environment);
		}

		default: {
			return {type: 'unusable', name: type, reason: `unknown cache importer: ${type}`};
		}
	}
}

/** One that cannot be used is told of as a cache that cannot be read: where a script has no keys it still builds. */
function readBucketSource(attributes: OutputAttributes, environment: Environment): Source {
	try {
		return {type: 's3', ...readS3Settings(attributes, environment)};
	} catch (error) {
		return {type: 'unusable', name: 's3', reason: `failed to configure s3 cache importer: ${errorMessage(error)}`};
	}
}

function readBucketTarget(attributes: OutputAttributes, environment: Environment): CacheToOption {
	// Its names are no names of images.
	const encoding = readEncoding(new Map([...attributes].filter(([key]) => key !== 'name')));
	try {
		return {type: 's3', ...readS3Settings(attributes, environment), ...encoding};
	} catch (error) {
		throw new RequestError(`failed to solve: failed to configure s3 cache exporter: ${errorMessage(error)}`, {
			cause: error, ...(error instanceof TsbuildError && error.hint !== undefined && {hint: error.hint}),
		});
	}
}

function readTarget({type, attributes}: Entry, environment: Environment): CacheToOption {
	switch (type) {
		case 'inline': {
			return {type};
		}

		case 'registry': {
			return {type, reference: readReference(attributes), ...readEncoding(attributes)};
		}

		case 'local': {
			return {
				type,
				directory: readDirectory(attributes, {name: 'dest', role: 'exporter'}),
				tag: attributes.get('tag') ?? 'latest',
				isReset: readBooleanAttribute(attributes, 'reset', false),
				...readEncoding(attributes),
			};
		}

		case 's3': {
			return readBucketTarget(attributes, environment);
		}

		default: {
			throw new RequestError(`failed to solve: unknown cache exporter: ${JSON.stringify(type)}`, {hint: 'The caches are registry, inline, local and s3.'});
		}
	}
}

function readReference(attributes: OutputAttributes): string {
	const reference = attributes.get('ref') ?? '';
	if (reference === '') {
		throw new RequestError('failed to solve: missing ref', {hint: 'Say where the cache is: type=registry,ref=user/app:cache.'});
	}

	try {
		parseReference(reference);
		return reference;
	} catch (error) {
		throw new RequestError(`failed to solve: ${errorMessage(error)}`, {cause: error});
	}
}

function readDirectory(attributes: OutputAttributes, {name, role}: {readonly name: string; readonly role: 'exporter' | 'importer'}): string {
	const directory = attributes.get(name) ?? '';
	if (directory === '') {
		throw new RequestError(`local cache ${role} requires ${name}`);
	}

	return directory;
}

function readDigest(text: string) {
	try {
		return parseDigest(text);
	} catch (error) {
		throw new RequestError(errorMessage(error), {cause: error});
	}
}

/** The mode is `min` unless it is `max`, whatever it says, as in BuildKit. */
function readEncoding(attributes: OutputAttributes): CacheEncoding {
	const {compression, level, forceCompression} = readImageAttributes(attributes, {defaultCompression: 'gzip'});
	const isOci = readBooleanAttribute(attributes, 'oci-mediatypes', true);
	const isImageManifest = readBooleanAttribute(attributes, 'image-manifest', isOci);
	if (isImageManifest && !isOci) {
		throw new RequestError('failed to solve: invalid configuration for remote cache: OCI mediatypes are required for image-manifest cache format', {
			hint: 'Leave out oci-mediatypes=false, or add image-manifest=false.',
		});
	}

	return {
		mode: attributes.get('mode') === 'max' ? 'max' : 'min',
		compression,
		...(level !== undefined && {level}),
		forceCompression,
		mediaTypes: isOci ? 'oci' : 'docker',
		isImageManifest,
		ignoresErrors: readBooleanAttribute(attributes, 'ignore-error', false),
		...(readBooleanAttribute(attributes, 'mounts', false) && {mountsMaximumSize: readMountsSize(attributes)}),
	};
}

function readMountsSize(attributes: OutputAttributes): number {
	const text = attributes.get('mounts-max-size');
	return text === undefined ? defaultMountsSize : parseMemorySize(text, 'mounts-max-size');
}
