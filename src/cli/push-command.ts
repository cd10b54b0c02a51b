import {findImage} from '../exporter/find-image.ts';
import {ImageStore} from '../exporter/image-store.ts';
import type {ImageEncoding} from '../exporter/output-option.ts';
import {pushStoredImage} from '../exporter/push-stored-image.ts';
import {
	formatReference,
	hasTag,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import {openDisplay} from '../progress/open-display.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {readImageAttributes} from './output-attributes.ts';
import {checkArgumentCount} from './positional.ts';
import {readProgressMode} from './progress-mode.ts';
import {RegistryAccess, registryFlags} from './registry-access.ts';
import {UsageError} from './usage-error.ts';

const pushFlags = {
	'all-tags': {type: 'boolean', shorthand: 'a', description: 'Push all tags of an image'},
	compression: {type: 'string', valueName: 'string', description: 'Compression of layers that have none ("gzip", "zstd", "uncompressed") (default "gzip")'},
	'compression-level': {type: 'string', valueName: 'int', description: 'Level of the compression'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for push'},
	...registryFlags,
	progress: {type: 'string', valueName: 'string', description: 'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty") (default "auto")'},
	quiet: {type: 'boolean', shorthand: 'q', description: 'Only print the name of the image'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const pushDescription: CommandDescription = {
	summary: `Upload an image

The registry gets what it does not have. Layers that were built here are compressed
for it; an image that was pulled or loaded keeps its digest.`,
	usage: 'tsbuild push [OPTIONS] NAME[:TAG]',
	flags: pushFlags,
};

/** `tsbuild push`: uploads an image of the local store to the registry that its name tells. The words on standard output are those of docker. */
export const pushCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, pushFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(pushDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 1, maximum: 1, usage: pushDescription.usage});
	const mode = readProgressMode(flags, context);
	const encoding = readEncoding(flags);
	await using store = await openNamedStore(flags, context);
	const references = selectReferences(positional[0]!, {isAll: flags['all-tags'] ?? false, images: new ImageStore(store)});
	using display = await openDisplay(mode, context);
	await using registry = new RegistryAccess({
		...context,
		insecureRegistries: flags['insecure-registry'],
		warn(line) {
			display.message(`WARNING: ${line}\n`);
		},
		mode,
		progress: display.update,
	});
	const push = {
		store, client: await registry.open(), encoding, progress: display.update, signal: context.signal,
	};
	const lines: string[] = [];
	try {
		for (const reference of references) {
			const manifest = await pushStoredImage(reference, push);
			lines.push(flags.quiet ? `${formatReference(reference)}\n` : `${reference.tag}: digest: ${manifest.digest} size: ${manifest.size}\n`);
		}
	} finally {
		// Not before: on a terminal it would be drawn over.
		display.finish();
		context.writeOutput(lines.join(''));
	}

	return 0;
};

/** As the attributes of an output. */
function readEncoding(flags: {readonly compression: string | undefined; readonly 'compression-level': string | undefined}): ImageEncoding {
	const given = (['compression', 'compression-level'] as const).flatMap(name => (flags[name] === undefined ? [] : [[name, flags[name]] as const]));
	return readImageAttributes(new Map<string, string>(given), {defaultCompression: 'gzip'});
}

function selectReferences(text: string, {isAll, images}: {readonly isAll: boolean; readonly images: ImageStore}): readonly Reference[] {
	const {domain, path, tag, digest} = parseReference(text);
	if (digest !== undefined) {
		throw new UsageError('cannot push a digest reference', {hint: 'Give the image a name with \'tsbuild tag\', and push that.'});
	}

	if (!isAll) {
		return [{domain, path, ...(tag !== undefined && {tag})}];
	}

	if (hasTag(text)) {
		throw new UsageError('tag can\'t be used with --all-tags/-a');
	}

	const tagged = images.list().map(({name}) => parseReference(name)).filter(name => name.domain === domain && name.path === path && name.digest === undefined);
	// Says that there is none.
	return tagged.length === 0 ? [parseReference(findImage(images, text).names[0]!)] : tagged;
}
