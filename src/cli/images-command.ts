import {readImageContents, type ImageContents} from '../exporter/image-contents.ts';
import {ImageStore, type StoredImage} from '../exporter/image-store.ts';
import {splitDigest, type Digest} from '../kernel/digest.ts';
import {
	familiarReference,
	formatReference,
	hasTag,
	parseReference,
	type Reference,
} from '../kernel/reference.ts';
import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {Command} from './command.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {formatAge, formatGoTime, formatHumanSize} from './human-units.ts';
import {openNamedStore, rootFlag} from './open-store.ts';
import {formatJsonLines, readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';
import {formatTable} from './table.ts';

const imagesFlags = {
	all: {
		type: 'boolean', shorthand: 'a', description: 'Accepted for scripts written for docker; every image of the store has a name', hidden: true,
	},
	digests: {type: 'boolean', description: 'Show the digests of the manifests'},
	format: {type: 'string', valueName: 'string', description: 'Format the output ("table", "json") (default "table")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for images'},
	'no-trunc': {type: 'boolean', description: 'Show the image IDs in full'},
	quiet: {type: 'boolean', shorthand: 'q', description: 'Only show image IDs'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const imagesDescription: CommandDescription = {
	summary: `List images

The ID of an image is the digest of its config. SIZE is that of its layers as they
are stored: those that were built here are not compressed.`,
	usage: 'tsbuild images [OPTIONS] [REPOSITORY[:TAG]]',
	flags: imagesFlags,
};

const idLength = 12;

const unknown = 'N/A';

/** `tsbuild images`: the images of the local store, the newest first. */
export const imagesCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, imagesFlags);
	if (flags.help) {
		context.writeOutput(formatCommandHelp(imagesDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 1, usage: imagesDescription.usage});
	const format = readFormat(flags.format, ['table', 'json']);
	await using store = await openNamedStore(flags, context);
	const images = selectImages(new ImageStore(store).list(), positional[0]);
	const rows = await readRows(images, store.content, {isFull: flags['no-trunc'] ?? false});
	if (flags.quiet) {
		context.writeOutput(rows.map(({id}) => `${id}\n`).join(''));
	} else {
		context.writeOutput(format === 'json' ? formatJsonLines(rows.map(row => jsonOf(row))) : formatRows(rows, {hasDigests: flags.digests ?? false}));
	}

	return 0;
};

/** An image as it is shown. */
type Row = {
	readonly repository: string;
	readonly tag: string;
	readonly digest: Digest;
	readonly id: string;
	/** Milliseconds since the epoch. */
	readonly created: number | undefined;
	readonly age: string;
	readonly size: string;
};

/** A name without a tag stands for all tags, as with docker. */
function selectImages(images: readonly StoredImage[], name: string | undefined): readonly StoredImage[] {
	if (name === undefined) {
		return images;
	}

	const wanted = parseReference(name);
	return images.filter(image => (hasTag(name) ? image.name === formatReference(wanted) : repositoryOf(parseReference(image.name)) === repositoryOf(wanted)));
}

function repositoryOf({domain, path}: Reference): string {
	return familiarReference({domain, path});
}

async function readRows(images: readonly StoredImage[], content: ContentStore, options: {readonly isFull: boolean}): Promise<readonly Row[]> {
	const now = Date.now();
	const rows: Row[] = [];
	for (const image of images) {
		rows.push(rowOf(image, await readImageContents(image, content), {...options, now}));
	}

	return rows.toSorted((left, right) => (right.created ?? 0) - (left.created ?? 0));
}

function rowOf({name, manifestDigest, configDigest}: StoredImage, contents: ImageContents | undefined, {isFull, now}: {readonly isFull: boolean; readonly now: number}): Row {
	const reference = parseReference(name);
	const created = Date.parse(contents?.config.created ?? '');
	return {
		repository: repositoryOf(reference),
		// As docker shows a name with a digest.
		tag: reference.digest === undefined ? reference.tag ?? '<none>' : '<none>',
		digest: manifestDigest,
		id: isFull ? configDigest : splitDigest(configDigest).hex.slice(0, idLength),
		created: Number.isNaN(created) ? undefined : created,
		age: Number.isNaN(created) ? unknown : formatAge(created, now),
		size: contents === undefined ? unknown : formatHumanSize(contents.size),
	};
}

function formatRows(rows: readonly Row[], {hasDigests}: {readonly hasDigests: boolean}): string {
	const header = ['REPOSITORY', 'TAG', ...(hasDigests ? ['DIGEST'] : []), 'IMAGE ID', 'CREATED', 'SIZE'];
	return formatTable([
		header,
		...rows.map(({repository, tag, digest, id, age, size}) => [repository, tag, ...(hasDigests ? [digest] : []), id, age, size]),
	]);
}

/** With the fields of docker. */
function jsonOf({repository, tag, digest, id, created, age, size}: Row) {
	return {
		Containers: unknown,
		CreatedAt: created === undefined ? unknown : formatGoTime(created),
		CreatedSince: age,
		Digest: digest,
		ID: id,
		Repository: repository,
		SharedSize: unknown,
		Size: size,
		Tag: tag,
		UniqueSize: unknown,
	};
}
