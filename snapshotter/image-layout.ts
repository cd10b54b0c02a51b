import {randomUUID} from 'node:crypto';
import {constants} from 'node:fs';
import {
	access,
	mkdir,
	open,
	rename,
	rm,
} from 'node:fs/promises';
import path from 'node:path';
import is from '@sindresorhus/is';
import {parseDigest} from '../src/kernel/digest.ts';
import {errorCode, errorMessage, TsbuildError} from '../src/kernel/errors.ts';
import {mediaTypes, type Descriptor, type ImageIndex} from '../src/kernel/oci-types.ts';
import {Descriptor as OpenFile} from '../src/linux/descriptor.ts';
import {lock} from '../src/linux/lock.ts';

// https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file
const layoutText = '{"imageLayoutVersion":"1.0.0"}';

// An index names images, it does not hold them; a larger one is an attack on the memory.
const maximumIndexSize = 16 * 1024 * 1024;

type UpdateOptions = {
	readonly temporaryFile: string;
	readonly signal?: AbortSignal | undefined;
};

/**
Makes the files of an empty OCI image layout, where they are missing.

@see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
*/
export async function createImageLayout(directory: string): Promise<void> {
	await mkdir(path.join(directory, 'blobs/sha256'), {recursive: true});
	using _lock = await lockLayout(directory);
	await writeUnlessThere(path.join(directory, 'index.json'), JSON.stringify({schemaVersion: 2, mediaType: mediaTypes.index, manifests: []}));
	// Last, because it is what makes the directory a layout.
	await writeUnlessThere(path.join(directory, 'oci-layout'), layoutText);
}

/**
Checks that a directory is an OCI image layout of a version that we know.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`
*/
export async function checkImageLayout(directory: string): Promise<void> {
	const content = await readLayoutFile(directory, 'oci-layout');
	if (!is.plainObject(content) || content.imageLayoutVersion !== '1.0.0') {
		throw layoutError(directory, 'oci-layout does not say version 1.0.0');
	}
}

/**
The `index.json` of a layout, checked.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`
@see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#indexjson-file
*/
export async function readLayoutIndex(directory: string): Promise<ImageIndex> {
	const content = await readLayoutFile(directory, 'index.json');
	if (!is.plainObject(content) || content.schemaVersion !== 2 || !is.array(content.manifests, isDescriptor)) {
		throw layoutError(directory, 'index.json is no image index');
	}

	return content as ImageIndex;
}

/**
Replaces the `index.json` of a layout by what `change` makes of it, alone among all processes of ours. `temporaryFile` is a new path on the same file system.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`; the reason of `signal`
*/
export async function updateLayoutIndex(directory: string, change: (index: ImageIndex) => ImageIndex, {temporaryFile, signal}: UpdateOptions): Promise<void> {
	using _lock = await lockLayout(directory, signal);
	const before = await readLayoutIndex(directory);
	const after = change(before);
	// Waiting for the disk would be a part of each build that finds all in the cache.
	if (JSON.stringify(after) !== JSON.stringify(before)) {
		await replaceFile(path.join(directory, 'index.json'), JSON.stringify(after), temporaryFile);
	}
}

// The lock is on the directory itself: a lock file would be a stranger in the layout.
async function lockLayout(directory: string, signal?: AbortSignal): Promise<OpenFile> {
	const opened = OpenFile.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
	try {
		await lock(opened, 'exclusive', {...(signal && {signal})});
		return opened;
	} catch (error) {
		opened.close();
		throw error;
	}
}

async function writeUnlessThere(file: string, text: string): Promise<void> {
	try {
		await access(file);
	} catch (error) {
		if (errorCode(error) !== 'ENOENT') {
			throw error;
		}

		await replaceFile(file, text, `${file}.${randomUUID()}`);
	}
}

async function replaceFile(file: string, text: string, temporary: string): Promise<void> {
	try {
		await using handle = await open(temporary, 'wx', 0o644);
		await handle.writeFile(text);
		await handle.sync();
		await rename(temporary, file);
	} catch (error) {
		await rm(temporary, {force: true});
		throw error;
	}
}

async function readLayoutFile(directory: string, name: string): Promise<unknown> {
	try {
		const text = await readSmallFile(path.join(directory, name));
		return JSON.parse(text) as unknown;
	} catch (error) {
		throw layoutError(directory, errorMessage(error), error);
	}
}

// A layout from elsewhere may hold anything under these names: a fifo that would wait for ever, a device, a file without end.
async function readSmallFile(file: string): Promise<string> {
	await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
	const status = await handle.stat();
	if (!status.isFile() || status.size > maximumIndexSize) {
		throw new Error(`${path.basename(file)} is no regular file of at most ${maximumIndexSize} bytes`);
	}

	return await handle.readFile('utf8');
}

function isDescriptor(value: unknown): value is Descriptor {
	return is.plainObject(value)
		&& is.nonEmptyString(value.mediaType)
		&& is.string(value.digest) && isDigest(value.digest)
		&& is.safeInteger(value.size) && !is.negativeNumber(value.size)
		&& (value.annotations === undefined || (is.plainObject(value.annotations) && Object.values(value.annotations).every(annotation => is.string(annotation))));
}

function isDigest(text: string): boolean {
	try {
		return parseDigest(text) === text;
	} catch {
		return false;
	}
}

function layoutError(directory: string, reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_LAYOUT', `failed to read OCI image layout ${directory}: ${reason}`, {
		...(cause !== undefined && {cause}),
		hint: 'An image layout is a directory with the files oci-layout and index.json and the folder blobs.',
	});
}
