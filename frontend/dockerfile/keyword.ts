import {Keyword} from 'dockerfile-ast';
import {cutAtBlanks, trimWhitespace} from './whitespace.ts';

/** The first word of a line, as written, and what follows it without white space at the ends. */
export function splitKeyword(text: string): {readonly keyword: string; readonly rest: string} {
	const [keyword, rest = ''] = cutAtBlanks(trimWhitespace(text));
	return {keyword, rest};
}

/** The instruction that a word names, in any case. The names are those of dockerfile-ast; what it makes of flags, escapes and exec forms is not what BuildKit does. */
export function findKeyword(word: string): Keyword | undefined {
	const name = word.toUpperCase();
	return Object.hasOwn(Keyword, name) ? Keyword[name as keyof typeof Keyword] : undefined;
}

/** The names of all instructions, in upper case. */
export const instructionNames: readonly string[] = Object.values(Keyword);
