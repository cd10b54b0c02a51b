import {existsSync} from 'node:fs';
import {suggest} from '../kernel/suggestion.ts';
import {localStoreDirectory} from '../local-store.ts';
import {needsUserNamespace} from '../rootless/needs-user-namespace.ts';
import type {Command, CommandContext} from './command.ts';
import {formatError} from './error-report.ts';
import {UsageError} from './usage-error.ts';

const commandNames = ['build', 'doctor', 'du', 'help', 'images', 'inspect', 'load', 'login', 'logout', 'prune', 'pull', 'push', 'rmi', 'save', 'store', 'tag', 'version'] as const;
type CommandName = (typeof commandNames)[number];

/**
The exit code of a shell for what Ctrl-C ended: 128 + SIGINT.

@see https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
*/
export const interruptedExitCode = 130;

/**
Runs the command that the arguments name; without a name it is `build`. Errors are printed, never thrown.

@returns the exit code: 0, 1 for any failure, 130 when the user ended it
*/
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
	let isBuild = true;
	try {
		const {name, rest} = chooseCommand(args);
		isBuild = name === 'build';
		if (opensStore(name, rest) && needsUserNamespace()) {
			const {runInUserNamespace} = await import('../rootless/run-in-user-namespace.ts');
			return await runInUserNamespace({...context.environment, TSBUILD_ROOT: localStoreDirectory(undefined, context.environment)});
		}

		const command = await importCommand(name);
		return await command(rest, context);
	} catch (error) {
		if (context.signal.aborted) {
			context.writeError(`ERROR: ${isBuild ? 'failed to build: failed to solve: Canceled: ' : ''}context canceled\n`);
			return interruptedExitCode;
		}

		context.writeError(formatError(error, {isBuild}));
		return 1;
	}
}

type ChosenCommand = {readonly name: CommandName; readonly rest: readonly string[]};

function chooseCommand(args: readonly string[]): ChosenCommand {
	const {globalFlags, others} = splitGlobalFlags(args);
	return globalFlags.length > 0 && isCommandWord(others[0]) ? addFlags(chooseNamed(others), globalFlags) : chooseNamed(args);
}

/** Flags that buildx takes in front of a command as well: `--debug`, and `--builder` with its value. */
function splitGlobalFlags(args: readonly string[]): {readonly globalFlags: readonly string[]; readonly others: readonly string[]} {
	let length = 0;
	while (/^(?:-D|--debug(?:=.*)?|--builder(?:=.*)?)$/v.test(args[length] ?? '')) {
		length += args[length] === '--builder' ? 2 : 1;
	}

	return {globalFlags: args.slice(0, length), others: args.slice(length)};
}

/** They say something to a build only. */
function addFlags({name, rest}: ChosenCommand, globalFlags: readonly string[]): ChosenCommand {
	return {name, rest: name === 'build' ? [...globalFlags, ...rest] : rest};
}

function isCommandWord(text: string | undefined): boolean {
	return text !== undefined && (text === 'b' || isCommandName(text));
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

const commandsWithoutStore: ReadonlySet<CommandName> = new Set(['doctor', 'help', 'login', 'logout', 'version']);

function opensStore(name: CommandName, args: readonly string[]): boolean {
	return !commandsWithoutStore.has(name) && !args.includes('--help') && !args.includes('-h');
}

async function importCommand(name: CommandName): Promise<Command> {
	switch (name) {
		case 'build': {
			const {buildCommand} = await import('./build-command.ts');
			return buildCommand;
		}

		case 'doctor': {
			const {doctorCommand} = await import('./doctor-command.ts');
			return doctorCommand;
		}

		case 'du': {
			const {duCommand} = await import('./du-command.ts');
			return duCommand;
		}

		case 'help': {
			const {helpCommand} = await import('./help.ts');
			return helpCommand;
		}

		case 'images': {
			const {imagesCommand} = await import('./images-command.ts');
			return imagesCommand;
		}

		case 'inspect': {
			const {inspectCommand} = await import('./inspect-command.ts');
			return inspectCommand;
		}

		case 'login': {
			const {loginCommand} = await import('./login-command.ts');
			return loginCommand;
		}

		case 'logout': {
			const {logoutCommand} = await import('./logout-command.ts');
			return logoutCommand;
		}

		case 'prune': {
			const {pruneCommand} = await import('./prune-command.ts');
			return pruneCommand;
		}

		case 'load': {
			const {loadCommand} = await import('./load-command.ts');
			return loadCommand;
		}

		case 'pull': {
			const {pullCommand} = await import('./pull-command.ts');
			return pullCommand;
		}

		case 'push': {
			const {pushCommand} = await import('./push-command.ts');
			return pushCommand;
		}

		case 'rmi': {
			const {rmiCommand} = await import('./rmi-command.ts');
			return rmiCommand;
		}

		case 'save': {
			const {saveCommand} = await import('./save-command.ts');
			return saveCommand;
		}

		case 'store': {
			const {storeCommand} = await import('./store-command.ts');
			return storeCommand;
		}

		case 'tag': {
			const {tagCommand} = await import('./tag-command.ts');
			return tagCommand;
		}

		case 'version': {
			const {versionCommand} = await import('./version.ts');
			return versionCommand;
		}
	}
}
