import {checkStore, type CheckReport} from '../store-check/check-store.ts';
import {localStoreDirectory} from '../local-store.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {rootFlag} from './open-store.ts';
import {readFormat} from './output-format.ts';
import {formatCheckReport, checkReportJson} from './store-report.ts';
import {UsageError} from './usage-error.ts';

const storeFlags = {
	format: {type: 'string', valueName: 'string', description: 'Format the output ("text", "json") (default "text")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for store'},
	repair: {type: 'boolean', description: 'Take out what is damaged, so that the next build makes it again'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const storeDescription: CommandDescription = {
	summary: `Check the local store

Reads every blob, snapshot, cache record, lease and image, and tells what is wrong.
Builds may run meanwhile. The exit code is 1 when something is wrong, with --repair
when something stays wrong.`,
	usage: 'tsbuild store check [OPTIONS]',
	flags: storeFlags,
};

/** `tsbuild store check`: proves that the local store is whole, or makes it so. */
export const storeCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, storeFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(storeDescription));
		return 0;
	}

	if (positional.length !== 1 || positional[0] !== 'check') {
		throw new UsageError(positional.length === 0 ? '\'tsbuild store\' requires a command' : `unknown command: "store ${positional.join(' ')}"`, {hint: 'Its only command is: tsbuild store check'});
	}

	const format = readFormat(flags.format, ['text', 'json']);
	const report = await checkStore(localStoreDirectory(flags.root, context.environment), {shouldRepair: flags.repair ?? false, signal: context.signal});
	context.writeOutput(format === 'json' ? `${JSON.stringify(checkReportJson(report))}\n` : formatCheckReport(report));
	return isWhole(report) ? 0 : 1;
};

function isWhole({problems}: CheckReport): boolean {
	return problems.every(({outcome}) => outcome?.isRepaired === true);
}
