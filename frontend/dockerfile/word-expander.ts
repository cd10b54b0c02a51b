import type {EscapeCharacter} from './directives.ts';
import {replacePattern} from './shell-pattern.ts';
import {applyOperator, requireOperator} from './substitution.ts';
import {SubstitutionProblem} from './substitution-problem.ts';
import type {WordList} from './word-list.ts';
import type {WorkBudget} from './work-budget.ts';

/** How a word is expanded. */
export type ExpandOptions = {
	readonly escape: EscapeCharacter;
	/** Quotes stay in the result. */
	readonly keepsQuotes?: boolean;
	/** Escape characters stay in the result. */
	readonly keepsEscapes?: boolean;
	/** Quotes are characters as all others. */
	readonly ignoresQuotes?: boolean;
	/** A variable that is not set stays as it is written. */
	readonly keepsUnset?: boolean;
	/** Gets the names of variables that are not set, also when the word cannot be expanded. */
	readonly unset?: Set<string>;
	readonly budget: WorkBudget;
};

/** A word after expansion. */
export type Expansion = {
	readonly text: string;
	/** The variables that were asked for and are not set. */
	readonly unset: ReadonlySet<string>;
	/** Those that are. */
	readonly set: ReadonlySet<string>;
};

// Substitutions in substitutions; each level is a few stack frames.
const maximumDepth = 200;

/**
Reads a word from left to right, once. `run` throws a `SubstitutionProblem` when that does not work.
*/
export class WordExpander {
	readonly #source: string;
	readonly #variables: ReadonlyMap<string, string>;
	readonly #options: ExpandOptions;
	readonly #unset: Set<string>;
	readonly #set = new Set<string>();
	#keepsEscapes: boolean;
	#position = 0;
	#depth = 0;

	constructor(source: string, variables: ReadonlyMap<string, string>, options: ExpandOptions) {
		this.#source = source;
		this.#variables = variables;
		this.#options = options;
		this.#unset = options.unset ?? new Set();
		this.#keepsEscapes = options.keepsEscapes ?? false;
	}

	/** Reads up to `stop`, which is passed, or to the end. */
	#readUntil(stop: string | undefined, words: WordList | undefined): string {
		let text = '';
		while (this.#position < this.#source.length) {
			const character = this.#peek();
			if (character === stop) {
				this.#position++;
				return text;
			}

			const piece = this.#readPiece(character);
			text += piece.text;
			if (piece.splits) {
				words?.addSplit(piece.text);
			} else {
				words?.addWhole(piece.text);
			}
		}

		if (stop !== undefined) {
			throw new SubstitutionProblem(`unexpected end of statement while looking for matching ${stop}`);
		}

