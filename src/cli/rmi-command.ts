import {findImage, type FoundImage} from '../exporter/find-image.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {splitDigest} from '../kernel/digest.ts';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import type {Command, CommandContext} from './command.ts';
import {forEachArgument} from './each-argument.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {checkArgumentCount} from './positional.ts';

const rmiFlags = {
	force: {type: 'boolean', shorthand: 'f', description: 'Remove an image by its ID though it has several names; no error for an image that is not there'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for rmi'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const rmiDescription: CommandDescription = {
	summary: `Remove images

A name is taken from its image, and an image without a name is removed. What the
build cache needs of it stays; see 'tsbuild prune'.`,
	usage: 'tsbuild rmi [OPTIONS] IMAGE [IMAGE...]',
	flags: rmiFlags,
};

const idLength = 12;

/** `tsbuild rmi`: removes images of the local store, with docker's messages. */
export const rmiCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, rmiFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(rmiDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 1, usage: rmiDescription.usage});
	const isForced = flags.force ?? false;
	await using store = await openNamedStore(flags, context);
	const images = new ImageStore(store);
	return await forEachArgument(positional, async name => removeImage(name, {images, isForced}, context), context);
};

type Removal = {readonly images: ImageStore; readonly isForced: boolean};

async function removeImage(name: string, {images, isForced}: Removal, {writeOutput, signal}: CommandContext): Promise<void> {
	const found = find(name, {images, isForced});
	if (found === undefined) {
		return;
	}

	const {names} = found;
	if (!isForced && found.by === 'id' && names.length > 1) {
		throw severalNames(found);
	}

	if (names.length === 0) {
		await images.removeNameless(found);
		writeOutput(`Deleted: ${found.configDigest}\n`);
		return;
	}

	const gone = await images.untag(names, signal);
	writeOutput(names.map(untagged => `Untagged: ${familiarReference(parseReference(untagged))}\n`).join(''));
	writeOutput(gone.map(config => `Deleted: ${config}\n`).join(''));
}

function find(name: string, {images, isForced}: Removal): FoundImage | undefined {
	try {
		return findImage(images, name);
	} catch (error) {
		if (isForced && errorCode(error) === 'ERR_TSBUILD_IMAGE_NOT_FOUND') {
			return undefined;
		}

		throw error;
	}
}

function severalNames({names, configDigest}: FoundImage): TsbuildError {
	const references = names.map(name => familiarReference(parseReference(name)));
	const id = splitDigest(configDigest).hex.slice(0, idLength);
	return new TsbuildError('ERR_TSBUILD_IMAGE_IN_USE', `conflict: unable to delete ${id} (must be forced) - image is referenced by ${references.join(', ')}`, {
		hint: 'Remove its names one by one, or give --force.',
	});
}
