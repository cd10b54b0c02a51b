import process from 'node:process';
import {findImage} from '../exporter/find-image.ts';
import {describeArchived, imageArchive, type ImageToArchive} from '../exporter/image-archive.ts';
import {ImageStore} from '../exporter/image-store.ts';
import {storedEncoding} from '../exporter/output-option.ts';
import {writeOutputFile} from '../exporter/output-file.ts';
import {readStoredImage} from '../exporter/stored-image.ts';
import {hasTag, parseReference} from '../kernel/reference.ts';
import type {Store} from '../../snapshotter/store.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';
import {UsageError} from './usage-error.ts';

const saveFlags = {
	format: {type: 'string', valueName: 'string', description: 'Format of the archive ("docker", "oci") (default "docker")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for save'},
	output: {
		type: 'string', shorthand: 'o', valueName: 'string', description: 'Write to a file, instead of standard output',
	},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const saveDescription: CommandDescription = {
	summary: `Save images to an archive

An archive for 'docker load' is an OCI archive as well. Layers are in it as they are
stored: those that were built here are not compressed.`,
	usage: 'tsbuild save [OPTIONS] IMAGE [IMAGE...]',
	flags: saveFlags,
};

/** `tsbuild save`: writes images of the local store to one archive. */
export const saveCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, saveFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(saveDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 1, usage: saveDescription.usage});
	const format = readFormat(flags.format, ['docker', 'oci']);
	const destination = readDestination(flags.output);
	await using store = await openNamedStore(flags, context);
	const images = await readImages(positional, store);
	const archive = imageArchive(images, {isForDocker: format === 'docker', content: store.content, signal: context.signal});
	await writeOutputFile(destination, archive, context.signal);
	return 0;
};

function readDestination(output = '-'): string {
	if (output === '-' && process.stdout.isTTY) {
		throw new UsageError('cowardly refusing to save to a terminal. Use the -o flag or redirect');
	}

	return output;
}

/** Each image once, under all names by which it was asked for. */
async function readImages(texts: readonly string[], store: Store): Promise<readonly ImageToArchive[]> {
	const images = new ImageStore(store);
	const found = texts.flatMap(text => findAll(text, images));
	const byManifest = Map.groupBy(found, ({manifestDigest}) => manifestDigest);
	return Promise.all(byManifest.values().map(async same => {
		const [first] = same;
		images.hold(first!);
		const image = await readStoredImage(first!, store.content);
		const names = new Set(same.flatMap(({by, names}) => (by === 'name' ? names : [])));
		return {image, manifest: describeArchived(image, storedEncoding), names: [...names]};
	}));
}

/** A name without a tag stands for all tags, as with docker. */
function findAll(text: string, images: ImageStore) {
	const repository = hasTag(text) || text.includes('@') ? undefined : repositoryOf(text);
	const tags = images.list().filter(({name}) => repository !== undefined && repositoryOf(name) === repository);
	return tags.length === 0 ? [findImage(images, text)] : tags.map(({name}) => findImage(images, name));
}

function repositoryOf(text: string): string | undefined {
	try {
		const {domain, path} = parseReference(text);
		return `${domain}/${path}`;
	} catch {
		return undefined;
	}
}
