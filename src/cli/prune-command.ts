import {ImageStore} from '../exporter/image-store.ts';
import {prune} from '../../snapshotter/prune.ts';
import type {SpaceLimits} from '../../snapshotter/space-limits.ts';
import type {UsageRecord} from '../../snapshotter/usage.ts';
import type {Command, CommandContext} from './command.ts';
import {confirm} from './confirm.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {formatJsonLines, readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';
import {readSpaceLimits} from './space-flags.ts';
import {timeoutFlag} from './timeout-flag.ts';
import {readKeepDuration, readUsageFilter, type UsageFilter} from './usage-filter.ts';
import {
	formatPrunedDetails,
	formatPrunedSum,
	formatPrunedTable,
	usageJson,
} from './usage-view.ts';

const pruneFlags = {
	all: {type: 'boolean', shorthand: 'a', description: 'Also the cache that is part of an image; the image is kept whole'},
	filter: {type: 'list', valueName: 'filter', description: 'Provide filter values (e.g., "until=24h", "id=12", "type=regular")'},
	force: {type: 'boolean', shorthand: 'f', description: 'Do not prompt for confirmation'},
	format: {type: 'string', valueName: 'string', description: 'Format the output ("table", "json") (default "table")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for prune'},
	'keep-duration': {type: 'string', valueName: 'duration', description: 'Keep what was used since (e.g., "24h"); as "--filter until=24h"'},
	'keep-storage': {
		type: 'string', valueName: 'bytes', description: 'The former name of --reserved-space', hidden: true,
	},
	'max-used-space': {type: 'string', valueName: 'bytes', description: 'Maximum amount of disk space allowed to keep for cache'},
	'min-free-space': {type: 'string', valueName: 'bytes', description: 'Target amount of free disk space after pruning'},
	'reserved-space': {type: 'string', valueName: 'bytes', description: 'Amount of disk space always allowed to keep for cache'},
	root: rootFlag,
	timeout: timeoutFlag,
	verbose: {type: 'boolean', description: 'Provide a more verbose output'},
} as const satisfies FlagDefinitions;

export const pruneDescription: CommandDescription = {
	summary: `Remove build cache

Images are kept, and so is what a running build uses.`,
	usage: 'tsbuild prune [OPTIONS]',
	flags: pruneFlags,
};

/** `tsbuild prune`: removes what is kept for later builds, and tells what it was. */
export const pruneCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, pruneFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(pruneDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 0, usage: pruneDescription.usage});
	const canRemoveShared = flags.all ?? false;
	const format = readFormat(flags.format, ['table', 'json']);
	const isChosen = readUsageFilter(flags.filter, Date.now());
	const isUnused = readKeepDuration(flags['keep-duration'], Date.now());
	const matches: UsageFilter = record => isChosen(record) && isUnused(record);
	const limits = readSpaceLimits(flags, context.writeError);
	if (!flags.force && !await confirm(`WARNING! This will remove all ${canRemoveShared ? '' : 'dangling '}build cache. Are you sure you want to continue?`, context)) {
		return 0;
	}

	const removed = await pruneStore({
		canRemoveShared, matches, limits, root: flags.root,
	}, context);
	context.writeOutput(format === 'json' ? formatJsonLines(removed.map(record => usageJson(record, Date.now()))) : formatRemoved(removed, flags.verbose ?? false));
	return 0;
};

type PruneRequest = {
	readonly canRemoveShared: boolean;
	readonly matches: UsageFilter;
	readonly limits: SpaceLimits;
	readonly root: string | undefined;
};

async function pruneStore({root, ...options}: PruneRequest, context: CommandContext): Promise<readonly UsageRecord[]> {
	const {signal} = context;
	await using store = await openNamedStore({root}, context);
	const removed = await prune(store, {...options, signal});
	// An image that was named when its process was killed is not in the index yet.
	await new ImageStore(store).updateIndex({signal});
	return removed;
}

function formatRemoved(removed: readonly UsageRecord[], isVerbose: boolean): string {
	const now = Date.now();
	const list = isVerbose ? formatPrunedDetails(removed, now) : formatPrunedTable(removed, now);
	return `${removed.length === 0 ? '' : list}${formatPrunedSum(removed)}`;
}
