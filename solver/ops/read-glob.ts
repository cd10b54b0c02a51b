import {TsbuildError} from '../../src/kernel/errors.ts';

/** How a glob is read. */
export type GlobOptions = {
	/** As in .dockerignore: `**` stands for any number of directories, lists may take slashes, and a range from high to low is a mistake. Else `**` is the same as `*`, and such a range takes nothing. */
	readonly allowsDoubleStar: boolean;
};

type Range = readonly [low: string, high: string];

/** One place of a glob, and what it does with a character of the path. */
export type GlobPart =
	/** Takes one of some characters. */
	| {readonly kind: 'one'; readonly ranges: readonly Range[]; readonly isNegated: boolean}
	/** Takes one character that is no slash. */
	| {readonly kind: 'any'}
	/** Takes any number of characters without a slash. */
	| {readonly kind: 'star'}
	/** Takes anything. */
	| {readonly kind: 'rest'}
	/** May be left out with the part after it, which is a `directories`. */
	| {readonly kind: 'maybe'}
	/** Takes anything up to a slash, which it ends with. */
	| {readonly kind: 'directories'};

/**
The parts of a glob's text.

@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for what Go calls a syntax error in a pattern
*/
export function readGlob(glob: string, options: GlobOptions): readonly GlobPart[] {
	return new GlobReader(glob, options).read();
}

class GlobReader {
	readonly #glob: string;
	readonly #characters: readonly string[];
	readonly #options: GlobOptions;
	#position = 0;

	constructor(glob: string, options: GlobOptions) {
		this.#glob = glob;
		this.#characters = [...glob];
		this.#options = options;
	}

	#readPart(character: string): readonly GlobPart[] {
		switch (character) {
			case '*': {
				return this.#readStar();
			}

			case '?': {
				return [{kind: 'any'}];
			}

			case '[': {
				return [this.#readClass()];
			}

			case '\\': {
				return [exactly(this.#next())];
			}

			default: {
				return [exactly(character)];
			}
		}
	}

	#readStar(): readonly GlobPart[] {
		if (!this.#options.allowsDoubleStar || !this.#skip('*')) {
			return [{kind: 'star'}];
		}

		const isFirst = this.#position === '**'.length;
		const isPart = this.#skip('/');
		return this.#isAtEnd() || (isFirst && !isPart && this.#isPlainFromHere()) ? [{kind: 'rest'}] : [{kind: 'maybe'}, {kind: 'directories'}];
	}

	#readClass(): GlobPart {
		const isNegated = this.#skip('^');
		const ranges: Range[] = [];
		do {
			const low = this.#readClassCharacter();
			const high = this.#skip('-') ? this.#readClassCharacter() : low;
			if (this.#options.allowsDoubleStar && compareCharacters(low, high) > 0) {
				throw this.#syntaxError();
			}

			ranges.push([low, high]);
		} while (!this.#skip(']'));

		return one(ranges, {isNegated});
	}

	#readClassCharacter(): string {
		const character = this.#next();
		if (character === '-' || character === ']') {
			throw this.#syntaxError();
		}

		return character === '\\' ? this.#next() : character;
	}

	#isAtEnd(): boolean {
		return this.#peek() === undefined;
	}

	/** `**.log` is any path that ends so. With a wildcard behind it, `**` ends at a slash as elsewhere. */
	#isPlainFromHere(): boolean {
		return !/[*?\[\\\]]/v.test(this.#characters.slice(this.#position).join(''));
	}

	#skip(character: string): boolean {
		const isNext = this.#peek() === character;
		this.#position += isNext ? 1 : 0;
		return isNext;
	}

	#peek(): string | undefined {
		return this.#characters[this.#position];
	}

	#next(): string {
		const character = this.#peek();
		if (character === undefined) {
			throw this.#syntaxError();
		}

		this.#position++;
		return character;
	}

	#syntaxError(): TsbuildError {
		return new TsbuildError('ERR_TSBUILD_PATTERN', `invalid pattern ${JSON.stringify(this.#glob)}: syntax error in pattern`, {
			hint: 'A "[" begins a list of characters that ends with "]"; put a backslash before it to mean the character itself.',
		});
	}

	read(): readonly GlobPart[] {
		const parts: GlobPart[] = [];
		while (!this.#isAtEnd()) {
			parts.push(...this.#readPart(this.#next()));
		}

		return parts;
	}
}

/** Below 0 when the first of two characters has the lower number. */
export function compareCharacters(first: string, second: string): number {
	return first.codePointAt(0)! - second.codePointAt(0)!;
}

function exactly(character: string): GlobPart {
	return one([[character, character]], {isNegated: false});
}

function one(ranges: readonly Range[], {isNegated}: {readonly isNegated: boolean}): GlobPart {
	return {kind: 'one', ranges, isNegated};
}
