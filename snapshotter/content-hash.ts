import {Buffer} from 'node:buffer';
import {fstatSync, type BigIntStats} from 'node:fs';
import {digestFromSha256, type Digest} from '../src/kernel/digest.ts';
import {O_PATH} from '../src/linux/constants.ts';
import type {BorrowedDescriptor, Descriptor} from '../src/linux/descriptor.ts';
import type {Name} from '../src/linux/name.ts';
import {openInRoot} from '../src/linux/resolve.ts';
import type {KnownTreeOptions, TreeDigests} from './tree-digests.ts';
import {TreeHash, type TreeHashOptions} from './tree-hash.ts';

/** What to hash, and how. */
export type HashTreeOptions = TreeHashOptions & KnownTreeOptions & {
	/** The file or directory inside the root. A symbolic link in the last place is followed, inside the root like all others. */
	readonly path: Name;
	/** Spares the walk through the files of a tree that is known. Only for directories that belong to this machine. */
	readonly treeDigests?: TreeDigests | undefined;
};

/**
The digest of a file or directory tree inside a root: of all that a layer would hold of it, except times. It is the content part of the cache key of a COPY.

The name of `path` itself does not count, the names below it do. Hard links count as the files that they are. Nothing outside the root is read, whatever the links in it say, and no file is opened that is not regular. The memory that it takes grows with the number of files, not with their size.

@throws {LinuxError} `ENOENT`, `ENOTDIR`, `ELOOP` when the path leads nowhere
@throws {TsbuildError} `ERR_TSBUILD_FILE_CHANGED` when a file is being written all the time; the reason of `signal`
@see https://github.com/moby/buildkit/blob/v0.32.2/cache/contenthash/tarsum.go which this is modelled on
*/
export async function hashTree(root: BorrowedDescriptor, {path, ...options}: HashTreeOptions): Promise<Digest> {
	options.signal?.throwIfAborted();
	using found = openInRoot(root, path, {flags: O_PATH});
	const status = fstatSync(found.number, {bigint: true});
	const {treeDigests} = options;
	const sha256 = treeDigests !== undefined && status.isDirectory()
		? await treeDigests.find(found, options, async () => hashFound(found, status, options))
		: await hashFound(found, status, options);
	return digestFromSha256(sha256);
}

async function hashFound(found: Descriptor, status: BigIntStats, options: TreeHashOptions): Promise<string> {
	await using tree = new TreeHash(options);
	return await tree.hash({
		path: Buffer.from(found.path),
		attributesOf: found,
		status,
		relativePath: '',
		// The path is a link of procfs, the one link to follow.
		openFlags: 0,
	});
}
