import type {Environment} from './command.ts';
import {UsageError} from './usage-error.ts';

const progressModes = ['auto', 'none', 'plain', 'quiet'] as const;

export type ProgressMode = Exclude<(typeof progressModes)[number], 'auto'>;

/**
How the progress is shown: `--progress`, else `$BUILDKIT_PROGRESS`; `-q` is `quiet`.
*/
export function readProgressMode(flags: {readonly progress: string | undefined; readonly quiet: boolean | undefined}, {environment}: {readonly environment: Environment}): ProgressMode {
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

	return mode === 'auto' ? 'plain' : mode;
}
