import {DockerfileError} from './errors.ts';
import {trimLeadingWhitespace} from './whitespace.ts';

/**
The strings of an instruction's exec form, such as `["echo", "a"]`.

@returns `undefined` for anything that is no JSON array, which then is the shell form
@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for an array of anything but strings
@see https://docs.docker.com/reference/dockerfile/#shell-and-exec-form
*/
export function parseJsonArray(text: string): readonly string[] | undefined {
	const array = readArray(text);
	if (array?.some(item => typeof item !== 'string')) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'when using JSON array syntax, arrays must be comprised of strings only');
	}

	return (array as readonly string[] | undefined)?.map(item => item.toWellFormed());
}

/** Whether the text is a JSON array, whatever it holds. */
export function isJsonArray(text: string): boolean {
	return readArray(text) !== undefined;
}

function readArray(text: string): readonly unknown[] | undefined {
	if (!trimLeadingWhitespace(text).startsWith('[')) {
		return undefined;
	}

	try {
		return JSON.parse(text) as readonly unknown[];
	} catch {
		return undefined;
	}
}
