import {listEverything} from '../../snapshotter/whole-usage.ts';
import {listUsage, measureSnapshots, type UsageRecord} from '../../snapshotter/usage.ts';
import type {Command} from './command.ts';
import {formatWithTemplate, parseFieldTemplate, type FieldTemplate} from './field-template.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {formatJsonLines, readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';
import {timeoutFlag} from './timeout-flag.ts';
import {UsageError} from './usage-error.ts';
import {readUsageFilter} from './usage-filter.ts';
import {
	formatUsageDetails,
	formatUsageSums,
	formatUsageTable,
	usageJson,
} from './usage-view.ts';

const duFlags = {
	all: {type: 'boolean', shorthand: 'a', description: 'Also images, and what the store needs for itself: all that is in its directory'},
	filter: {type: 'list', valueName: 'filter', description: 'Provide filter values (e.g., "until=24h", "id=12", "shared")'},
	format: {type: 'string', valueName: 'string', description: 'Format the output ("table", "pretty", "json", "{{.ID}} {{.Size}}") (default "table")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for du'},
	root: rootFlag,
	timeout: timeoutFlag,
	verbose: {type: 'boolean', description: 'Shorthand for "--format=pretty"'},
} as const satisfies FlagDefinitions;

export const duDescription: CommandDescription = {
	summary: `Disk usage of the build cache

What images need is not counted unless --all is given; see 'tsbuild images'. A size
marked by * is that of cache which is part of an image as well: the image is kept
whole without it.`,
	usage: 'tsbuild du [OPTIONS]',
	flags: duFlags,
};

/** `tsbuild du`: what is kept for later builds, the smallest first. */
export const duCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, duFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(duDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 0, usage: duDescription.usage});
	const format = readDuFormat(flags);
	const matches = readUsageFilter(flags.filter, Date.now());
	await using store = await openNamedStore(flags, context);
	await measureSnapshots(store, context);
	const records = store.metadata.transaction(() => (flags.all ? listEverything(store) : listUsage(store))).filter(record => matches(record));
	context.writeOutput(formatRecords(bySize(records), format, {hasSums: flags.filter.length === 0}));
	return 0;
};

type Format = 'table' | 'pretty' | 'json' | FieldTemplate;

function readDuFormat({format, verbose = false}: {readonly format: string | undefined; readonly verbose: boolean | undefined}): Format {
	if (verbose && format !== undefined) {
		throw new UsageError('--format and --verbose cannot be used together');
	}

	return verbose ? 'pretty' : parseFieldTemplate(format) ?? readFormat(format, ['table', 'pretty', 'json']);
}

function bySize(records: readonly UsageRecord[]): readonly UsageRecord[] {
	return records.toSorted((left, right) => left.size - right.size);
}

/** The sums are those of all, so there are none of what a filter chose. */
function formatRecords(records: readonly UsageRecord[], format: Format, {hasSums}: {readonly hasSums: boolean}): string {
	const now = Date.now();
	const sums = hasSums ? formatUsageSums(records) : '';
	switch (format) {
		case 'table': {
			return formatUsageTable(records, now) + sums;
		}

		case 'pretty': {
			return formatUsageDetails(records, now) + sums;
		}

		case 'json': {
			return formatJsonLines(records.map(record => usageJson(record, now)));
		}

		default: {
			return formatWithTemplate(format, records.map(record => usageJson(record, now)));
		}
	}
}
