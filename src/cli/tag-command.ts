import {findImage} from '../exporter/find-image.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {checkArgumentCount} from './positional.ts';

const tagFlags = {
	help: {type: 'boolean', shorthand: 'h', description: 'help for tag'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const tagDescription: CommandDescription = {
	summary: `Give an image one more name

A name that another image had moves.`,
	usage: 'tsbuild tag [OPTIONS] SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
	flags: tagFlags,
};

/** `tsbuild tag`: gives an image of the local store one more name. */
export const tagCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, tagFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(tagDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 2, maximum: 2, usage: tagDescription.usage});
	const [source, target] = positional as [string, string];
	const name = readTarget(target);
	await using store = await openNamedStore(flags, context);
	const images = new ImageStore(store);
	await images.tag(findImage(images, source), name, context.signal);
	return 0;
};

function readTarget(text: string): string {
	const reference = parseReference(text);
	if (reference.digest !== undefined) {
		throw new TsbuildError('ERR_TSBUILD_INVALID_REFERENCE', `refusing to create a tag with a digest reference: ${text}`, {hint: 'A tag is [registry/]name[:tag].'});
	}

	return formatReference(reference);
}
