import {quoteGoString} from '../kernel/go-format.ts';
import type {OutputAttributes} from './output-attributes.ts';
import {RequestError} from './usage-error.ts';

const types: ReadonlySet<string> = new Set(['index', 'index-descriptor', 'manifest', 'manifest-descriptor']);

/**
Reads values of `--annotation`: `[TYPE[,TYPE...]:]KEY=VALUE`, where a type may name a platform, as `manifest[linux/amd64]`.

@returns what they are as attributes of an output, such as `annotation-manifest.KEY`
@throws {RequestError} in the words of buildx
@see https://github.com/docker/buildx/blob/master/util/buildflags/export.go (ParseAnnotations)
*/
export function readAnnotationOptions(texts: readonly string[]): OutputAttributes {
	return new Map(texts.filter(text => text !== '').flatMap(text => readOption(text)));
}

function readOption(text: string): ReadonlyArray<readonly [name: string, value: string]> {
	const equals = text.indexOf('=');
	if (equals === -1) {
		throw new RequestError(`parse annotations: invalid annotation ${quoteGoString(text)}, expected key=value`);
	}

	const name = text.slice(0, equals);
	const value = text.slice(equals + 1);
	const colon = name.indexOf(':');
	if (colon === -1) {
		return [[`annotation.${name}`, value]];
	}

	const key = name.slice(colon + 1);
	return name.slice(0, colon).split(',').map(type => [`annotation-${readType(type)}.${key}`, value]);
}

/** A type with its platform. */
function readType(text: string): string {
	const {type} = /^(?<type>[\-a-z]+)(?:\[[\w\-\/]+\])?$/v.exec(text)?.groups ?? {};
	if (type === undefined) {
		throw new RequestError(`parse annotations: invalid annotation type ${quoteGoString(text)}, expected type and optional platform in square brackets`);
	}

	if (!types.has(type)) {
		throw new RequestError(`parse annotations: unknown annotation type ${quoteGoString(type)}`, {hint: `The types are ${[...types].join(', ')}.`});
	}

	return text;
}
