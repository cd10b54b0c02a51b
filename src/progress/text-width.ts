// Characters that take two columns of a terminal: East Asian wide and fullwidth ones, and those shown as pictures.
// https://www.unicode.org/reports/tr11/
const wide = /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u{3000}-\u{303E}\u{FF01}-\u{FF60}\u{FFE0}-\u{FFE6}]/v;

// Characters that change the one before them, and those that are not shown.
const invisible = /[\p{Control}\p{Format}\p{Mark}]/v;

/** How many columns a text without control sequences takes in a terminal. */
export function widthOf(text: string): number {
	return isPlain(text) ? text.length : [...text].reduce((width, character) => width + widthOfCharacter(character), 0);
}

/** As much of the text's start as fits in some columns. */
export function cutToWidth(text: string, width: number): string {
	if (isPlain(text)) {
		return text.slice(0, Math.max(width, 0));
	}

	let end = 0;
	let left = width;
	for (const character of text) {
		left -= widthOfCharacter(character);
		if (left < 0) {
			break;
		}

		end += character.length;
	}

	return text.slice(0, end);
}

/** The text with spaces behind it, so that it takes at least some columns. */
export function padToWidth(text: string, width: number): string {
	return text + ' '.repeat(Math.max(width - widthOf(text), 0));
}

/** Splits a text into rows of at most some columns; an empty text is one row. */
export function wrapToWidth(text: string, width: number): readonly string[] {
	const rows: string[] = [];
	let rest = text;
	do {
		// A character that is wider than the row must not stop the split.
		const length = Math.max(cutToWidth(rest, width).length, 1);
		rows.push(rest.slice(0, length));
		rest = rest.slice(length);
	} while (rest !== '');

	return rows;
}

/** Puts spaces in the place of tabs, up to the next multiple of eight columns. */
export function expandTabs(text: string): string {
	const [first, ...rest] = text.split('\t');
	let expanded = first!;
	for (const piece of rest) {
		expanded += ' '.repeat(8 - (widthOf(expanded) % 8)) + piece;
	}

	return expanded;
}

function isPlain(text: string): boolean {
	return /^[\u{20}-\u{7E}]*$/v.test(text);
}

function widthOfCharacter(character: string): number {
	if (invisible.test(character)) {
		return 0;
	}

	return wide.test(character) ? 2 : 1;
}
