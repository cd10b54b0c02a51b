import {errorMessage} from '../kernel/errors.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import type {ImageEncoding} from '../exporter/outputs.ts';
import {readBoolean} from './flag-parser.ts';
import {RequestError} from './usage-error.ts';

/** The attributes of one `-o`, by their names in lower case. */
export type OutputAttributes = ReadonlyMap<string, string>;

// What is not made yet must not be left out in silence.
const onlyValues: Readonly<Record<string, boolean>> = {
	artifact: false,
	'oci-artifact': false,
	'oci-mediatypes': true,
	'rewrite-timestamp': false,
};

const compressions = new Map<string | undefined, ImageEncoding['compression']>([
	[undefined, 'gzip'],
	['gzip', 'gzip'],
	['zstd', 'zstd'],
	['uncompressed', 'none'],
]);

/**
What the attributes of an image output ask for: its names and how its layers are compressed. Attributes that nobody knows mean nothing, as with BuildKit.

@throws {RequestError} for a value that is none, or that asks for what is not made yet
@see https://github.com/moby/buildkit/blob/v0.32.2/exporter/containerimage/opts.go
*/
export function readImageAttributes(attributes: OutputAttributes): ImageEncoding & {readonly names?: readonly string[]} {
	for (const [name, onlyValue] of Object.entries(onlyValues)) {
		if (readBooleanAttribute(attributes, name, onlyValue) !== onlyValue) {
			throw notThereYet(name, attributes.get(name)!);
		}
	}

	refuseOthers(attributes);
	const names = attributes.get('name');
	return {
		compression: readCompression(attributes.get('compression')),
		forceCompression: readBooleanAttribute(attributes, 'force-compression', false),
		...(names !== undefined && {names: names.split(',').map(name => readName(name))}),
	};
}

function refuseOthers(attributes: OutputAttributes): void {
	const level = attributes.get('compression-level');
	if (level !== undefined) {
		throw /^[+\-]?\d+$/v.test(level)
			? notThereYet('compression-level', level)
			: new RequestError(`failed to solve: non-integer value ${level} specified for compression-level: strconv.ParseInt: parsing ${JSON.stringify(level)}: invalid syntax`);
	}

	const annotation = attributes.keys().find(name => name.startsWith('annotation'));
	if (annotation !== undefined) {
		throw notThereYet(annotation, attributes.get(annotation)!);
	}
}

function readCompression(text: string | undefined): ImageEncoding['compression'] {
	const compression = compressions.get(text);
	if (compression !== undefined) {
		return compression;
	}

	throw text === 'estargz' ? notThereYet('compression', text) : new RequestError(`failed to solve: unsupported compression type ${text}`, {hint: 'The compressions are gzip, zstd and uncompressed.'});
}

function readBooleanAttribute(attributes: OutputAttributes, name: string, isDefault: boolean) {
	const text = attributes.get(name);
	if (text === undefined || text === '') {
		return text === '' || isDefault;
	}

	const value = readBoolean(text);
	if (value === undefined) {
		throw new RequestError(`failed to solve: non-bool value specified for ${name}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
	}

	return value;
}

function readName(name: string): string {
	try {
		return formatReference(parseReference(name));
	} catch (error) {
		throw new RequestError(`failed to solve: failed to parse ${name}: ${errorMessage(error).replace(/^.*": /v, '')}`, {cause: error});
	}
}

function notThereYet(name: string, value: string): RequestError {
	return new RequestError(`output attribute ${name}=${value} is not there yet`, {hint: `Leave ${name} out.`});
}
