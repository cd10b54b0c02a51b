import type {Buffer} from 'node:buffer';
import {fchmodSync, fstatSync} from 'node:fs';
import {errorCode} from '../src/kernel/errors.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {getExtendedAttribute, listExtendedAttributes, setExtendedAttribute} from '../src/linux/extended-attributes.ts';
import {changeMode, changeOwner} from '../src/linux/files.ts';
import {pathIn, type FileAttributes} from './file-attributes.ts';
import {isOverlayAttribute} from './whiteout.ts';

/** A name in an open directory. */
export type Place = {
	readonly directory: Descriptor;
	readonly name: Buffer;
};

/** What is set on a new file, besides its times. */
export type SetAttributes = Pick<FileAttributes, 'mode' | 'uid' | 'gid' | 'xattrs'> & {
	readonly type: FileAttributes['type'] | 'socket';
};

/**
Gives a file of a layer its owner, extended attributes and mode, in this order: a new owner takes away capabilities and set-user-ID bits.

Attributes of overlayfs are left out. So are those that the file system or the kind of file cannot have, as with containerd.

An open file is open for reading or writing; a file that cannot be opened is told by its place.

@throws {LinuxError} `EINVAL` for an owner without a mapping in the user namespace
*/
export function setAttributes(file: Descriptor | Place, attributes: SetAttributes): void {
	const isOpen = file instanceof Descriptor;
	const {directory, name} = isOpen ? {directory: file, name: ''} : file;
	changeOwner(directory, name, attributes);
	setLayerAttributes(isOpen ? file : pathIn(file.directory, file.name), attributes);
	if (isOpen) {
		fchmodSync(file.number, attributes.mode);
	} else if (attributes.type !== 'symlink') {
		changeMode(directory, name, attributes.mode);
	}
}

/** Gives a directory the owner, extended attributes and mode of another. */
export function copyDirectoryAttributes(from: Descriptor, to: Descriptor): void {
	const {mode, uid, gid} = fstatSync(from.number);
	changeOwner(to, '', {uid, gid});
	for (const name of listExtendedAttributes(from)) {
		const value = isOverlayAttribute(name) ? undefined : getExtendedAttribute(from, name);
		if (value !== undefined) {
			setAttribute(to, {attribute: name, value, type: 'directory'});
		}
	}

	changeMode(to, '', mode & 0o7777);
}

function setLayerAttributes(target: Buffer | Descriptor, {xattrs, type}: SetAttributes): void {
	for (const [attribute, value] of xattrs) {
		if (!isOverlayAttribute(attribute) && !isUnreadable(attribute, value)) {
			setAttribute(target, {attribute, value, type});
		}
	}
}

// The kernel takes no capabilities at all as a value, and then fails whoever asks for it.
function isUnreadable(attribute: string, value: Uint8Array): boolean {
	return attribute === 'security.capability' && value.length === 0;
}

function setAttribute(target: Buffer | Descriptor, {attribute, value, type}: {readonly attribute: string; readonly value: Uint8Array; readonly type: SetAttributes['type']}): void {
	try {
		setExtendedAttribute(target, attribute, value);
	} catch (error) {
		if (!isTolerable(errorCode(error), attribute, type)) {
			throw error;
		}
	}
}

// Only files and directories can have `user.` attributes, and only the host's root may set `trusted.` and some `security.` ones. https://man7.org/linux/man-pages/man7/xattr.7.html
function isTolerable(code: string | undefined, attribute: string, type: SetAttributes['type']): boolean {
	const isForbiddenKind = attribute.startsWith('user.') ? type !== 'file' && type !== 'directory' : !attribute.startsWith('security.capability');
	return code === 'ENOTSUP' || code === 'EOPNOTSUPP' || (code === 'EPERM' && isForbiddenKind);
}
