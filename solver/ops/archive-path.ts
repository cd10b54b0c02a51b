import type {Buffer} from 'node:buffer';
import {displayName} from '../../src/linux/name.ts';
import {archiveError} from './archive-error.ts';

/*
Paths in archives. Each byte stands as one UTF-16 unit, which splits names without changing them.
*/

/** How to resolve a path. */
export type ResolveOptions = {
	/** For messages. */
	readonly path: Uint8Array;
	/** Whether a link in the last place is followed. */
	readonly followsLast: boolean;
	/** The target of the symbolic link at a path that leads over no other link; `undefined` when there is none. */
	readonly linkTarget: (names: readonly string[]) => Buffer | undefined;
};

// As many as BuildKit follows for one entry.
const maximumLinks = 255;

/**
The names of an entry's path. A `/` in front means nothing, as with tar; an empty list is the root.

@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` for a path that leads out
*/
export function archivePathNames(path: Buffer): readonly string[] {
	const names: string[] = [];
	for (const name of partsOf(path)) {
		if (name === '..' && names.length === 0) {
			throw archiveError(`archive path ${quoted(path)} is outside extraction root`);
		}

		enter(name, names);
	}

	return names;
}

/**
The names to go by when symbolic links are followed. An absolute link begins at the root of the extraction.

@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` for a link that leads out, and for too many of them
*/
export function resolveLinks(names: readonly string[], {path, followsLast, linkTarget}: ResolveOptions): readonly string[] {
	const resolved: string[] = [];
	const pending = names.toReversed();
	let links = 0;
	for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
		if (name === '..' && resolved.length === 0) {
			throw archiveError(`archive symlink on the way to ${quoted(path)} points outside extraction root`);
		}

		const isLink = name !== '..' && (followsLast || pending.length > 0);
		const target = isLink ? linkTarget([...resolved, name]) : undefined;
		if (target === undefined) {
			enter(name, resolved);
			continue;
		}

		links++;
		if (links > maximumLinks) {
			throw archiveError(`too many symlinks resolving archive path ${quoted(path)}`);
		}

		resolved.length = target.indexOf('/') === 0 ? 0 : resolved.length;
		pending.push(...partsOf(target).toReversed());
	}

	return resolved;
}

/** A path for messages, as Go's `%q` shows it. */
export function quoted(path: Uint8Array): string {
	const shown = displayName(path);
	return shown.startsWith('"') ? shown : JSON.stringify(shown);
}

function enter(name: string, names: string[]): void {
	if (name === '..') {
		names.pop();
	} else {
		names.push(name);
	}
}

function partsOf(path: Buffer): readonly string[] {
	return path.toString('latin1').split('/').filter(name => name !== '' && name !== '.');
}
