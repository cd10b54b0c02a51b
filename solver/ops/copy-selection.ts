import {Buffer} from 'node:buffer';
import {fstatSync, readdirSync} from 'node:fs';
import {posix} from 'node:path';
import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {digestOf, splitDigest, type Digest} from '../../src/kernel/digest.ts';
import {errorCode, TsbuildError} from '../../src/kernel/errors.ts';
import type {CopyAction} from '../../src/definition/operations.ts';
import {O_NOFOLLOW, O_PATH} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {readSymbolicLink} from '../../src/linux/files.ts';
import {displayName} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {openInRoot, realPathInRoot, statInRoot} from '../../src/linux/resolve.ts';
import {hashTree} from '../../snapshotter/content-hash.ts';
import type {IgnoredState} from '../../snapshotter/hash-entry.ts';
import type {CopySource} from './copy-attributes.ts';
import {joinRelative} from './directory-reads.ts';
import {sourceNotFound} from './file-error.ts';
import {Glob, hasWildcard} from './glob.ts';
import {isAbsoluteMode} from './mode.ts';
import {PathPatterns, type PatternMatch} from './path-patterns.ts';
import {createSourceFilter, type FilterOptions, type SourceFilter} from './source-filter.ts';
import type {SourceTree} from './source-tree.ts';

/** One file or directory that a copy takes. */
export type SelectedSource = {
	/** Absolute inside the tree. It is resolved anew whenever it is used. */
	readonly path: Buffer;
	/** The last part of the path as it was named, before links are followed. */
	readonly name: Buffer;
	/** For what is below a directory. */
	readonly filter: SourceFilter | undefined;
	/** Whether a symbolic link in the last place is followed. */
	readonly followsLink: boolean;
	/** What the copies have of their own, whatever the sources have. */
	readonly ignored: IgnoredState;
};

const slash = 0x2F;

// Of whole paths, not of the names by which `--exclude` knows what a wildcard matches.
const ignoreNothing = new PathPatterns([], 'excludepatterns');

/**
The sources of a copy action inside an input. A wildcard that matches nothing gives none; a name without wildcard has to be there, and so has the directory before the first wildcard.

Wildcards are matched part by part; directories that are symbolic links are entered only where they are named without wildcard. Nothing outside the tree is looked at.

@throws {TsbuildError} `ERR_TSBUILD_SOURCE_NOT_FOUND`, `ERR_TSBUILD_PATTERN`
*/
export function selectSources(action: CopyAction, tree: SourceTree): readonly SelectedSource[] {
	if (action.keepParents) {
		requireIncluded(action, tree);
	}

	if (!action.allowWildcard || !hasWildcard(action.source)) {
		return [select(Buffer.from(posix.resolve('/', action.source)), action, tree)];
	}

	const matches = expandWildcards(action.source, tree);
	if (matches.length === 0 && !action.allowEmptyWildcard) {
		throw sourceNotFound(tree.name, action.source);
	}

	const excluded = createFilter(tree, {
		include: [], exclude: action.exclude, ignore: ignoreNothing, prefix: '',
	});
	return matches
		.filter(path => excluded?.(baseName(path).toString(), false) !== 'excluded')
		.map(path => select(path, action, tree));
}

/**
Digests what a copy action takes of an input: the content part of its cache key.

@throws {TsbuildError} as `selectSources`; `ERR_TSBUILD_FILE_CHANGED`; the reason of `signal`
*/
export async function digestSources(action: CopyAction, tree: SourceTree, signal: AbortSignal): Promise<Digest> {
	const entries = [];
	for (const source of selectSources(action, tree)) {
		entries.push([source.name.toString('latin1'), await digestSource(source, tree, signal)]);
	}

	return canonicalDigest(entries);
}

/**
Like `digestSources`, whatever the sources are called: for a mount, which has its own name.

@throws {TsbuildError} likewise
*/
export async function digestNamelessSources(action: CopyAction, tree: SourceTree, signal: AbortSignal): Promise<Digest> {
	const digests = [];
	for (const source of selectSources(action, tree)) {
		digests.push(await digestSource(source, tree, signal));
	}

	return canonicalDigest(digests);
}

