import {cutAtBlanks, trimWhitespace} from './whitespace.ts';

/**
The names of all instructions, in upper case.

@see https://docs.docker.com/reference/dockerfile/#overview
*/
export const instructionNames = [
	'ADD',
	'ARG',
	'CMD',
	'COPY',
	'ENTRYPOINT',
	'ENV',
	'EXPOSE',
	'FROM',
	'HEALTHCHECK',
	'LABEL',
	'MAINTAINER',
	'ONBUILD',
	'RUN',
	'SHELL',
	'STOPSIGNAL',
	'USER',
	'VOLUME',
	'WORKDIR',
] as const;

/** The name of an instruction. */
export type Keyword = (typeof instructionNames)[number];

/** The first word of a line, as written, and what follows it without white space at the ends. */
export function splitKeyword(text: string): {readonly keyword: string; readonly rest: string} {
	const [keyword, rest = ''] = cutAtBlanks(trimWhitespace(text));
	return {keyword, rest};
}

/** The instruction that a word names, in any case. */
export function findKeyword(word: string): Keyword | undefined {
	const name = word.toUpperCase();
	return instructionNames.find(candidate => candidate === name);
}
