import {SubstitutionProblem} from './substitution-problem.ts';
import type {WorkBudget} from './work-budget.ts';

/*
The patterns of `${name#pattern}` and `${name/pattern/text}`: `*` is any text, `?` any character, a backslash takes the meaning of both away. There are no brackets.

Matching walks all places of the pattern side by side, so that `*a*a*a*b` costs no more than its length times that of the value.
*/

type Token = {readonly type: 'character'; readonly character: string} | {readonly type: 'any'} | {readonly type: 'many'};

/** How much of the value a `*` takes, and what the matching may cost. */
export type PatternOptions = {
	readonly match: 'shortest' | 'longest';
	readonly budget: WorkBudget;
};

/**
Takes a match off the start.

@throws {SubstitutionProblem} when the pattern escapes a character that needs none
*/
export function removePrefix(value: string, pattern: string, options: PatternOptions): string {
	const characters = [...value];
	const end = matchEnd(parsePattern(pattern), characters, {...options, start: 0});
	return end === undefined ? value : characters.slice(end).join('');
}

/**
Takes a match off the end.

@throws {SubstitutionProblem} when the pattern escapes a character that needs none
*/
export function removeSuffix(value: string, pattern: string, options: PatternOptions): string {
	const characters = [...value].toReversed();
	const end = matchEnd(parsePattern(pattern).toReversed(), characters, {...options, start: 0});
	return end === undefined ? value : characters.slice(end).toReversed().join('');
}

/**
Replaces the longest match that comes first, or all matches from left to right.

@throws {SubstitutionProblem} when the pattern escapes a character that needs none
*/
export function replacePattern(value: string, pattern: string, {replacement, all, budget}: {readonly replacement: string; readonly all: boolean; readonly budget: WorkBudget}): string {
	const tokens = parsePattern(pattern);
	const characters = [...value];
	let result = '';
	let copied = 0;
	let start = 0;
	while (start <= characters.length) {
		const end = matchEnd(tokens, characters, {match: 'longest', budget, start});
		const isEmptyAfterMatch = end === copied && start > 0;
		if (end === undefined || isEmptyAfterMatch) {
			start++;
			continue;
		}

		result += characters.slice(copied, start).join('') + replacement;
		copied = end;
		start = Math.max(end, start + 1);
		if (!all) {
			break;
		}
	}

	return result + characters.slice(copied).join('');
}

function parsePattern(pattern: string): readonly Token[] {
	const characters = [...pattern];
	const tokens: Token[] = [];
	for (let index = 0; index < characters.length; index++) {
		const character = characters[index]!;
		if (character === '\\') {
			index++;
			tokens.push({type: 'character', character: unescape(pattern, characters[index])});
		} else if (character === '*') {
			// A second star matches no more than the first.
			if (tokens.at(-1)?.type !== 'many') {
				tokens.push({type: 'many'});
			}
		} else {
			tokens.push(character === '?' ? {type: 'any'} : {type: 'character', character});
		}
	}

	return tokens;
}

// `}` and `/` are escaped for the sake of the substitution around the pattern.
function unescape(pattern: string, character: string | undefined): string {
	if (character === undefined || !'}/*?\\'.includes(character)) {
		throw new SubstitutionProblem(`invalid pattern (${pattern}) in substitution: invalid escape '\\${character ?? '\u{FFFD}'}'`);
	}

	return character;
}

/** Where the match that starts at `start` ends; `undefined` when there is none. */
function matchEnd(tokens: readonly Token[], characters: readonly string[], {match, budget, start}: PatternOptions & {readonly start: number}): number | undefined {
	let places = passStars(tokens, new Set([0]));
	let end: number | undefined;
	for (let index = start; places.size > 0; index++) {
		if (places.has(tokens.length)) {
			end = index;
		}

		if (index === characters.length || (end !== undefined && match === 'shortest')) {
			break;
		}

		budget.spend(places.size);
		places = step(tokens, places, characters[index]!);
	}

	return end;
}

function step(tokens: readonly Token[], places: ReadonlySet<number>, character: string): ReadonlySet<number> {
	const next = new Set<number>();
	for (const place of places) {
		const token = tokens[place];
		if (token?.type === 'many') {
			next.add(place);
		} else if (token?.type === 'any' || token?.character === character) {
			next.add(place + 1);
		}
	}

	return passStars(tokens, next);
}

/** Adds the places behind stars, which may also match nothing. */
function passStars(tokens: readonly Token[], places: ReadonlySet<number>): ReadonlySet<number> {
	return new Set([...places].flatMap(place => tokens[place]?.type === 'many' ? [place, place + 1] : [place]));
}
