import type {ProgressMode} from '../progress/open-display.ts';
import type {CommandContext} from './command.ts';
import {UsageError} from './usage-error.ts';

const progressModes = ['auto', 'none', 'plain', 'quiet', 'rawjson', 'tty'] as const;

type ProgressFlags = {readonly progress: string | undefined; readonly quiet: boolean | undefined};

/**
How the progress is shown: `--progress`, else `$BUILDKIT_PROGRESS`; `-q` is `quiet`; `auto` is `tty` on a terminal that can move its cursor, else `plain`.

@throws {UsageError} for an unknown mode, for `tty` without a terminal, for `-q` with another mode
*/
export function readProgressMode(flags: ProgressFlags, {environment, isTerminal}: Pick<CommandContext, 'environment' | 'isTerminal'>): ProgressMode {
	const text = flags.progress ?? environment.BUILDKIT_PROGRESS ?? 'auto';
	const mode = progressModes.find(candidate => candidate === text);
	if (mode === undefined) {
		throw new UsageError(`invalid progress mode ${text}`, {hint: `The modes are ${progressModes.join(', ')}.`});
	}

	if (flags.quiet) {
		if (mode !== 'auto' && mode !== 'quiet' && flags.progress !== undefined) {
			throw new UsageError(`progress=${mode} and quiet cannot be used together`);
		}

		return 'quiet';
	}

	if (mode === 'tty' && !isTerminal) {
		throw new UsageError('failed to get console: provided file is not a console', {hint: 'Use --progress plain where the standard error is no terminal.'});
	}

	if (mode === 'auto') {
		return isTerminal && environment.TERM !== 'dumb' ? 'tty' : 'plain';
	}

	return mode;
}
