import {findImage, type FoundImage} from '../exporter/find-image.ts';
import {readImageContents} from '../exporter/image-contents.ts';
import {ImageStore, type StoredImage} from '../exporter/image-store.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {familiarReference, parseReference} from '../kernel/reference.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {Command} from './command.ts';
import {forEachArgument} from './each-argument.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';

const inspectFlags = {
	format: {
		type: 'string', shorthand: 'f', valueName: 'string', description: 'Format the output ("json") (default "json")',
	},
	help: {type: 'boolean', shorthand: 'h', description: 'help for inspect'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const inspectDescription: CommandDescription = {
	summary: 'Show details of images',
	usage: 'tsbuild inspect [OPTIONS] IMAGE [IMAGE...]',
	flags: inspectFlags,
};

// As docker does.
const indent = 4;

/** `tsbuild inspect`: what is known about images, in the form of `docker image inspect`. */
export const inspectCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, inspectFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(inspectDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 1, usage: inspectDescription.usage});
	readFormat(flags.format, ['json']);
	await using store = await openNamedStore(flags, context);
	const images = new ImageStore(store);
	const found: unknown[] = [];
	const exitCode = await forEachArgument(positional, async name => {
		found.push(await describeImage(findImage(images, name), images.list(), store.content));
	}, context);
	context.writeOutput(`${JSON.stringify(found, undefined, indent)}\n`);
	return exitCode;
};

async function describeImage(image: FoundImage, images: readonly StoredImage[], content: ContentStore): Promise<unknown> {
	const contents = await readImageContents(image, content);
	const names = images.filter(({configDigest}) => configDigest === image.configDigest).map(({name}) => parseReference(name));
	if (contents === undefined) {
		throw new TsbuildError('ERR_TSBUILD_IMAGE', `failed to read image ${image.configDigest}: its manifest or config is missing or damaged`, {hint: 'Build it again.'});
	}

	const {config, manifest, size} = contents;
	return {
		Id: image.configDigest,
		RepoTags: names.map(name => familiarReference(name)),
		RepoDigests: [...new Set(names.map(({domain, path}) => familiarReference({domain, path, digest: image.manifestDigest})))],
		Created: config.created ?? '',
		Author: config.author ?? '',
		Config: config.config,
		Architecture: config.architecture,
		Variant: config.variant,
		Os: config.os,
		Size: size,
		RootFS: {Type: 'layers', Layers: config.rootfs.diff_ids ?? []},
		Descriptor: {mediaType: manifest.mediaType, digest: image.manifestDigest},
		History: config.history ?? [],
	};
}
