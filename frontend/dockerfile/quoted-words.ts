import type {EscapeCharacter} from './directives.ts';
import {isWhitespace} from './whitespace.ts';

/**
Splits text at white space, but not within quotes nor after an escape character. Quotes and escape characters stay: they are resolved when the words are expanded.

@see https://docs.docker.com/reference/dockerfile/#env
*/
export function splitQuotedWords(text: string, escape: EscapeCharacter): readonly string[] {
	const words: string[] = [];
	let position = 0;
	while (position < text.length) {
		if (isWhitespace(text[position]!)) {
			position++;
			continue;
		}

		const word = readWord(text, position, escape);
		position = word.end;
		if (word.text !== '') {
			words.push(word.text);
		}
	}

	return words;
}

function readWord(text: string, start: number, escape: EscapeCharacter): {readonly text: string; readonly end: number} {
	let quote: string | undefined;
	let position = start;
	while (position < text.length && (quote !== undefined || !isWhitespace(text[position]!))) {
		const character = text[position]!;
		if (character === escape && quote !== '\'') {
			// An escape character at the very end is no part of the word.
			if (position + 1 === text.length) {
				return {text: text.slice(start, position), end: text.length};
			}

			position++;
		} else if (character === quote) {
			quote = undefined;
		} else if (quote === undefined && (character === '"' || character === '\'')) {
			quote = character;
		}

		position++;
	}

	return {text: text.slice(start, position), end: position};
}
