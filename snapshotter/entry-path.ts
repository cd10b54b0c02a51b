import {Buffer} from 'node:buffer';

/** Where an entry of a layer belongs: both parts are relative to the root and hold neither `.` nor `..`. */
export type EntryPath = {
	/** Empty for the root. */
	readonly parent: Buffer;
	/** A single name. */
	readonly name: Buffer;
};

/**
Makes an entry's path plain, as Go's `path.Clean` does: a `/` in front is nothing, `..` takes back the name before it and stops at the root.

@returns `undefined` for the root itself
*/
export function parseEntryPath(path: Uint8Array): EntryPath | undefined {
	const names: string[] = [];
	// Each byte as one UTF-16 unit, which splits bytes without changing them.
	for (const name of Buffer.from(path).toString('latin1').split('/')) {
		if (name === '..') {
			names.pop();
		} else if (name !== '' && name !== '.') {
			names.push(name);
		}
	}

	const last = names.pop();
	return last === undefined ? undefined : {parent: Buffer.from(names.join('/'), 'latin1'), name: Buffer.from(last, 'latin1')};
}

/** The paths from the root's child down to `path` itself. */
export function prefixesOf(path: Buffer): Buffer[] {
	const prefixes: Buffer[] = [];
	for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
		prefixes.push(path.subarray(0, end));
	}

	return path.length === 0 ? [] : [...prefixes, path];
}

/** The whole path. */
export function joinEntryPath({parent, name}: EntryPath): Buffer {
	return parent.length === 0 ? name : Buffer.concat([parent, Buffer.from('/'), name]);
}
