import {suggestion} from '../../src/kernel/suggestion.ts';
import {DockerfileError} from './errors.ts';
import {isWhitespace, trimWhitespace} from './whitespace.ts';

/** What a flag of an instruction takes: `--link[=true|false]`, `--from=x`, or `--exclude=x` as often as wanted. */
export type FlagKind = 'boolean' | 'string' | 'strings';

/** The flags that an instruction knows, without the dashes. */
export type FlagKinds = Readonly<Record<string, FlagKind>>;

/** The values of the flags that were given. */
export type Flags<Kinds extends FlagKinds> = {
	readonly [Name in keyof Kinds]?: Kinds[Name] extends 'boolean' ? boolean : Kinds[Name] extends 'string' ? string : readonly string[];
};

/**
Cuts the words that start with `--` off the start of an instruction's arguments. Quotes and backslashes of a flag are resolved; the word `--` ends the flags.
*/
export function splitFlags(text: string): {readonly flags: readonly string[]; readonly rest: string} {
	const flags: string[] = [];
	let position = 0;
	for (;;) {
		position = skipWhitespace(text, position);
		if (!text.startsWith('--', position)) {
			return {flags, rest: trimWhitespace(text.slice(position))};
		}

		const word = readFlag(text, position);
		position = word.end;
		if (word.value === '--') {
			return {flags, rest: trimWhitespace(text.slice(position))};
		}

		flags.push(word.value);
	}
}

/**
Reads the flags of an instruction that knows those of `kinds`.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for a flag that is unknown, comes twice, lacks its value, or has one that is no boolean
*/
export function readFlags<const Kinds extends FlagKinds>(flags: readonly string[], kinds: Kinds): Flags<Kinds> {
	const values = new Map<string, boolean | string | string[]>();
	for (const flag of flags) {
		const separator = flag.indexOf('=');
		const name = separator === -1 ? flag.slice(2) : flag.slice(2, separator);
		const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
		if (kind === undefined) {
			throw syntaxError(`unknown flag: --${name}${suggestion(name, Object.keys(kinds))}`);
		}

		const previous = values.get(name);
		if (previous !== undefined && kind !== 'strings') {
			throw syntaxError(`duplicate flag specified: --${name}`);
		}

		const value = separator === -1 ? undefined : flag.slice(separator + 1);
		values.set(name, readValue({
			name, kind, value, previous,
		}));
	}

	return Object.fromEntries(values) as Flags<Kinds>;
}

type GivenFlag = {readonly name: string; readonly kind: FlagKind; readonly value: string | undefined; readonly previous: unknown};

/** The flag's value; one more in the list of a flag that may come several times. */
function readValue({name, kind, value, previous}: GivenFlag): boolean | string | string[] {
	if (kind === 'boolean' && value === undefined) {
		return true;
	}

	if (value === undefined || (kind === 'boolean' && value === '')) {
		throw syntaxError(`missing a value on flag: --${name}`);
	}

	switch (kind) {
		case 'boolean': {
			return readBoolean(name, value);
		}

		case 'string': {
			return value;
		}

		case 'strings': {
			const list = (previous as string[] | undefined) ?? [];
			list.push(value);
			return list;
		}
	}
}

function readBoolean(name: string, value: string): boolean {
	const lowerCase = value.toLowerCase();
	if (lowerCase !== 'true' && lowerCase !== 'false') {
		throw syntaxError(`expecting boolean value for flag --${name}, not: ${value}`);
	}

	return lowerCase === 'true';
}

function syntaxError(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', message);
}

function skipWhitespace(text: string, start: number): number {
	let position = start;
	while (position < text.length && isWhitespace(text[position]!)) {
		position++;
	}

	return position;
}

function readFlag(text: string, start: number): {readonly value: string; readonly end: number} {
	let value = '';
	let quote: string | undefined;
	let position = start;
	while (position < text.length) {
		const character = text[position]!;
		if (quote === undefined && isWhitespace(character)) {
			break;
		}

		if (character === '\\') {
			value += text[position + 1] ?? '';
			position += 2;
			continue;
		}

		if (character === quote) {
			quote = undefined;
		} else if (quote === undefined && (character === '"' || character === '\'')) {
			quote = character;
		} else {
			value += character;
		}

		position++;
	}

	return {value, end: position};
}
