/*
White space as Go sees it: BuildKit trims and splits with Go's `unicode.IsSpace`, which knows U+0085 and not U+FEFF, the opposite of JavaScript's `trim`.

The loops replace expressions such as `/\s+$/`, whose time grows with the square of a run of blanks.
*/

// https://pkg.go.dev/unicode#IsSpace
const asciiWhitespace = '\t\n\v\f\r ';
const otherWhitespace = '\u{85}\u{A0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}';
const whitespace: ReadonlySet<string> = new Set(asciiWhitespace + otherWhitespace);

/** Whether one character is white space. */
export function isWhitespace(character: string): boolean {
	return whitespace.has(character);
}

/** Without the white space at the start. */
export function trimLeadingWhitespace(text: string): string {
	let start = 0;
	while (start < text.length && isWhitespace(text[start]!)) {
		start++;
	}

	return text.slice(start);
}

/** Without the white space at both ends. */
export function trimWhitespace(text: string): string {
	let end = text.length;
	while (end > 0 && isWhitespace(text[end - 1]!)) {
		end--;
	}

	return trimLeadingWhitespace(text.slice(0, end));
}

/** Without those of the given characters that stand at the end. */
export function trimTrailing(text: string, characters: string): string {
	let end = text.length;
	while (end > 0 && characters.includes(text[end - 1]!)) {
		end--;
	}

	return text.slice(0, end);
}

/** Without the tabs at the start. */
export function trimLeadingTabs(text: string): string {
	let start = 0;
	while (text[start] === '\t') {
		start++;
	}

	return text.slice(start);
}

/** The pieces between runs of blanks; a text without any character has none. */
export function splitOnBlanks(text: string): readonly string[] {
	return text === '' ? [] : text.split(/[\t\v\f\r ]+/v);
}

/** The piece before the first run of blanks and the rest after it, `undefined` when there is no blank. */
export function cutAtBlanks(text: string): readonly [string, string?] {
	const found = /[\t\v\f\r ]+/v.exec(text);
	return found === null ? [text] : [text.slice(0, found.index), text.slice(found.index + found[0].length)];
}

/** The piece before the first white space, and the rest without white space at its ends. */
export function cutAtWhitespace(text: string): readonly [string, string] {
	let end = 0;
	while (end < text.length && !isWhitespace(text[end]!)) {
		end++;
	}

	return [text.slice(0, end), trimWhitespace(text.slice(end))];
}

/** The pieces between single white space characters; some may be empty. */
export function splitOnWhitespace(text: string): readonly string[] {
	// Every character of the set above, and no other.
	return text.split(/[\t\n\v\f\r \u{85}\u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}]/v);
}
