import {errorMessage} from '../kernel/errors.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import type {ImageEncoding} from '../exporter/output-option.ts';
import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {RequestError} from './usage-error.ts';

/** The attributes of one `-o`, by their names in lower case. */
export type OutputAttributes = ReadonlyMap<string, string>;

const compressions = new Map<string, ImageEncoding['compression']>([
	['gzip', 'gzip'],
	['zstd', 'zstd'],
	['uncompressed', 'none'],
]);

// What zlib and zstd have; a level above is the highest with zstd, and an error with gzip.
const maximumGzipLevel = 9;
const maximumZstdLevel = 22;

/** What an image is when its output does not say. */
export type ImageDefaults = {readonly defaultCompression: ImageEncoding['compression']};

/**
What the attributes of an image output ask for: its names, how its layers are compressed, how its manifest is written. Attributes that nobody knows mean nothing, as with BuildKit.

@throws {RequestError} for a value that is none, or that asks for what is not made yet
@see https://github.com/moby/buildkit/blob/v0.32.2/exporter/containerimage/opts.go
*/
export function readImageAttributes(attributes: OutputAttributes, {defaultCompression}: ImageDefaults): ImageEncoding & {readonly names?: readonly string[]} {
	const compression = readCompression(attributes.get('compression')) ?? defaultCompression;
	const names = attributes.get('name');
	return {
		compression,
		...readLevel(attributes.get('compression-level'), compression),
		forceCompression: readBooleanAttribute(attributes, 'force-compression', false),
		isDated: readBooleanAttribute(attributes, 'rewrite-timestamp', false),
		mediaTypes: readMediaTypes(attributes),
		annotations: readAnnotations(attributes),
		...(names !== undefined && names !== '' && {names: names.split(',').map(name => readName(name))}),
	};
}

/**
A boolean attribute; without a value it is true, and `isDefault` when it is not there.

@throws {RequestError} in the words of BuildKit
*/
export function readBooleanAttribute(attributes: OutputAttributes, name: string, isDefault: boolean): boolean {
	const text = attributes.get(name);
	if (text === undefined || text === '') {
		return text === '' || isDefault;
	}

	const value = parseGoBoolean(text);
	if (value === undefined) {
		throw new RequestError(`failed to solve: non-bool value specified for ${name}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
	}

	return value;
}

/** The error of an attribute that is known but has no effect yet. */
export function notThereYet(name: string, value: string): RequestError {
	return new RequestError(`output attribute ${name}=${value} is not there yet`, {hint: `Leave ${name} out.`});
}

function readCompression(text: string | undefined): ImageEncoding['compression'] | undefined {
	if (text === undefined || compressions.has(text)) {
		return text === undefined ? undefined : compressions.get(text);
	}

	throw text === 'estargz'
		? notThereYet('compression', text)
		: new RequestError(`failed to solve: unsupported compression type ${text}`, {hint: 'The compressions are gzip, zstd and uncompressed.'});
}

function readLevel(text: string | undefined, compression: ImageEncoding['compression']): {readonly level?: number} {
	if (text === undefined) {
		return {};
	}

	if (!/^[+\-]?\d{1,9}$/v.test(text)) {
		throw new RequestError(`failed to solve: non-integer value ${text} specified for compression-level: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
	}

	const level = Number(text);
	switch (compression) {
		case 'gzip': {
			if (level < 0 || level > maximumGzipLevel) {
				throw new RequestError(`failed to solve: gzip: invalid compression level: ${level}`, {hint: `The levels of gzip are 0 to ${maximumGzipLevel}.`});
			}

			return {level};
		}

		case 'zstd': {
			return {level: Math.min(Math.max(level, 0), maximumZstdLevel)};
		}

		case 'none': {
			return {};
		}
	}
}

function readMediaTypes(attributes: OutputAttributes): ImageEncoding['mediaTypes'] {
	if (readBooleanAttribute(attributes, 'oci-mediatypes', true)) {
		return 'oci';
	}

	const conflict = attributes.get('compression') === 'zstd' ? 'compression=zstd' : 'oci-artifact=true';
	if (conflict === 'compression=zstd' || readBooleanAttribute(attributes, 'oci-artifact', false)) {
		throw new RequestError(`failed to solve: exporter option ${JSON.stringify(conflict)} conflicts with "oci-mediatypes=false"`);
	}

	return 'docker';
}

const annotationPattern = /^annotation(?:-(?<kind>[\-a-z]+))?(?:\[(?<platform>[^\]]*)\])?\.(?<key>.+)$/v;

type Annotation = {readonly target: keyof ImageEncoding['annotations']; readonly key: string; readonly value: string};

function readAnnotations(attributes: OutputAttributes): ImageEncoding['annotations'] {
	const annotations = [...attributes].map(([name, value]) => readAnnotation(name, value)).filter(annotation => annotation !== undefined);
	const select = (wanted: Annotation['target']) => sortedByKey(annotations.filter(({target}) => target === wanted).map(({key, value}) => [key, value]));
	return {manifest: select('manifest'), descriptor: select('descriptor')};
}

/**
`undefined` for an attribute that is no annotation.

@see https://github.com/moby/buildkit/blob/v0.32.2/exporter/containerimage/exptypes/annotations.go
*/
function readAnnotation(name: string, value: string): Annotation | undefined {
	const {kind = 'manifest', platform, key} = annotationPattern.exec(name)?.groups ?? {};
	if (key === undefined) {
		return undefined;
	}

	if (platform !== undefined) {
		throw notThereYet(name, value);
	}

	switch (kind) {
		case 'manifest': {
			return {target: 'manifest', key, value};
		}

		case 'manifest-descriptor': {
			return {target: 'descriptor', key, value};
		}

		case 'index':
		case 'index-descriptor': {
			throw new RequestError('failed to solve: index annotations not supported for single platform export');
		}

		default: {
			throw new RequestError(`failed to solve: unrecognized annotation type annotation-${kind}`, {hint: 'The kinds are annotation-manifest and annotation-manifest-descriptor.'});
		}
	}
}

function sortedByKey(entries: ReadonlyArray<readonly [key: string, value: string]>): Readonly<Record<string, string>> {
	return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function readName(name: string): string {
	try {
		return formatReference(parseReference(name));
	} catch (error) {
		throw new RequestError(`failed to solve: failed to parse ${name}: ${errorMessage(error).replace(/^.*": /v, '')}`, {cause: error});
	}
}
