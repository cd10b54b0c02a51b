import {fchmodSync, type BigIntStats} from 'node:fs';
import {errorCode} from '../../src/kernel/errors.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {
	getExtendedAttribute,
	listExtendedAttributes,
	setExtendedAttribute,
} from '../../src/linux/extended-attributes.ts';
import {changeMode, changeOwner, setTimes} from '../../src/linux/files.ts';
import type {ModeChange} from './mode.ts';
import {rootOwner, type Owner} from './owner.ts';

/** What copied files are given instead of what their sources have. */
export type AttributeChanges = {
	/** That of the source when not given. */
	readonly owner?: Owner | undefined;
	readonly mode?: ModeChange | undefined;
};

/** A file or directory that is copied. */
export type CopySource = {
	/** Open on the source, at least with O_PATH. */
	readonly file: Descriptor;
	readonly status: BigIntStats;
	/** Whether `file` is open for reading. */
	readonly isReadable: boolean;
};

/**
Gives a copy the owner, permissions, extended attributes and times of its source, as far as they are not changed. `copy` is open on it; for anything but a regular file O_PATH will do.

The order matters: a new owner takes set-user-ID and capabilities away. Extended attributes are kept where they can be, as with BuildKit; the security labels of the host and the marks of overlayfs are nobody's.
*/
export function copyAttributes({file, status}: CopySource, copy: Descriptor, {owner, mode}: AttributeChanges): void {
	changeOwner(copy, '', owner ?? ownerOf(status));
	if (!status.isSymbolicLink()) {
		copyMode(status, copy, mode);
	}

	copyExtendedAttributes(file, copy);

	setTimes(copy, '', {atimeNanoseconds: status.atimeNs, mtimeNanoseconds: status.mtimeNs});
}

/** The changes for files of a client: they are root's unless an owner is asked for. */
export function changesOf({owner, mode, isLocal}: AttributeChanges & {readonly isLocal: boolean}): AttributeChanges {
	return {owner: owner ?? (isLocal ? rootOwner : undefined), mode};
}

function copyMode(status: BigIntStats, copy: Descriptor, change: ModeChange | undefined): void {
	const own = Number(status.mode) & 0o7777;
	const mode = change?.({mode: own, isDirectory: status.isDirectory()}) ?? own;
	if (status.isFile()) {
		fchmodSync(copy.number, mode);
	} else {
		changeMode(copy, '', mode);
	}
}

function ownerOf({uid, gid}: BigIntStats): Owner {
	return {uid: Number(uid), gid: Number(gid)};
}

function copyExtendedAttributes(file: Descriptor, copy: Descriptor): void {
	for (const name of listExtendedAttributes(file)) {
		const value = isPartOfFile(name) ? getExtendedAttribute(file, name) : undefined;
		if (value !== undefined) {
			setIfPossible(copy, name, value);
		}
	}
}

/** Those that a content digest counts too: else a cached copy could differ from a new one. */
function isPartOfFile(name: string): boolean {
	const isSystem = name.startsWith('system.') || (name.startsWith('security.') && name !== 'security.capability');
	return !isSystem && !/^(?:trusted|user)\.overlay\./v.test(name);
}

function setIfPossible(copy: Descriptor, name: string, value: Uint8Array): void {
	try {
		setExtendedAttribute(copy, name, value);
	} catch (error) {
		if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSPC', 'E2BIG'].includes(errorCode(error) ?? '')) {
			throw error;
		}
	}
}