		return text;
	}

	#readPiece(character: string): {readonly text: string; readonly splits: boolean} {
		if (character === '$') {
			return {text: this.#readSubstitution(), splits: true};
		}

		if (this.#startsGroup(character)) {
			return {text: this.#readGroup(character), splits: false};
		}

		return character === this.#options.escape
			? {text: this.#readEscaped(), splits: false}
			: {text: this.#readPlain(), splits: true};
	}

	/** As many characters as have no meaning anywhere, or the next one, which has none here. */
	#readPlain(): string {
		const plain = this.#match(/[^"$'\/<\\`\}]+/vy);
		return plain === '' ? this.#next() : plain;
	}

	#startsGroup(character: string): boolean {
		return character === '<' || (!this.#options.ignoresQuotes && (character === '"' || character === '\''));
	}

	#readGroup(character: string): string {
		switch (character) {
			case '\'': {
				return this.#readSingleQuoted();
			}

			case '"': {
				return this.#readDoubleQuoted();
			}

			default: {
				return this.#readHeredocOperator();
			}
		}
	}

	#readEscaped(): string {
		const escape = this.#next();
		return (this.#keepsEscapes ? escape : '') + this.#next();
	}

	// The white space between `<<` and a heredoc's name belongs to the word.
	#readHeredocOperator(): string {
		return this.#match(/<(?:<[\t ]*)?/vy);
	}

	#readSingleQuoted(): string {
		const end = this.#source.indexOf('\'', this.#position + 1);
		if (end === -1) {
			this.#position = this.#source.length;
			throw new SubstitutionProblem('unexpected end of statement while looking for matching single-quote');
		}

		const quoted = this.#source.slice(this.#position + 1, end);
		this.#position = end + 1;
		return this.#options.keepsQuotes ? `'${quoted}'` : quoted;
	}

	#readDoubleQuoted(): string {
		this.#position++;
		let text = '';
		while (this.#position < this.#source.length) {
			const character = this.#peek();
			if (character === '"') {
				this.#position++;
				return this.#options.keepsQuotes ? `"${text}"` : text;
			}

			text += character === '$' ? this.#readSubstitution() : this.#readDoubleQuotedCharacter();
		}

		throw new SubstitutionProblem('unexpected end of statement while looking for matching double-quote');
	}

	// Within double quotes an escape character is special only before a quote, a dollar and itself.
	#readDoubleQuotedCharacter(): string {
		const {escape} = this.#options;
		const plain = this.#match(/[^"$\\`]+/vy);
		const character = plain === '' ? this.#next() : plain;
		if (character !== escape) {
			return character;
		}

		const kept = this.#keepsEscapes ? character : '';
		const following = this.#peek();
		if (['"', '$', escape].includes(following)) {
			return kept + this.#next();
		}

		return following === '' ? kept : kept + character;
	}

	#readSubstitution(): string {
		this.#position++;
		if (this.#peek() === '{') {
			return this.#readBraces();
		}

		const name = this.#readName();
		return name === '' ? '$' : this.#value(name) ?? this.#unsetText(`$${name}`);
	}

	#readBraces(): string {
		this.#depth++;
		if (this.#depth > maximumDepth) {
			throw new SubstitutionProblem(`syntax error: more than ${maximumDepth} substitutions in one another`);
		}

		this.#position++;
		const start = this.#peek();
		if (['{', '}', ':'].includes(start)) {
			throw new SubstitutionProblem('syntax error: bad substitution');
		}

		const name = this.#readName();
		const result = this.#readModifier(name, this.#next());
		this.#depth--;
		return result;
	}

	#readModifier(name: string, first: string): string {
		switch (first) {
			case '}': {
				return this.#value(name) ?? this.#unsetText(`\${${name}}`);
			}

			case '': {
				// BuildKit takes the end of the text for a modifier, and shows it so.
				throw name === '' ? missing('}') : new SubstitutionProblem('unsupported modifier (\u{FFFD}) in substitution');
			}

			case '/': {
				return this.#readReplacement(name);
			}

			case ':': {
				return this.#readOperator(name, `:${this.#next()}`);
			}

			default: {
				return this.#readOperator(name, first);
			}
		}
	}

	/** `-`, `+`, `?`, each also with a colon, `#` and `%`. */
	#readOperator(name: string, operator: string): string {
		requireOperator(operator);
		const argument = this.#readArgument('}', {isPattern: operator === '#' || operator === '%'});
		const value = this.#value(name);
		return value === undefined && this.#options.keepsUnset
			? `\${${name}${operator}${argument}}`
			: applyOperator({
				name, value, operator, argument,
			}, this.#options.budget);
	}

	#readReplacement(name: string): string {
		const isAll = this.#peek() === '/';
		if (isAll) {
			this.#position++;
		}

		const pattern = this.#readArgument('/', {isPattern: true});
		const replacement = this.#readArgument('}', {isPattern: true});
		const value = this.#value(name);
		if (value === undefined && this.#options.keepsUnset) {
			return `\${${name}/${pattern}/${replacement}}`;
		}

		const result = replacePattern(value ?? '', pattern, {replacement, all: isAll, budget: this.#options.budget});
		this.#options.budget.spend(result.length);
		return result;
	}

	#readArgument(stop: string, {isPattern}: {readonly isPattern: boolean}): string {
		const isOuter = this.#keepsEscapes;
		this.#keepsEscapes = isPattern;
		try {
			return this.#readUntil(stop, undefined);
		} catch (error) {
			throw error instanceof SubstitutionProblem && this.#peek() === '' ? missing(stop) : error;
		} finally {
			this.#keepsEscapes = isOuter;
		}
	}

	/** A name, a number, or one of the shell's special parameters. */
	#readName(): string {
		return this.#match(/\p{Decimal_Number}+|[!#$*\-?@]|[\p{Letter}_][\p{Decimal_Number}\p{Letter}_]*/vy);
	}

	/** Passes what a sticky expression matches here; nothing when it does not match. */
	#match(expression: RegExp): string {
		expression.lastIndex = this.#position;
		const text = expression.exec(this.#source)?.[0] ?? '';
		this.#position += text.length;
		return text;
	}

	#value(name: string): string | undefined {
		const value = this.#variables.get(name);
		const names = value === undefined ? this.#unset : this.#set;
		names.add(name);

		this.#options.budget.spend(value?.length ?? 0);
		return value;
	}

	#unsetText(written: string): string {
		return this.#options.keepsUnset ? written : '';
	}

	/** The character at the position; empty at the end. */
	#peek(): string {
		const code = this.#source.codePointAt(this.#position);
		return code === undefined ? '' : String.fromCodePoint(code);
	}

	#next(): string {
		const character = this.#peek();
		this.#position += character.length;
		return character;
	}

	/** Reads the whole word; its parts go into `words`, split at white space outside of quotes. */
	run(words?: WordList): Expansion {
		this.#options.budget.spend(this.#source.length);
		return {text: this.#readUntil(undefined, words), unset: this.#unset, set: this.#set};
	}
}

function missing(character: string): SubstitutionProblem {
	return new SubstitutionProblem(`syntax error: missing '${character}'${character === '/' ? ' in ${}' : ''}`);
}
