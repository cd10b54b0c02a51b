/*
Texts as Go's fmt package prints them: BuildKit's messages and history entries are full of them.
*/

const shortEscapes: Readonly<Record<string, string>> = {
	'\u{7}': String.raw`\a`,
	'\b': String.raw`\b`,
	'\f': String.raw`\f`,
	'\n': String.raw`\n`,
	'\r': String.raw`\r`,
	'\t': String.raw`\t`,
	'\v': String.raw`\v`,
	'"': String.raw`\"`,
	'\\': String.raw`\\`,
};

/** `%q` of a string, as strconv.Quote makes it. */
export function quoteGoString(text: string): string {
	return `"${text.replaceAll(/["\\[^\p{Letter}\p{Mark}\p{Number}\p{Punctuation}\p{Symbol} ]]/gv, character => escapeCharacter(character))}"`;
}

/** `%q` of a list of strings: `["a" "b"]`. */
export function quoteGoList(list: readonly string[]): string {
	return formatGoList(list.map(item => quoteGoString(item)));
}

/** `%v` of a list of strings: `[a b]`. */
export function formatGoList(list: readonly string[]): string {
	return `[${list.join(' ')}]`;
}

function escapeCharacter(character: string): string {
	const code = character.codePointAt(0)!;
	const hexadecimal = code.toString(16);
	if (code > 0xFF_FF) {
		return String.raw`\U` + hexadecimal.padStart(8, '0');
	}

	const isByte = code < 0x20 || code === 0x7F;
	return shortEscapes[character] ?? (isByte ? String.raw`\x` + hexadecimal.padStart(2, '0') : String.raw`\u` + hexadecimal.padStart(4, '0'));
}
