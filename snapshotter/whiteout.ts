import {Buffer} from 'node:buffer';
import {lstatSync, type BigIntStats} from 'node:fs';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {getExtendedAttribute, setExtendedAttribute} from '../src/linux/extended-attributes.ts';
import {makeDeviceFile} from '../src/linux/files.ts';
import {isInUserNamespace} from '../src/linux/user-namespace.ts';

/*
How layers and overlayfs say that something of the layers below is gone. Nobody else knows these names.

In a layer tar: an empty file `.wh.NAME` hides NAME of the layers below; `.wh..wh..opq` in a directory hides all that the layers below have in it.
https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts

In the upper directory of an overlay: a character device 0:0 hides what has its name, and so does an empty file with the attribute `overlay.whiteout`; the attribute `overlay.opaque` = "y" hides all that a directory has below.
https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories
*/

const whiteoutPrefix = Buffer.from('.wh.');
// Names that AUFS kept its own records under.
const metadataPrefix = Buffer.from('.wh..wh.');

const opaqueMark = '.wh..wh..opq';

/** The name of the entry that makes a directory opaque. */
export const opaqueMarkName: Uint8Array = Buffer.from(opaqueMark);

/** What the last part of a layer entry's path means. */
export type LayerName =
	| {readonly kind: 'file'}
	| {readonly kind: 'whiteout'; readonly hidden: Buffer}
	| {readonly kind: 'opaque'}
	/** Records of AUFS, which nobody needs. */
	| {readonly kind: 'ignored'}
	/** A whiteout of nothing, of `.` or of `..`. */
	| {readonly kind: 'invalid'};

/**
Who will read an upper directory: an overlay with the attributes that only root may set, one with those of a user namespace (mount option `userxattr`), or none at all. Without an overlay the marks are sockets, which every file system can hold and no layer has: a whiteout has the name that it hides, an opaque directory has one named `.wh..wh..opq`.
*/
export type OverlayAttributes = 'trusted' | 'user' | 'none';

/** What the overlays of this process read: only the root of the first user namespace may set the attributes of the kind `trusted`. */
export function overlayAttributesHere(): 'trusted' | 'user' {
	return isInUserNamespace() ? 'user' : 'trusted';
}

/** Reads the last part of a layer entry's path. */
export function parseLayerName(name: Buffer): LayerName {
	if (!startsWith(name, whiteoutPrefix)) {
		return {kind: 'file'};
	}

	if (name.equals(opaqueMarkName)) {
		return {kind: 'opaque'};
	}

	if (startsWith(name, metadataPrefix)) {
		return {kind: 'ignored'};
	}

	const hidden = name.subarray(whiteoutPrefix.length);
	return ['', '.', '..'].includes(hidden.toString('latin1')) ? {kind: 'invalid'} : {kind: 'whiteout', hidden};
}

/** The name of the entry that hides `name`. */
export function whiteoutName(name: Uint8Array): Buffer {
	return Buffer.concat([whiteoutPrefix, name]);
}

/** Whether an attribute belongs to overlayfs. Such an attribute of an image would let it choose what other layers show, and is neither written into a layer nor taken from one. */
export function isOverlayAttribute(name: string): boolean {
	return name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');
}

/** Whether a file of an upper directory is a whiteout for an overlay that reads the given kind of attributes: those of the other kind are anybody's. They are only looked at where they can matter. */
export function isOverlayWhiteout(status: BigIntStats, attributeNames: () => readonly string[], attributes: OverlayAttributes = 'trusted'): boolean {
	return isWhiteoutDevice(status) || (status.isFile() && status.size === 0n && attributeNames().includes(`${attributes}.overlay.whiteout`));
}

/** Whether a file is the character device 0:0. */
export function isWhiteoutDevice(status: BigIntStats): boolean {
	return status.isCharacterDevice() && status.rdev === 0n;
}

/** Whether a file in a directory that a layer was put into is a whiteout, whoever will read it: such a directory holds no sockets of its own. */
export function isWhiteoutMark(status: BigIntStats): boolean {
	return isWhiteoutDevice(status) || status.isSocket();
}

/** Whether a directory of an upper directory is opaque for such an overlay. */
export function isOverlayOpaque(directory: Descriptor, attributes: OverlayAttributes = 'trusted'): boolean {
	return attributes === 'none'
		? lstatSync(`${directory.path}/${opaqueMark}`, {throwIfNoEntry: false})?.isSocket() === true
		: getExtendedAttribute(directory, `${attributes}.overlay.opaque`)?.toString() === 'y';
}

/**
Hides `name` of the layers below an upper directory.

@throws {LinuxError} `EEXIST`
*/
export function makeOverlayWhiteout(directory: Descriptor, name: Uint8Array, attributes: OverlayAttributes = 'trusted'): void {
	makeDeviceFile(directory, name, {kind: attributes === 'none' ? 'socket' : 'character', mode: 0});
}

/** Hides all that the layers below have in a directory. */
export function markOverlayOpaque(directory: Descriptor, attributes: OverlayAttributes): void {
	if (attributes === 'none') {
		if (!isOverlayOpaque(directory, attributes)) {
			makeOverlayWhiteout(directory, opaqueMarkName, attributes);
		}

		return;
	}

	setExtendedAttribute(directory, `${attributes}.overlay.opaque`, Buffer.from('y'));
}

function startsWith(name: Buffer, prefix: Buffer): boolean {
	return name.subarray(0, prefix.length).equals(prefix);
}
