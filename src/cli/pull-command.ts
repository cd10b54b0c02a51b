import {isCompatible} from '../image-resolver/choose-platform.ts';
import {formatPlatform, hostPlatform, parsePlatform} from '../kernel/platform.ts';
import {
	familiarReference,
	formatReference,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import {openDisplay} from '../progress/open-display.ts';
import {pullImage, type PulledImage} from '../pull-image.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {checkArgumentCount} from './positional.ts';
import {readProgressMode} from './progress-mode.ts';
import {RegistryAccess, registryFlags} from './registry-access.ts';
import {RequestError} from './usage-error.ts';

const pullFlags = {
	help: {type: 'boolean', shorthand: 'h', description: 'help for pull'},
	...registryFlags,
	platform: {type: 'string', valueName: 'string', description: 'The platform to take of an image for several (default: that of this machine)'},
	progress: {type: 'string', valueName: 'string', description: 'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty") (default "auto")'},
	quiet: {type: 'boolean', shorthand: 'q', description: 'Only print the name of the image'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const pullDescription: CommandDescription = {
	summary: `Download an image

The image is in the local store afterwards, and a FROM of its name takes it from
there, until the next pull or a build with --pull.`,
	usage: 'tsbuild pull [OPTIONS] NAME[:TAG|@DIGEST]',
	flags: pullFlags,
};

/** `tsbuild pull`: gives the local store an image of a registry. The words on standard output are those of docker. */
export const pullCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, pullFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(pullDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 1, maximum: 1, usage: pullDescription.usage});
	const mode = readProgressMode(flags, context);
	const reference = readReference(positional[0]!);
	const platform = flags.platform === undefined ? hostPlatform() : parsePlatform(flags.platform);
	await using store = await openNamedStore(flags, context);
	using display = await openDisplay(mode, context);
	await using registry = new RegistryAccess({
		environment: context.environment,
		insecureRegistries: flags['insecure-registry'],
		warn(line) {
			display.message(`WARNING: ${line}\n`);
		},
		mode,
		progress: display.update,
	});
	let pulled: PulledImage;
	try {
		pulled = await pullImage(reference, {
			store, client: await registry.open(), platform, progress: display.update, signal: context.signal,
		});
		if (!isCompatible(pulled.platform, platform)) {
			const [wanted, actual] = [platform, pulled.platform].map(one => formatPlatform(one));
			display.message(`WARNING: image with reference ${familiarReference(reference)} was found but does not match the specified platform: wanted ${wanted}, actual: ${actual}\n`);
		}
	} finally {
		display.finish();
	}

	context.writeOutput(describe(reference, pulled, {isQuiet: flags.quiet ?? false}));
	return 0;
};

/** The name of no image cannot be one. */
function readReference(text: string): Reference {
	const reference = parseReference(text);
	if (familiarReference(reference).startsWith('scratch:')) {
		throw new RequestError('\'scratch\' is a reserved name', {hint: 'FROM scratch begins with nothing: there is no such image.'});
	}

	return reference;
}

function describe(reference: Reference, {digest, isNew}: PulledImage, {isQuiet}: {readonly isQuiet: boolean}): string {
	const name = `${formatReference(reference)}\n`;
	const status = isNew ? 'Downloaded newer image for' : 'Image is up to date for';
	return isQuiet ? name : `Digest: ${digest}\nStatus: ${status} ${familiarReference(reference)}\n${name}`;
}
