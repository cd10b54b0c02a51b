import {Buffer} from 'node:buffer';
import {fstatSync, type BigIntStats} from 'node:fs';
import {
	O_CREAT,
	O_DIRECTORY,
	O_EXCL,
	O_NOFOLLOW,
	O_RDONLY,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {
	linkFile,
	makeDeviceFile,
	makeDirectory,
	makeSymbolicLink,
	setTimes,
} from '../../src/linux/files.ts';
import {displayName, type Name} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {isInUserNamespace} from '../../src/linux/user-namespace.ts';
import {parseEntryPath} from '../../snapshotter/entry-path.ts';
import {statusIn} from '../../snapshotter/file-attributes.ts';
import {writeContent} from '../../snapshotter/file-content.ts';
import {setAttributes} from '../../snapshotter/set-attributes.ts';
import type {TarEntry} from '../../snapshotter/tar-entry.ts';
import type {TarMemberRead} from '../../snapshotter/tar-reader.ts';
import {archiveError, explainArchiveFailure} from './archive-error.ts';
import {openArchive} from './archive.ts';
import type {CopySource} from './copy-attributes.ts';
import {makeDirectories} from './destination.ts';
import {ExtractionRoot, type ExtractionPlace} from './extraction-root.ts';
import {newDirectoryOf, type Owner} from './owner.ts';

/** Where an archive goes. */
export type UnpackOptions = {
	/** Of the archive, for messages. */
	readonly name: Name;
	/** Written to. */
	readonly root: Descriptor;
	/** Absolute inside the root; always a directory. */
	readonly destination: Name;
	/** Of everything in the archive, in place of what the archive says. */
	readonly owner: Owner | undefined;
	/** Told of the archive's status when it has been read. */
	readonly visit: (status: BigIntStats) => void;
	/** Bytes that may come out of it; by default in proportion to its size. */
	readonly maximumSize?: number;
	readonly signal: AbortSignal;
};

// A descriptor's own file.
const itself = Buffer.alloc(0);

/**
Unpacks a file as ADD does, if it is a tar archive, into a directory that is made when it is not there.

For the archive the destination is the root directory: `..` stops there, absolute links begin there. What is there already stays, but a name that the archive has too becomes the archive's, with all that is below it; two directories become one. Directories of which the archive says nothing are root's. Names that layers take for whiteouts are plain files here. Times before 1970 become 1970. `--chmod` has no meaning. Device files are left out in a user namespace, where nobody can make them.

@returns whether it is an archive
@throws {TsbuildError} `ERR_TSBUILD_ARCHIVE` for an archive that is damaged, too large, or holds an entry that is refused; `ERR_TSBUILD_DECOMPRESSOR`; `ERR_TSBUILD_FILE` when the destination is no directory
@throws {LinuxError} or a system error of Node, such as `ENOSPC`; the reason of `signal`
@see https://docs.docker.com/reference/dockerfile/#adding-local-tar-archives
@see https://github.com/moby/go-archive/blob/v0.2.0/archive.go (Unpack, which BuildKit runs in a chroot)
*/
export async function unpackArchive(source: CopySource, options: UnpackOptions): Promise<boolean> {
	const {name, root, destination, owner, visit} = options;
	const members = source.status.isFile() ? await openMembers(source, options) : undefined;
	if (members === undefined) {
		return false;
	}

	try {
		using directory = makeDirectories(root, destination, newDirectoryOf(owner, 0o755));
		await unpackMembers(members, directory, {name, owner});
	} finally {
		await members.return(undefined);
	}

	visit(fstatSync(source.file.number, {bigint: true}));
	return true;
}

async function openMembers(source: CopySource, {name, maximumSize, signal}: UnpackOptions): Promise<AsyncGenerator<TarMemberRead> | undefined> {
	try {
		return await openArchive(source, {maximumSize, signal});
	} catch (error) {
		throw explainArchiveFailure(name, undefined, error);
	}
}

async function unpackMembers(members: AsyncIterable<TarMemberRead>, directory: Descriptor, {name, owner}: Pick<UnpackOptions, 'name' | 'owner'>): Promise<void> {
	using extraction = new ExtractionRoot(directory);
	let entry: Name | undefined;
	try {
		for await (const member of members) {
			entry = member.entry.path;
			await unpackMember(extraction, member, owner);
			entry = undefined;
		}
	} catch (error) {
		throw explainArchiveFailure(name, entry, error);
	}

	extraction.finish();
}

async function unpackMember(extraction: ExtractionRoot, {entry, content}: TarMemberRead, owner: Owner | undefined): Promise<void> {
	const {mtimeNanoseconds, type} = entry;
	const path = parseEntryPath(entry.path);
	if (path === undefined) {
		return;
	}

	const place = extraction.place(path);
	const existing = statusIn(place.directory, place.name);
	const isKept = type === 'directory' && existing?.isDirectory() === true;
	if (existing !== undefined && !isKept) {
		await extraction.remove(place);
	}

	const attributes = {...entry, ...owner, mtimeNanoseconds: mtimeNanoseconds < 0n ? 0n : mtimeNanoseconds};
	switch (type) {
		case 'directory': {
			unpackDirectory(place, attributes, isKept);
			extraction.rememberTime(path, attributes.mtimeNanoseconds);
			break;
		}

		case 'file': {
			await unpackFile(place, attributes, content);
			break;
		}

		case 'hardlink': {
			unpackHardlink(extraction, place, attributes);
			break;
		}

		case 'symlink':
		case 'character':
		case 'block':
		case 'fifo': {
			unpackSpecialFile(place, attributes, type);
			break;
		}
	}
}

function unpackDirectory({directory, name}: ExtractionPlace, attributes: TarEntry, isKept: boolean): void {
	if (!isKept) {
		makeDirectory(directory, name, 0o700);
	}

	using made = openFile(directory, name, {flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW});
	setAttributes(made, attributes);
}

async function unpackFile({directory, name}: ExtractionPlace, attributes: TarEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
	using file = openFile(directory, name, {flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600});
	await writeContent(file, content, attributes.size);
	setAttributes(file, attributes);
	setBothTimes(file, itself, attributes);
}

// The entry of a hardlink says anew what the file is like.
function unpackHardlink(extraction: ExtractionRoot, place: ExtractionPlace, attributes: TarEntry): void {
	const target = parseEntryPath(attributes.linkTarget);
	const existing = target && extraction.existingPlace(target);
	if (existing === undefined) {
		throw archiveError(`the file that it links to, ${displayName(attributes.linkTarget)}, is not there`);
	}

	using _directory = existing.directory;
	linkFile(existing, place);
	const isSymbolicLink = statusIn(place.directory, place.name)!.isSymbolicLink();
	setAttributes(place, isSymbolicLink ? {...attributes, type: 'symlink'} : attributes);
	if (!isSymbolicLink) {
		setBothTimes(place.directory, place.name, attributes);
	}
}

function unpackSpecialFile(place: ExtractionPlace, attributes: TarEntry, kind: 'symlink' | 'character' | 'block' | 'fifo'): void {
	const {directory, name} = place;
	const {deviceMajor: major, deviceMinor: minor, linkTarget} = attributes;
	if (kind === 'character' && major === 0 && minor === 0) {
		throw archiveError('overlayfs takes a device 0:0 for a whiteout');
	}

	if (kind === 'symlink') {
		makeSymbolicLink(directory, name, linkTarget);
	} else if (kind !== 'fifo' && isInUserNamespace()) {
		return;
	} else {
		makeDeviceFile(directory, name, {
			kind, mode: 0o600, major, minor,
		});
	}

	setAttributes(place, attributes);
	setBothTimes(directory, name, attributes);
}

function setBothTimes(directory: Descriptor, name: Buffer, {mtimeNanoseconds}: TarEntry): void {
	setTimes(directory, name, {atimeNanoseconds: mtimeNanoseconds, mtimeNanoseconds});
}
