import {
	compareCharacters,
	readGlob,
	type GlobOptions,
	type GlobPart,
} from './read-glob.ts';

/** Whether a path holds `*`, `?` or `[` that is not escaped. */
export function hasWildcard(path: string): boolean {
	return /[*?\[]/v.test(path.replaceAll(/\\./gsv, ''));
}

/** A glob that matches this path alone, also as a pattern that must not begin with `!` or a blank. */
export function escapeGlob(path: string): string {
	return path.replaceAll(/[\s!*?\[\\]/gv, String.raw`\$&`);
}

/**
A glob of Go's `filepath.Match` for a whole path: `*` and `?` stop at slashes, `[^a-z]` is negated by `^` alone and takes a slash too, a backslash takes the next character as it is.

It is no regular expression, because those take exponential time for some hostile globs: here the time grows with the length of the glob times that of the path.

@see https://pkg.go.dev/path/filepath#Match
*/
export class Glob {
	readonly #parts: readonly GlobPart[];
	/** What every match begins and ends with: most paths have neither, and are done. */
	readonly #start: string;
	readonly #end: string;

	/**
	Reads a glob.

	@param glob - the text
	@param options - see there
	@throws {TsbuildError} `ERR_TSBUILD_PATTERN` for what Go calls a syntax error in a pattern
	*/
	constructor(glob: string, options: GlobOptions) {
		this.#parts = readGlob(glob, options);
		const characters = this.#parts.map(part => characterOf(part));
		const isPlain = !characters.includes(undefined);
		this.#start = characters.slice(0, isPlain ? undefined : characters.indexOf(undefined)).join('');
		this.#end = characters.slice(characters.lastIndexOf(undefined) + 1).join('');
	}

	/** Adds the places that a character leads to. */
	#take(place: number, character: string, next: Places): void {
		const part = this.#parts[place];
		switch (part?.kind) {
			case 'one': {
				if (accepts(part, character)) {
					next.add(place + 1);
				}

				break;
			}

			case 'any': {
				if (character !== '/') {
					next.add(place + 1);
				}

				break;
			}

			case 'star': {
				if (character !== '/') {
					next.add(place);
				}

				break;
			}

			case 'rest': {
				next.add(place);
				break;
			}

			case 'directories': {
				next.add(place);
				if (character === '/') {
					next.add(place + 1);
				}

				break;
			}

			case 'maybe':
			case undefined: {
				break;
			}
		}
	}

	/** Adds the places that are reached from one with nothing of the path. */
	#skip(place: number, places: Places): void {
		const kind = this.#parts[place]?.kind ?? 'one';
		if (['star', 'rest', 'maybe'].includes(kind)) {
			places.add(place + 1);
		}

		if (kind === 'maybe') {
			places.add(place + 2);
		}
	}

	/** Adds all places that are reached with nothing of the path. */
	#reachWithoutTaking(places: Places): void {
		// What is added on the way has its turn too.
		for (let index = 0; index < places.size; index++) {
			this.#skip(places.at(index), places);
		}
	}

	/** All places of the glob where a path may have come to. */
	#follow(path: string): Places {
		let places = new Places(this.#parts.length);
		let next = new Places(this.#parts.length);
		places.add(0);
		this.#reachWithoutTaking(places);
		for (const character of path) {
			for (const place of places) {
				this.#take(place, character, next);
			}

			this.#reachWithoutTaking(next);
			places.clear();
			[places, next] = [next, places];
			if (places.size === 0) {
				break;
			}
		}

		return places;
	}

	matches(path: string): boolean {
		return path.startsWith(this.#start) && path.endsWith(this.#end) && this.#follow(path).has(this.#parts.length);
	}

	/** Whether a path that begins with the given one may match. */
	mayMatchFrom(path: string): boolean {
		const isOnTheWay = path.startsWith(this.#start) || this.#start.startsWith(path);
		return isOnTheWay && this.#follow(path).size > 0;
	}
}

/** Some of the places of a glob, and the one behind it. A `Set` would take most of the time that a build with a large context has. */
class Places {
	readonly #list: number[] = [];
	readonly #isIn: Uint8Array;

	constructor(last: number) {
		this.#isIn = new Uint8Array(last + 1);
	}

	get size(): number {
		return this.#list.length;
	}

	at(index: number): number {
		return this.#list[index]!;
	}

	add(place: number): void {
		if (this.#isIn[place] === 1) {
			return;
		}

		this.#isIn[place] = 1;
		this.#list.push(place);
	}

	has(place: number): boolean {
		return this.#isIn[place] === 1;
	}

	clear(): void {
		for (const place of this.#list) {
			this.#isIn[place] = 0;
		}

		this.#list.length = 0;
	}

	[Symbol.iterator](): Iterator<number> {
		return this.#list[Symbol.iterator]();
	}
}

/** The only character that a part takes, if there is one. */
function characterOf(part: GlobPart): string | undefined {
	if (part.kind !== 'one' || part.isNegated || part.ranges.length !== 1) {
		return undefined;
	}

	const [[low, high]] = part.ranges as [typeof part.ranges[number]];
	return low === high ? low : undefined;
}

function accepts({ranges, isNegated}: GlobPart & {readonly kind: 'one'}, character: string): boolean {
	return isNegated !== ranges.some(([low, high]) => compareCharacters(low, character) <= 0 && compareCharacters(character, high) <= 0);
}
