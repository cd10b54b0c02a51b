import {checkStore, type CheckReport} from '../store-check/check-store.ts';
import {localStoreDirectory} from '../local-store.ts';
import type {Command, CommandContext} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {formatJsonLines, readFormat} from './output-format.ts';
import {formatPrunedSum, formatPrunedTable, usageJson} from './usage-view.ts';
import {formatCheckReport, checkReportJson} from './store-report.ts';
import {UsageError} from './usage-error.ts';

const commonFlags = {
	format: {type: 'string', valueName: 'string', description: 'Format the output ("text", "json") (default "text")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for store'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

const checkFlags = {
	...commonFlags,
	repair: {type: 'boolean', description: 'Take out what is damaged, so that the next build makes it again'},
} as const satisfies FlagDefinitions;

export const storeCheckDescription: CommandDescription = {
	summary: `Check the local store

Reads every blob, snapshot, cache record, lease and image, and tells what is wrong.
Builds may run meanwhile. The exit code is 1 when something is wrong, with --repair
when something stays wrong.`,
	usage: 'tsbuild store check [OPTIONS]',
	flags: checkFlags,
};

export const storeGcDescription: CommandDescription = {
	summary: `Remove what exceeds the limits of the local store

It happens after builds by itself, at most every ten minutes. Images are kept, and
so is what a running build uses.`,
	usage: 'tsbuild store gc [OPTIONS]',
	flags: commonFlags,
};

const help = `Look after the local store

Usage:
  tsbuild store [command]

Available Commands:
  check       Check that it is whole
  gc          Remove what exceeds its limits

Use "tsbuild store [command] --help" for more information about a command.
`;

/** `tsbuild store check` and `tsbuild store gc`. */
export const storeCommand: Command = async (args, context) => {
	const [name, ...rest] = args;
	switch (name) {
		case 'check': {
			return checkCommand(rest, context);
		}

		case 'gc': {
			return gcCommand(rest, context);
		}

		case undefined:
		case '--help':
		case '-h': {
			context.writeOutput(help);
			return 0;
		}

		default: {
			throw new UsageError(`unknown command: ${JSON.stringify(`store ${name}`)}`, {hint: 'See \'tsbuild store --help\' for the commands.'});
		}
	}
};

/** Proves that the local store is whole, or makes it so. */
async function checkCommand(args: readonly string[], context: CommandContext): Promise<number> {
	const {flags, positional} = parseFlags(args, checkFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(storeCheckDescription));
		return 0;
	}

	refuseArguments(positional, 'check');
	const format = readFormat(flags.format, ['text', 'json']);
	const report = await checkStore(localStoreDirectory(flags.root, context.environment), {shouldRepair: flags.repair ?? false, signal: context.signal});
	context.writeOutput(format === 'json' ? `${JSON.stringify(checkReportJson(report))}\n` : formatCheckReport(report));
	return isWhole(report) ? 0 : 1;
}

function isWhole({problems}: CheckReport): boolean {
	return problems.every(({outcome}) => outcome?.isRepaired === true);
}

/** Collects garbage by the rules and the limits, unless another process is at it. */
async function gcCommand(args: readonly string[], context: CommandContext): Promise<number> {
	const {flags, positional} = parseFlags(args, commonFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(storeGcDescription));
		return 0;
	}

	refuseArguments(positional, 'gc');
	const format = readFormat(flags.format, ['text', 'json']);
	const [{collectGarbage}, {takeCollectionTurn}, {defaultRules}, {readLimits}] = await Promise.all([
		import('../garbage/collect-garbage.ts'), import('../garbage/collection-turn.ts'), import('../garbage/gc-policy.ts'), import('../garbage/gc-settings.ts'),
	]);
	await using store = await openNamedStore(flags, context);
	using turn = takeCollectionTurn(store.root);
	const rules = defaultRules(readLimits(store.root, context.environment));
	const removed = turn === undefined ? [] : await collectGarbage(store, rules, context);
	const now = Date.now();
	context.writeOutput(format === 'json'
		? formatJsonLines(removed.map(record => usageJson(record, now)))
		: `${removed.length === 0 ? '' : formatPrunedTable(removed, now)}${formatPrunedSum(removed)}`);
	return 0;
}

function refuseArguments(positional: readonly string[], name: string): void {
	if (positional.length > 0) {
		throw new UsageError(`'tsbuild store ${name}' accepts no arguments`, {hint: `\nUsage:  tsbuild store ${name} [OPTIONS]\n\nRun 'tsbuild store ${name} --help' for more information`});
	}
}
