import {localStoreDirectory} from '../local-store.ts';
import {needsUserNamespace} from '../rootless/needs-user-namespace.ts';
import {chooseCommand, type CommandName} from './choose-command.ts';
import type {Command, CommandContext} from './command.ts';
import {formatError} from './error-report.ts';

/**
The exit code of a shell for what Ctrl-C ended: 128 + SIGINT.

@see https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
*/
export const interruptedExitCode = 130;

/**
Runs the command that the arguments name. Errors are printed, never thrown.

@returns the exit code: 0, 1 for any failure, 130 when the user ended it
*/
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
	let isBuild = true;
	try {
		const {name, rest, root} = chooseCommand(args);
		isBuild = name === 'build';
		const environment = root === undefined ? context.environment : {...context.environment, TSBUILD_ROOT: root};
		if (opensStore(name, rest) && needsUserNamespace()) {
			const {runInUserNamespace} = await import('../rootless/run-in-user-namespace.ts');
			return await runInUserNamespace({...environment, TSBUILD_ROOT: localStoreDirectory(undefined, environment)});
		}

		const command = await importCommand(name);
		return await command(rest, {...context, environment});
	} catch (error) {
		if (context.signal.aborted) {
			context.writeError(`ERROR: ${isBuild ? 'failed to build: failed to solve: Canceled: ' : ''}context canceled\n`);
			return interruptedExitCode;
		}

		context.writeError(formatError(error, {isBuild}));
		return 1;
	}
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
