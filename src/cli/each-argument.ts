import {TsbuildError} from '../kernel/errors.ts';
import type {CommandContext} from './command.ts';
import {formatError} from './error-report.ts';

/**
Does something for each argument, one after the other. A failure is told at once, and the others still go.

@returns the exit code of the command
*/
export async function forEachArgument(args: readonly string[], action: (argument: string) => Promise<void>, {writeError}: CommandContext): Promise<number> {
	let exitCode = 0;
	for (const argument of args) {
		try {
			await action(argument);
		} catch (error) {
			if (!(error instanceof TsbuildError)) {
				throw error;
			}

			writeError(formatError(error, {isBuild: false}));
			exitCode = 1;
		}
	}

	return exitCode;
}
