import {posix} from 'node:path';
import {decodeListing, type ListedFile} from '../../../snapshotter/file-listing.ts';
import type {FileAspect, FileChange} from '../../kernel/execution-reason.ts';

const types: Readonly<Record<string, string>> = {
	f: 'file', d: 'directory', s: 'symbolic link', c: 'character device', b: 'block device', p: 'fifo', o: 'socket',
};

type Listing = ReadonlyMap<string, ListedFile>;

/**
The differences between two encoded listings, by path; an entry that has only come with its directory is told with that. A directory that is itself in one of them, and by its files in the other (`COPY src` and `COPY src/*`), is no difference.

The same content may have been listed where it is in another directory, as that does not count.

@returns `undefined` when no file is known of either
*/
export function compareListings(before: Uint8Array, after: Uint8Array): readonly FileChange[] | undefined {
	const current = decodeListing(after);
	const old = inPlaceOf(current, decodeListing(before));
	if (old.size === 0 && current.size === 0) {
		return undefined;
	}

	const shared = new Set(directoriesOf(old)).intersection(new Set(directoriesOf(current)));
	const paths = [...new Set([...old.keys(), ...current.keys()])].filter(path => !shared.has(path) || (old.has(path) && current.has(path))).toSorted();
	const changes = paths.map(path => compareFile(path, old.get(path), current.get(path))).filter(change => change !== undefined);
	const whole = new Set(changes.filter(({change}) => change !== 'changed').map(({path, change}) => `${change} ${path}`));
	return changes.filter(({path, change}) => change === 'changed' || !whole.has(`${change} ${directoryOf(path)}`));
}

function compareFile(path: string, before: ListedFile | undefined, after: ListedFile | undefined): FileChange | undefined {
	const name = path === '' ? '.' : path;
	if (before === undefined || after === undefined) {
		return {path: name, change: before === undefined ? 'added' : 'removed', aspects: []};
	}

	const aspects = [...compareAspects(before, after)];
	return aspects.length === 0 ? undefined : {path: name, change: 'changed', aspects};
}

function * compareAspects(before: ListedFile, after: ListedFile): Generator<FileAspect, void> {
	if (before.type !== after.type) {
		yield {aspect: 'type', before: types[before.type] ?? before.type, after: types[after.type] ?? after.type};
		return;
	}

	if (before.content !== after.content) {
		yield {aspect: before.type === 's' ? 'target' : 'content'};
	}

	if (before.mode !== after.mode) {
		yield {aspect: 'mode', before: before.mode, after: after.mode};
	}

	if (before.owner !== after.owner) {
		yield {aspect: 'owner', before: before.owner, after: after.owner};
	}

	if (before.attributes !== after.attributes) {
		yield {aspect: 'attributes'};
	}
}

/** A listing as it would be in the directory of another, if only then they have anything in common. */
function inPlaceOf(current: Listing, old: Listing): Listing {
	if (haveCommon(old, current)) {
		return old;
	}

	const [from, to] = [commonDirectory(old), commonDirectory(current)];
	const moved = new Map(old.entries().map(([path, file]) => [posix.join(to, posix.relative(from, path)), file]));
	return haveCommon(moved, current) ? moved : old;
}

function haveCommon(old: Listing, current: Listing): boolean {
	return old.keys().some(path => current.has(path));
}

/** The deepest directory that all files of a listing are in. */
function commonDirectory(listing: Listing): string {
	const [first = [], ...others] = listing.keys().map(path => directoryOf(path).split('/'));
	const differing = first.findIndex((name, index) => others.some(names => names[index] !== name));
	return first.slice(0, differing === -1 ? first.length : differing).join('/');
}

/**
The directories that have files in a listing.

@yields their paths, some more than once
*/
function * directoriesOf(listing: Listing): Generator<string, void> {
	for (const path of listing.keys()) {
		for (let directory = path; directory !== '';) {
			directory = directoryOf(directory);
			yield directory;
		}
	}
}

function directoryOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
