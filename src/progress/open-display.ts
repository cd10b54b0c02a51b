import process from 'node:process';
import {systemClock} from './clock.ts';
import type {DisplayOptions, ProgressDisplay} from './display.ts';
import {isColorRefused} from './no-color.ts';
import {limitLogs, readLogLimits} from './log-limit.ts';
import type {StandardError} from './standard-error.ts';

export type ProgressMode = 'none' | 'plain' | 'quiet' | 'rawjson' | 'tty';

type Environment = Readonly<Record<string, string | undefined>>;

export type OpenDisplayOptions = {
	readonly standardError: Pick<StandardError, 'write' | 'isBehind'>;
	readonly environment: Environment;
};

// With $PROGRESS_NO_TRUNC=0. https://github.com/moby/buildkit/blob/master/util/progress/progressui/printer.go
const shortNameLength = 72;

// https://docs.docker.com/build/building/variables/#buildkit_tty_log_lines
const defaultLogRows = 6;

/**
Opens the display of a mode. Each mode's code is loaded only when it is used.
*/
export async function openDisplay(mode: ProgressMode, {standardError, environment}: OpenDisplayOptions): Promise<ProgressDisplay> {
	const {write, isBehind} = standardError;
	const display = await openMode(mode, environment, {
		write, isBehind, clock: systemClock, colors: !isColorRefused(environment),
	});
	return {
		update: limitLogs(display.update, readLogLimits(environment)),
		message: display.message,
		finish: display.finish,
		warnings: display.warnings,
		[Symbol.dispose]() {
			display[Symbol.dispose]();
		},
	};
}

async function openMode(mode: ProgressMode, environment: Environment, options: DisplayOptions): Promise<ProgressDisplay> {
	switch (mode) {
		case 'plain': {
			const {PlainDisplay} = await import('./plain.ts');
			return new PlainDisplay({
				...options,
				description: 'building with "default" instance using tsbuild driver',
				...(environment.PROGRESS_NO_TRUNC === '0' && {nameLength: shortNameLength}),
			});
		}

		case 'tty': {
			return openTerminal(environment, options);
		}

		case 'rawjson': {
			const {RawJsonDisplay} = await import('./raw-json.ts');
			return new RawJsonDisplay(options);
		}

		case 'none':
		case 'quiet': {
			const {openSilentDisplay} = await import('./silent.ts');
			return openSilentDisplay();
		}
	}
}

async function openTerminal(environment: Environment, options: DisplayOptions): Promise<ProgressDisplay> {
	const [{TerminalDisplay}, {readTerminalColors}] = await Promise.all([import('./terminal.ts'), import('./terminal-colors.ts')]);
	const logRows = environment.BUILDKIT_TTY_LOG_LINES ?? '';
	return new TerminalDisplay({
		...options,
		description: 'tsbuild:default',
		terminalColors: readTerminalColors(environment),
		logRows: /^[1-9]\d{0,4}$/v.test(logRows) ? Number(logRows) : defaultLogRows,
		size: () => ({columns: process.stderr.columns, rows: process.stderr.rows}),
	});
}