/** Opens a selected source, or the link itself where links are not followed. */
export function openSource({path, followsLink}: SelectedSource, tree: SourceTree): CopySource {
	const file = openInTree(path, {followsLink}, tree);
	return {file, status: fstatSync(file.number, {bigint: true}), isReadable: false};
}

async function digestSource({path, filter, followsLink, ignored}: SelectedSource, tree: SourceTree, signal: AbortSignal): Promise<Digest> {
	using file = openInTree(path, {followsLink}, tree);
	const status = fstatSync(file.number, {bigint: true});
	noteParents(path, tree);
	if (status.isSymbolicLink()) {
		tree.reads?.add(relativePath(path), {status, isRead: false});
		const digest = digestOf(readSymbolicLink(file, ''));
		tree.listing?.add(relativePath(path), {
			type: 'symlink', status, attributes: '', content: splitDigest(digest).hex, ignored,
		});
		return digest;
	}

	const {reads, listing} = tree;
	const top = relativePath(path);
	return await hashTree(tree.root, {
		path,
		filter,
		...ignored,
		fileDigests: reads?.fileDigests,
		treeDigests: listing?.needsEveryFile === true ? undefined : reads?.treeDigests,
		visit: reads && (entry => {
			reads.add(joinRelative(top, entry.relativePath), entry);
		}),
		visitKnown: reads && (known => {
			reads.addTree(top, known);
			listing?.miss();
		}),
		list: listing && ((below, entry) => {
			listing.add(joinRelative(top, below), entry);
		}),
		signal,
	});
}

/** The directories on the way to a source. */
function noteParents(path: Buffer, {root, reads}: SourceTree): void {
	if (reads === undefined) {
		return;
	}

	for (let parent = directoryName(path); parent.length > 1; parent = directoryName(parent)) {
		const status = statInRoot(root, parent);
		if (status !== undefined) {
			reads.add(relativePath(parent), {status, isRead: false});
		}
	}
}

function select(path: Buffer, action: CopyAction, tree: SourceTree): SelectedSource {
	const {followSymlinks, include, exclude} = action;
	openInTree(path, {followsLink: followSymlinks}, tree).close();
	const realPath = realPathInRoot(tree.root, followSymlinks ? path : directoryName(path));
	return {
		path,
		name: baseName(path),
		filter: createFilter(tree, {
			include, exclude, ignore: tree.ignore, prefix: relativePath(realPath),
		}),
		followsLink: followSymlinks,
		ignored: ignoredState(action, tree),
	};
}

/** Where all copies get an owner or permissions of their own, those of the sources do not count. Of directories that are only passed through, that cannot be said. */
function ignoredState({owner, mode, include, exclude, keepParents}: CopyAction, {isLocal}: SourceTree): IgnoredState {
	const hasPassages = keepParents || include.length > 0 || exclude.length > 0;
	return {
		zeroOwner: isLocal || (owner !== undefined && !hasPassages),
		ignoresMode: mode !== undefined && isAbsoluteMode(mode) && !hasPassages,
	};
}

