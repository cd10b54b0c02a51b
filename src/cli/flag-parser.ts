import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {suggest} from '../kernel/suggestion.ts';
import {UsageError} from './usage-error.ts';

/**
The grammar of Go's pflag, which `docker` and `buildx` use: `--flag value`, `--flag=value`, `-f value`, `-fvalue`, `-f=value`, short flags in one word (`-qt name`), booleans without a value or with one behind `=`, flags between positional arguments, `--` before arguments that start with a dash.

@see https://pkg.go.dev/github.com/spf13/pflag#hdr-Command_line_flag_syntax
*/

export type FlagDefinition = {
	/** Boolean flags take no separate value; `list` flags may be repeated; of other flags the last wins. */
	readonly type: 'boolean' | 'string' | 'list';
	readonly shorthand?: string;
	/** What the flag means alone: only `--flag=value` gives it another value. */
	readonly valueAlone?: string;
	/** The kind of value in the help, such as `stringArray`. */
	readonly valueName?: string;
	readonly description: string;
	/** Left out of the help. */
	readonly hidden?: boolean;
	/** A flag of buildx that is refused, in words that tell it from a mistyped one. */
	readonly isMissing?: boolean;
};

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

type FlagValue<Definition extends FlagDefinition> =
	Definition['type'] extends 'boolean' ? boolean | undefined
		: Definition['type'] extends 'list' ? readonly string[]
			: string | undefined;

export type ParsedFlags<Definitions extends FlagDefinitions> = {
	readonly flags: {readonly [Name in keyof Definitions]: FlagValue<Definitions[Name]>};
	readonly positional: readonly string[];
};

type Occurrence = {readonly name: string; readonly value: string};

/**
Reads a command's arguments.

@throws {UsageError} for an unknown flag (with a suggestion) or a missing one, a missing value, a value that is no boolean
*/
export function parseFlags<const Definitions extends FlagDefinitions>(args: readonly string[], definitions: Definitions): ParsedFlags<Definitions> {
	const positional: string[] = [];
	const occurrences: Occurrence[] = [];
	const rest = [...args];
	while (rest.length > 0) {
		const argument = rest.shift()!;
		if (argument === '--') {
			positional.push(...rest.splice(0));
		} else if (argument.startsWith('--')) {
			occurrences.push(readLongFlag(argument, rest, definitions));
		} else if (argument !== '-' && argument.startsWith('-')) {
			occurrences.push(...readShortFlags(argument, rest, definitions));
		} else {
			positional.push(argument);
		}
	}

	return {flags: collectValues(occurrences, definitions) as ParsedFlags<Definitions>['flags'], positional};
}

function readLongFlag(argument: string, rest: string[], definitions: FlagDefinitions): Occurrence {
	const equals = argument.indexOf('=');
	const name = argument.slice(2, equals === -1 ? undefined : equals);
	if (name === '' || name.startsWith('-')) {
		throw new UsageError(`bad flag syntax: ${argument}`);
	}

	const definition = Object.hasOwn(definitions, name) ? definitions[name]! : undefined;
	if (definition === undefined) {
		throw unknownFlag(`unknown flag: --${name}`, name, definitions);
	}

	if (definition.isMissing === true) {
		throw new UsageError(`--${name} is not supported yet`);
	}

	if (equals !== -1) {
		return {name, value: argument.slice(equals + 1)};
	}

	const valueAlone = definition.type === 'boolean' ? 'true' : definition.valueAlone;
	if (valueAlone !== undefined) {
		return {name, value: valueAlone};
	}

	const value = rest.shift();
	if (value === undefined) {
		throw new UsageError(`flag needs an argument: --${name}`);
	}

	return {name, value};
}

/** The flags of a word such as `-qt`: booleans, then at most one that takes the rest of the word, or the next word, as its value. */
function readShortFlags(argument: string, rest: string[], definitions: FlagDefinitions): readonly Occurrence[] {
	const occurrences: Occurrence[] = [];
	let letters = argument.slice(1);
	while (letters !== '') {
		const letter = letters[0]!;
		const following = letters.slice(1);
		const [name, definition] = Object.entries(definitions).find(([, {shorthand}]) => shorthand === letter) ?? [];
		if (name === undefined || definition === undefined) {
			throw unknownFlag(`unknown shorthand flag: '${letter}' in ${argument}`, letter, definitions);
		}

		const isTakesRest = definition.type !== 'boolean' || /^=./v.test(following);
		occurrences.push({name, value: isTakesRest ? readShortValue({letter, following, argument}, rest) : 'true'});
		letters = isTakesRest ? '' : following;
	}

	return occurrences;
}

function readShortValue({letter, following, argument}: {readonly letter: string; readonly following: string; readonly argument: string}, rest: string[]): string {
	if (/^=./v.test(following)) {
		return following.slice(1);
	}

	const value = following === '' ? rest.shift() : following;
	if (value === undefined) {
		throw new UsageError(`flag needs an argument: '${letter}' in ${argument}`);
	}

	return value;
}

function unknownFlag(message: string, name: string, definitions: FlagDefinitions): UsageError {
	const suggestion = name.length > 1 ? suggest(name, visibleNames(definitions)) : undefined;
	return new UsageError(message, suggestion === undefined ? {} : {hint: `Did you mean --${suggestion}?`});
}

function visibleNames(definitions: FlagDefinitions): readonly string[] {
	return Object.keys(definitions).filter(name => definitions[name]!.hidden !== true);
}

function collectValues(occurrences: readonly Occurrence[], definitions: FlagDefinitions) {
	return Object.fromEntries(Object.entries(definitions).map(([name, definition]) => {
		const given = occurrences.filter(occurrence => occurrence.name === name).map(({value}) => value);
		return [name, valueOf(given, name, definition)];
	}));
}

function valueOf(given: readonly string[], name: string, definition: FlagDefinition): boolean | string | readonly string[] | undefined {
	switch (definition.type) {
		case 'boolean': {
			return given.map(value => parseBoolean(value, name, definition)).at(-1);
		}

		case 'string': {
			return given.at(-1);
		}

		case 'list': {
			return given;
		}
	}
}

function parseBoolean(value: string, name: string, {shorthand}: FlagDefinition): boolean {
	const parsed = parseGoBoolean(value);
	if (parsed === undefined) {
		const flag = shorthand === undefined ? `--${name}` : `-${shorthand}, --${name}`;
		throw new UsageError(`invalid argument ${JSON.stringify(value)} for ${JSON.stringify(flag)} flag: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
	}

	return parsed;
}
