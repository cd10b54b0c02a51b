import {splitOnWhitespace} from './whitespace.ts';

/** Collects the words of a text that is read piece by piece. */
export class WordList {
	readonly #words: string[] = [];
	#word = '';

	#endWord(): void {
		if (this.#word === '') {
			return;
		}

		this.#words.push(this.#word);
		this.#word = '';
	}

	/** Adds text whose white space separates words. */
	addSplit(text: string): void {
		for (const [index, piece] of splitOnWhitespace(text).entries()) {
			if (index > 0) {
				this.#endWord();
			}

			this.#word += piece;
		}
	}

	/** Adds text that belongs to the current word as it is. */
	addWhole(text: string): void {
		this.#word += text;
	}

	/** Ends the last word. Words without any character are left out. */
	finish(): readonly string[] {
		this.#endWord();
		return this.#words;
	}
}
