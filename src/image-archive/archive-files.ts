import path from 'node:path';
import {parseDigest, type Digest} from '../kernel/digest.ts';
import type {ContentStore, StoredBlob} from '../../snapshotter/content-store.ts';
import {decompressed} from '../../snapshotter/decompress.ts';
import {readTar, type TarMemberRead} from '../../snapshotter/tar-reader.ts';
import {archiveError} from './archive-error.ts';

/** The files of an archive, all of them in the content store. */
export type ArchiveFiles = {
	/** The blob of a file, also by way of a link. */
	find(name: string): StoredBlob | undefined;
};

// An image has some hundred layers at most, and each is three files in the oldest form.
const maximumEntryCount = 10_000;
const maximumNameLength = 500;
const maximumLinkDepth = 10;

type IntakeContext = {
	readonly content: ContentStore;
	readonly taken: (digest: Digest) => void;
	readonly signal: AbortSignal;
};

/**
Takes all files of an archive, which may be compressed, into a content store. Those that are named by a digest must have it. No path of the archive is ever opened.

`taken` is told of each blob as soon as it is there.

@throws {TsbuildError} `ERR_TSBUILD_IMAGE_ARCHIVE` for too many files; `ERR_TSBUILD_TAR`, `ERR_TSBUILD_DECOMPRESS`, `ERR_TSBUILD_CONTENT` for a damaged archive; `ERR_TSBUILD_STORE` when the disk is full; the reason of `signal`
*/
export async function takeInFiles(archive: AsyncIterable<Uint8Array>, {content, taken, signal}: IntakeContext): Promise<ArchiveFiles> {
	const blobs = new Map<string, StoredBlob>();
	const links = new Map<string, string>();
	let count = 0;
	for await (const {entry, content: bytes} of readTar(decompressed(archive, {signal}))) {
		signal.throwIfAborted();
		count++;
		if (count > maximumEntryCount) {
			throw archiveError(`it holds more than ${maximumEntryCount} files`);
		}

		const name = nameOf(entry.path);
		if (name === undefined) {
			continue;
		}

		if (entry.type === 'file') {
			const blob = await content.ingest(bytes, {expectedDigest: digestOfName(name), expectedSize: entry.size, signal});
			taken(blob.digest);
			blobs.set(name, blob);
		} else if (isLink(entry)) {
			links.set(name, targetOf(entry, name));
		}
	}

	return {find: name => findBlob(name, {blobs, links})};
}

// Blobs of a layout, configs and layers of Docker, and what lists them: also as Google's crane names them.
const wantedNames = [/^blobs\//v, /^sha256:[\da-f]+$/v, /\.json$/v, /\.tar(?:\.gz)?$/v];

/** Without a leading `./`; `undefined` for what no file of an image is called. */
function nameOf(bytes: Uint8Array): string | undefined {
	const name = path.posix.normalize(new TextDecoder().decode(bytes));
	return name.length <= maximumNameLength && wantedNames.some(pattern => pattern.test(name)) ? name : undefined;
}

function digestOfName(name: string): Digest | undefined {
	const {algorithm, hex} = /^blobs\/(?<algorithm>[\da-z]+)\/(?<hex>[\da-f]+)$/v.exec(name)?.groups ?? {};
	return algorithm === undefined ? undefined : parseDigest(`${algorithm}:${hex}`);
}

function isLink({type}: TarMemberRead['entry']): boolean {
	return type === 'symlink' || type === 'hardlink';
}

// Docker writes a layer that several images share once, and links to it.
function targetOf({type, linkTarget}: TarMemberRead['entry'], name: string): string {
	const target = new TextDecoder().decode(linkTarget);
	return path.posix.normalize(type === 'symlink' ? path.posix.join(path.posix.dirname(name), target) : target);
}

function findBlob(name: string, {blobs, links}: {readonly blobs: ReadonlyMap<string, StoredBlob>; readonly links: ReadonlyMap<string, string>}): StoredBlob | undefined {
	let current = path.posix.normalize(name);
	for (let depth = 0; depth < maximumLinkDepth; depth++) {
		const target = links.get(current);
		if (target === undefined) {
			return blobs.get(current);
		}

		current = target;
	}

	return undefined;
}