/** A filter of which a broken pattern is told as BuildKit does. */
function createFilter(tree: SourceTree, options: FilterOptions): SourceFilter | undefined {
	try {
		return createSourceFilter(options);
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to calculate checksum of ref ${tree.name}: ${error.message}`, {cause: error}) : error;
	}
}

/** What is named below the source has to be there, unless a wildcard stands in one of them. */
function requireIncluded({source, include}: CopyAction, tree: SourceTree): void {
	const paths = include.map(name => posix.resolve('/', source, name)).filter(path => !hasWildcard(path));
	for (const path of paths) {
		openInTree(Buffer.from(path), {followsLink: false}, tree).close();
	}
}

function openInTree(path: Buffer, {followsLink}: {readonly followsLink: boolean}, tree: SourceTree): Descriptor {
	let file: Descriptor | undefined;
	try {
		file = openInRoot(tree.root, path, {flags: O_PATH, followLast: followsLink});
		if (isIgnored(path, tree) || (followsLink && isIgnored(realPathInRoot(tree.root, path), tree))) {
			throw sourceNotFound(tree.name, path);
		}

		return file;
	} catch (error) {
		file?.close();
		throw ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '') ? sourceNotFound(tree.name, path) : error;
	}
}

function isIgnored(path: Buffer, {ignore, root}: SourceTree): boolean {
	const relative = relativePath(path);
	const match = relative === '' || ignore.isEmpty ? undefined : ignore.matchWithParents(relative);
	if (match?.isMatch !== true) {
		return false;
	}

	// A directory that is ignored is there all the same when something in it is not.
	using file = openInRoot(root, path, {flags: O_PATH, followLast: false});
	return !hasTakenEntry(file, {path: relative, match, ignore});
}

type IgnoredDirectory = {
	/** Relative to the root. */
	readonly path: string;
	readonly match: PatternMatch;
	readonly ignore: PathPatterns;
};

/** Whether something below an ignored directory is not ignored. Directories where that cannot be are not read. */
function hasTakenEntry(file: Descriptor, {path, match, ignore}: IgnoredDirectory): boolean {
	if (!fstatSync(file.number).isDirectory() || !ignore.canChangeBelow(path, match)) {
		return false;
	}

	return readdirSync(file.path, {encoding: 'buffer'}).some(name => {
		const child = `${path}/${name.toString()}`;
		const childMatch = ignore.match(child, match);
		if (!childMatch.isMatch) {
			return true;
		}

		using entry = openFile(file, name, {flags: O_PATH | O_NOFOLLOW});
		return hasTakenEntry(entry, {path: child, match: childMatch, ignore});
	});
}

function expandWildcards(source: string, tree: SourceTree): readonly Buffer[] {
	const parts = posix.resolve('/', source).split('/').slice(1);
	const first = parts.findIndex(part => hasWildcard(part));
	const base = Buffer.from(`/${parts.slice(0, first).join('/')}`);
	const globs = parts.slice(first).map(part => new Glob(part, {allowsDoubleStar: false}));
	using directory = openWildcardBase(base, tree);
	return [...matchesIn(directory, base, globs)].filter(path => !isIgnored(path, tree));
}

/** What is named before the first wildcard has to be there. */
function openWildcardBase(path: Buffer, tree: SourceTree): Descriptor {
	try {
		return openInTree(path, {followsLink: true}, tree);
	} catch (error) {
		throw errorCode(error) === 'ERR_TSBUILD_SOURCE_NOT_FOUND'
			? new TsbuildError('ERR_TSBUILD_SOURCE_NOT_FOUND', `lstat ${displayName(path)}: no such file or directory`, {cause: error})
			: error;
	}
}

function * matchesIn(directory: Descriptor, path: Buffer, [glob, ...rest]: readonly Glob[]): Generator<Buffer, void> {
	if (glob === undefined || !fstatSync(directory.number).isDirectory()) {
		return;
	}

	for (const name of readdirSync(directory.path, {encoding: 'buffer'}).toSorted((first, second) => first.compare(second))) {
		if (!glob.matches(name.toString())) {
			continue;
		}

		const child = joinPath(path, name);
		if (rest.length === 0) {
			yield child;
		} else {
			using next = openFile(directory, name, {flags: O_PATH | O_NOFOLLOW});
			yield * matchesIn(next, child, rest);
		}
	}
}

function joinPath(directory: Buffer, name: Buffer): Buffer {
	return Buffer.concat([directory, Buffer.from(directory.at(-1) === slash ? '' : '/'), name]);
}

function baseName(path: Buffer): Buffer {
	return path.subarray(path.lastIndexOf(slash) + 1);
}

function directoryName(path: Buffer): Buffer {
	return path.subarray(0, Math.max(1, path.lastIndexOf(slash)));
}

function relativePath(path: Buffer): string {
	return path.toString().replace(/^\//v, '');
}
