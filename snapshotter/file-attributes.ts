import {Buffer} from 'node:buffer';
import {lstatSync, readdirSync, type BigIntStats} from 'node:fs';
import {errorCode} from '../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_PATH} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {getExtendedAttribute, listExtendedAttributes} from '../src/linux/extended-attributes.ts';
import {readSymbolicLink} from '../src/linux/files.ts';
import {openFile} from '../src/linux/open-file.ts';
import type {NewTarEntry, TarEntryType} from './tar-entry.ts';
import {isOverlayAttribute} from './whiteout.ts';

/** What a layer says about a file besides its path and content. */
export type FileAttributes = Required<Omit<NewTarEntry, 'path'>>;

/**
A path to one file of an open directory, for functions of Node. Only the name's own link is to be avoided by the function, the way there holds none.
*/
export function pathIn(directory: Descriptor, name: Uint8Array): Buffer {
	return Buffer.concat([Buffer.from(`${directory.path}/`), name]);
}

/** The status of one file of an open directory, of a symbolic link itself; `undefined` when there is none. */
export function statusIn(directory: Descriptor, name: Uint8Array): BigIntStats | undefined {
	return lstatSync(pathIn(directory, name), {bigint: true, throwIfNoEntry: false});
}

/** The names in an open directory, in the order of their bytes. */
export function sortedNames(directory: Descriptor): Buffer[] {
	return readdirSync(directory.path, {encoding: 'buffer'}).toSorted((first, second) => first.compare(second));
}

/**
Opens a directory in an open directory, not through a symbolic link.

@returns `undefined` when there is none of this name, or something else
*/
export function openDirectoryIn(directory: Descriptor, name: Uint8Array): Descriptor | undefined {
	try {
		return openFile(directory, name, {flags: O_PATH | O_DIRECTORY | O_NOFOLLOW});
	} catch (error) {
		if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) {
			return undefined;
		}

		throw error;
	}
}

/**
Reads what a layer holds about a file besides its content: of the extended attributes `user.*` and `security.capability`. All others are the host's own (labels, ACLs), as for BuildKit.

@returns `undefined` for a socket, which is in no layer
*/
export function readFileAttributes(directory: Descriptor, name: Uint8Array, status: BigIntStats): FileAttributes | undefined {
	const type = typeOf(status);
	if (type === undefined) {
		return undefined;
	}

	const isDevice = type === 'character' || type === 'block';
	return {
		type,
		mode: Number(status.mode) & 0o7777,
		uid: Number(status.uid),
		gid: Number(status.gid),
		mtimeNanoseconds: status.mtimeNs,
		size: type === 'file' ? Number(status.size) : 0,
		linkTarget: type === 'symlink' ? readSymbolicLink(directory, name) : '',
		deviceMajor: isDevice ? deviceMajor(status.rdev) : 0,
		deviceMinor: isDevice ? deviceMinor(status.rdev) : 0,
		xattrs: readLayerAttributes(pathIn(directory, name)),
	};
}

/** The extended attributes of a file that belong into a layer. */
function readLayerAttributes(target: Buffer | Descriptor): Map<string, Buffer> {
	const attributes = new Map<string, Buffer>();
	for (const name of listExtendedAttributes(target)) {
		if (isLayerAttribute(name)) {
			attributes.set(name, getExtendedAttribute(target, name) ?? Buffer.alloc(0));
		}
	}

	return attributes;
}

function isLayerAttribute(name: string): boolean {
	return name === 'security.capability' || (name.startsWith('user.') && !isOverlayAttribute(name));
}

function typeOf(status: BigIntStats): TarEntryType | undefined {
	if (status.isFile()) {
		return 'file';
	}

	if (status.isDirectory()) {
		return 'directory';
	}

	if (status.isSymbolicLink()) {
		return 'symlink';
	}

	if (status.isFIFO()) {
		return 'fifo';
	}

	if (status.isBlockDevice()) {
		return 'block';
	}

	return status.isCharacterDevice() ? 'character' : undefined;
}

/**
The major part of a device number.

@see https://man7.org/linux/man-pages/man3/makedev.3.html
*/
export function deviceMajor(device: bigint): number {
	return Number(((device >> 8n) & 0xF_FFn) | ((device >> 32n) & 0xFF_FF_F0_00n));
}

/** The minor part of a device number. */
export function deviceMinor(device: bigint): number {
	return Number((device & 0xFFn) | ((device >> 12n) & 0xFF_FF_FF_00n));
}
