import {createReadStream} from 'node:fs';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {hostPlatform, parsePlatform} from '../kernel/platform.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import {loadImages, type LoadedImage} from '../image-archive/load-images.ts';
import type {Command, CommandContext} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {checkArgumentCount} from './positional.ts';
import {readInput} from './read-input.ts';

const loadFlags = {
	help: {type: 'boolean', shorthand: 'h', description: 'help for load'},
	input: {
		type: 'string', shorthand: 'i', valueName: 'string', description: 'Read from a file, instead of standard input',
	},
	platform: {type: 'string', valueName: 'string', description: 'The platform to take of an image for several (default: that of this machine)'},
	quiet: {type: 'boolean', shorthand: 'q', description: 'Only print errors'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const loadDescription: CommandDescription = {
	summary: `Load images from an archive

The archive is one of 'docker save' or 'tsbuild save', or an OCI archive; it may be
compressed with gzip or zstd.`,
	usage: 'tsbuild load [OPTIONS]',
	flags: loadFlags,
};

/** `tsbuild load`: takes the images of an archive into the local store, with docker's messages. */
export const loadCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, loadFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(loadDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 0, usage: loadDescription.usage});
	const platform = flags.platform === undefined ? hostPlatform() : parsePlatform(flags.platform);
	await using store = await openNamedStore(flags, context);
	const images = await loadImages(readArchive(flags.input, context), {store, platform, signal: context.signal});
	store.sync();
	if (!flags.quiet) {
		context.writeOutput(images.map(image => describe(image)).join(''));
	}

	return 0;
};

const openFailures: Readonly<Record<string, string>> = {
	EACCES: 'permission denied',
	EISDIR: 'is a directory',
	ENOENT: 'no such file or directory',
};

async function * readArchive(file: string | undefined, context: CommandContext): AsyncGenerator<Uint8Array> {
	const {signal} = context;
	if (file === undefined || file === '-') {
		yield * readInput(context);
		return;
	}

	try {
		yield * createReadStream(file, {signal}) as AsyncIterable<Uint8Array>;
	} catch (error) {
		signal.throwIfAborted();
		const reason = openFailures[errorCode(error) ?? ''] ?? errorMessage(error);
		throw new TsbuildError('ERR_TSBUILD_IMAGE_ARCHIVE', `open ${file}: ${reason}`, {cause: error});
	}
}

function describe({names, configDigest}: LoadedImage): string {
	return names.length === 0
		? `Loaded image ID: ${configDigest}\n`
		: names.map(name => `Loaded image: ${familiarReference(parseReference(name))}\n`).join('');
}
