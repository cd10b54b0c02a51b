import {existsSync} from 'node:fs';
import {suggest} from '../kernel/suggestion.ts';
import {UsageError} from './usage-error.ts';

const commandNames = ['build', 'doctor', 'du', 'help', 'images', 'inspect', 'load', 'login', 'logout', 'prune', 'pull', 'push', 'rmi', 'save', 'store', 'tag', 'version'] as const;
export type CommandName = (typeof commandNames)[number];

/** What a command line asks for. */
export type ChosenCommand = {
	readonly name: CommandName;
	/** The arguments of the command. */
	readonly rest: readonly string[];
	/** The directory of the store, of a flag in front of the command; the command's own flag wins. */
	readonly root?: string;
};

/**
Finds the command that the arguments name; without a name it is `build`.

Flags in front of the name are for every command: `--root`, and those of buildx, `--debug` and `--builder`.

@throws {UsageError} for a name that looks mistyped; for a help topic that there is not
*/
export function chooseCommand(args: readonly string[]): ChosenCommand {
	const {flags, root, others} = splitGlobalFlags(args);
	if (flags.length === 0 || others.length === 0) {
		return chooseNamed(args);
	}

	const {name, rest} = chooseNamed(others);
	// The other flags say something to a build only.
	return {name, rest: name === 'build' ? [...flags, ...rest] : rest, ...(root !== undefined && {root})};
}

type GlobalFlags = {readonly flags: readonly string[]; readonly root: string | undefined; readonly others: readonly string[]};

function splitGlobalFlags(args: readonly string[]): GlobalFlags {
	let length = 0;
	let root: string | undefined;
	for (;;) {
		const {flag, value} = /^(?<flag>-D|--debug|--builder|--root)(?:=(?<value>.*))?$/sv.exec(args[length] ?? '')?.groups ?? {};
		if (flag === undefined) {
			return {flags: args.slice(0, length), root, others: args.slice(length)};
		}

		const isFollowed = value === undefined && (flag === '--builder' || flag === '--root');
		root = flag === '--root' ? value ?? args[length + 1] : root;
		length += isFollowed ? 2 : 1;
	}
}

function chooseNamed(args: readonly string[]): ChosenCommand {
	const [first = '--help', ...rest] = args;
	if (first === 'b') {
		return {name: 'build', rest};
	}

	if (first === 'help') {
		return chooseHelp(rest);
	}

	if (isCommandName(first)) {
		return {name: first, rest};
	}

	if (args.length === 0 || (args.length === 1 && (first === '--help' || first === '-h'))) {
		return {name: 'help', rest: []};
	}

	if (first === '--version') {
		return {name: 'version', rest: []};
	}

	rejectMistypedCommand(first, args);
	return {name: 'build', rest: args};
}

function chooseHelp([name = 'help', ...rest]: readonly string[]): ChosenCommand {
	if (!isCommandName(name) || rest.length > 0) {
		throw new UsageError(`unknown help topic: ${JSON.stringify([name, ...rest].join(' '))}`, {hint: 'See \'tsbuild --help\' for the commands.'});
	}

	return {name, rest: name === 'help' ? [] : ['--help']};
}

/** `tsbuild biuld .` is no build of the directory `biuld`. */
function rejectMistypedCommand(first: string, args: readonly string[]): void {
	// A short word alone is more likely a directory that is not there.
	const isLikeACommand = /^[a-z]+$/v.test(first) && (args.length > 1 || first.length > 3);
	const suggestion = isLikeACommand && !existsSync(first) ? suggest(first, commandNames) : undefined;
	if (suggestion !== undefined) {
		throw new UsageError(`unknown command: ${JSON.stringify(first)}`, {hint: `Did you mean ${suggestion}?`});
	}
}

function isCommandName(text: string): text is CommandName {
	return (commandNames as readonly string[]).includes(text);
}
