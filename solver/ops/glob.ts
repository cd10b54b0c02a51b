import {TsbuildError} from '../../src/kernel/errors.ts';

/** How a glob is read. */
export type GlobOptions = {
	/** `**` stands for any number of directories, as in .dockerignore; else it is the same as `*`. */
	readonly allowsDoubleStar: boolean;
};

type Range = readonly [low: string, high: string];

/** One place of a glob, and what it does with a character of the path. */
type Part =
	/** Takes one of some characters. */
	| {readonly kind: 'one'; readonly ranges: readonly Range[]; readonly isNegated: boolean}
	/** Takes any number of characters without a slash. */
	| {readonly kind: 'star'}
	/** Takes anything. */
	| {readonly kind: 'rest'}
	/** May be left out with the part after it, which is a `directories`. */
	| {readonly kind: 'maybe'}
	/** Takes anything up to a slash, which it ends with. */
	| {readonly kind: 'directories'};

/** Whether a path holds `*`, `?` or `[` that is not escaped. */
export function hasWildcard(path: string): boolean {
	return /[*?\[]/v.test(path.replaceAll(/\\./gsv, ''));
}

/** A glob that matches this path alone, also as a pattern that must not begin with `!` or a blank. */
export function escapeGlob(path: string): string {
	return path.replaceAll(/[\s!*?\[\\]/gv, String.raw`\$&`);
}

/**
A glob of Go's `filepath.Match` for a whole path: `*` and `?` stop at slashes, `[^a-z]` is negated by `^` alone, a backslash takes the next character as it is.

It is no regular expression, because those take exponential time for some hostile globs: here the time grows with the length of the glob times that of the path.

@see https://pkg.go.dev/path/filepath#Match
*/
export class Glob {
	readonly #parts: readonly Part[];

	/**
	Reads a glob.

	@param glob - the text
	@param options - see there
	@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for what Go calls a syntax error in a pattern
	*/
	constructor(glob: string, options: GlobOptions) {
		this.#parts = new GlobReader(glob, options).read();
	}

	#take(place: number, character: string): readonly number[] {
		const part = this.#parts[place];
		switch (part?.kind) {
			case 'one': {
				return accepts(part, character) ? [place + 1] : [];
			}

			case 'star': {
				return character === '/' ? [] : [place];
			}

			case 'rest': {
				return [place];
			}

			case 'directories': {
				return character === '/' ? [place, place + 1] : [place];
			}

			case 'maybe':
			case undefined: {
				return [];
			}
		}
	}

	/** The places, and those that are reached from there with nothing of the path; they lie further on. */
	#withoutTaking(places: readonly number[]): readonly number[] {
		const reached = new Set(places);
		for (const [place, {kind}] of this.#parts.entries()) {
			if (reached.has(place) && ['star', 'rest', 'maybe'].includes(kind)) {
				reached.add(place + 1);
			}

			if (kind === 'maybe' && reached.has(place)) {
				reached.add(place + 2);
			}
		}

		return [...reached];
	}

	matches(path: string): boolean {
		// All places of the glob where the path may have come to.
		let places = this.#withoutTaking([0]);
		for (const character of path) {
			places = this.#withoutTaking(places.flatMap(place => this.#take(place, character)));
		}

		return places.includes(this.#parts.length);
	}
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

	#readPart(character: string): readonly Part[] {
		switch (character) {
			case '*': {
				return this.#readStar();
			}

			case '?': {
				return [one([], {isNegated: true})];
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

	#readStar(): readonly Part[] {
		if (!this.#options.allowsDoubleStar || !this.#skip('*')) {
			return [{kind: 'star'}];
		}

		this.#skip('/');
		return this.#peek() === undefined ? [{kind: 'rest'}] : [{kind: 'maybe'}, {kind: 'directories'}];
	}

	#readClass(): Part {
		const isNegated = this.#skip('^');
		const ranges: Range[] = [];
		do {
			const low = this.#readClassCharacter();
			ranges.push([low, this.#skip('-') ? this.#readClassCharacter() : low]);
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

	read(): readonly Part[] {
		const parts: Part[] = [];
		while (this.#peek() !== undefined) {
			parts.push(...this.#readPart(this.#next()));
		}

		return parts;
	}
}

function exactly(character: string): Part {
	return one([[character, character]], {isNegated: false});
}

function one(ranges: readonly Range[], {isNegated}: {readonly isNegated: boolean}): Part {
	return {kind: 'one', ranges, isNegated};
}

function accepts({ranges, isNegated}: Part & {readonly kind: 'one'}, character: string): boolean {
	const isListed = ranges.some(([low, high]) => compare(low, character) <= 0 && compare(character, high) <= 0);
	return isListed !== isNegated && !(isNegated && character === '/');
}

function compare(first: string, second: string): number {
	return first.codePointAt(0)! - second.codePointAt(0)!;
}
