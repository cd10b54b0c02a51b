import {Buffer} from 'node:buffer';
import {createHash, randomUUID} from 'node:crypto';
import {
	mkdir,
	open,
	readdir,
	rename,
	rm,
	stat,
	type FileHandle,
} from 'node:fs/promises';
import path from 'node:path';
import {
	digestOf,
	parseDigest,
	splitDigest,
	type Digest,
} from '../src/kernel/digest.ts';
import {errorCode, TsbuildError} from '../src/kernel/errors.ts';
import type {LateWork} from '../src/kernel/late-work.ts';
import type {ImageIndex} from '../src/kernel/oci-types.ts';
import {oneChunk} from '../src/kernel/one-chunk.ts';
import {gatherChunks} from './gather-chunks.ts';
import {
	checkImageLayout,
	createImageLayout,
	readLayoutIndex,
	updateLayoutIndex,
} from './image-layout.ts';
import {RemoteBlobs, type RemoteBlob} from './remote-blobs.ts';
import {storeError} from './store-error.ts';
import {contentError, readVerified, type ReadOptions} from './verified-read.ts';

/** A blob that is in a content store. */
export type StoredBlob = {
	readonly digest: Digest;
	/** Bytes. */
	readonly size: number;
};

/** What is known about bytes before they come; what they turn out to be must agree. */
export type IngestOptions = {
	readonly expectedDigest?: Digest | undefined;
	/** Bytes. Not one more is written. */
	readonly expectedSize?: number | undefined;
	/** Told how far it is. */
	readonly observer?: IngestObserver | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** Whoever wants to know of a blob while it is taken in. */
export type IngestObserver = {
	/** Its bytes go to this file, which keeps neither its name nor, when it fails, anything. */
	begin(file: string): Promise<void>;
	/** So many bytes are in the file. */
	advance(size: number): void;
};

/** How a content store works. */
export type ContentStoreOptions = {
	/** Gives a new path on the same file system, where a blob is kept until it is complete; by default in the layout itself. */
	readonly temporaryFile?: () => string;
	/** Told of each blob that is asked for or taken in, before it is looked for or put in its place: whoever uses it does not want it removed meanwhile. */
	readonly hold?: (digest: Digest) => void;
	/** Told before a blob is taken in, with the bytes that are expected: it may refuse. */
	readonly beforeWriting?: ((size: number) => Promise<void>) | undefined;
};

// Manifests and configs are a few kilobytes; registries take at most 4 MiB. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
const defaultMaximumSize = 4 * 1024 * 1024;

// Layers come in many small pieces, which would each cost a system call.
const writeSize = 256 * 1024;

const algorithms = ['sha256', 'sha512'] as const;

/**
Blobs by their digest, in a directory that is an OCI image layout: the store's own, or any other that is read from or exported to.

A blob is there whole or not at all, and what is read is verified. All functions may run at the same time in many processes; the same blob may be written twice.

@see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
*/
export class ContentStore {
	readonly #temporaryFile: () => string;
	readonly #hold: ((digest: Digest) => void) | undefined;
	readonly #beforeWriting: ContentStoreOptions['beforeWriting'];
	readonly #remoteBlobs = new RemoteBlobs();
	readonly directory: string;

	constructor(directory: string, {temporaryFile = () => path.join(directory, `.ingest-${randomUUID()}`), hold, beforeWriting}: ContentStoreOptions = {}) {
		this.directory = directory;
		this.#temporaryFile = temporaryFile;
		this.#hold = hold;
		this.#beforeWriting = beforeWriting;
	}

	async #isWhole({digest, size}: StoredBlob): Promise<boolean> {
		try {
			await this.readBytes(digest, {size, maximumSize: size});
			return true;
		} catch {
			return false;
		}
	}

	/** Where the blob is, or would be. */
	path(digest: Digest): string {
		const {algorithm, hex} = splitDigest(parseDigest(digest));
		return path.join(this.directory, 'blobs', algorithm, hex);
	}

	/** Is the blob there, or can it be had as soon as it is read? In a store it is kept from now on, until the session ends. */
	async has(digest: Digest): Promise<boolean> {
		this.#hold?.(digest);
		return this.#remoteBlobs.has(digest) || await this.size(digest) !== undefined;
	}

	/** Says where a blob is that need not be there: it is taken in when it is first read. */
	provide(blob: RemoteBlob): void {
		this.#remoteBlobs.add(blob);
	}

	/**
	Takes in a blob that was provided, unless it is there. Nothing happens to one that was not.

	@throws as `ingest`; what the place throws where the blob is
	*/
	async bring(digest: Digest, {signal}: Pick<ReadOptions, 'signal'> = {}): Promise<void> {
		await this.#remoteBlobs.bring(digest, {
			isHere: async () => await this.size(digest) !== undefined,
			takeIn: async blob => {
				await this.ingest(blob.read({signal}), {expectedDigest: digest, expectedSize: blob.size, signal});
			},
		});
	}

	/** Begins work on a blob that was provided, such as unpacking it; `undefined` if nobody is to be told of it. */
	beginWork(digest: Digest): LateWork | undefined {
		return this.#remoteBlobs.beginWork(digest);
	}

	/** Bytes of the blob; `undefined` when it is not there, even if it can be had. */
	async size(digest: Digest): Promise<number | undefined> {
		const status = await stat(this.path(digest), {throwIfNoEntry: false});
		return status?.isFile() ? status.size : undefined;
	}

	/**
	The bytes of a blob, see `readVerified`.

	@yields chunks
	@throws {TsbuildError} `ERR_TSBUILD_CONTENT_NOT_FOUND`, `ERR_TSBUILD_CONTENT`; as `bring`; the reason of `signal`
	*/
	async * read(digest: Digest, options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
		await this.bring(digest, options);
		yield * readVerified(this.path(digest), digest, options);
	}

	/**
	A small blob, such as a manifest, as a whole: at most `maximumSize` bytes, 4 MiB by default.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT_NOT_FOUND`; `ERR_TSBUILD_CONTENT` also when it is larger
	*/
	async readBytes(digest: Digest, {maximumSize = defaultMaximumSize, ...options}: ReadOptions & {readonly maximumSize?: number} = {}): Promise<Uint8Array> {
		const size = await this.size(digest);
		if (size !== undefined && size > maximumSize) {
			throw contentError(digest, `it has ${size} bytes, more than the ${maximumSize} that are taken`);
		}

		const chunks = await Array.fromAsync(this.read(digest, {...options, size: options.size ?? size}));
		return Buffer.concat(chunks);
	}

	/**
	Takes in a blob: written to a temporary file, checked, synced to the disk, and moved to its place. When it fails, nothing stays behind.

	@throws {TsbuildError} `ERR_TSBUILD_CONTENT` when size or digest is not the expected one; `ERR_TSBUILD_STORE` when it cannot be written, with the system's error as cause; what `source` throws; the reason of `signal`
	*/
	async ingest(source: AsyncIterable<Uint8Array>, options: IngestOptions = {}): Promise<StoredBlob> {
		await this.#beforeWriting?.(options.expectedSize ?? 0);
		const temporary = this.#temporaryFile();
		try {
			await using handle = await writing(temporary, async () => open(temporary, 'wx', 0o644));
			await options.observer?.begin(temporary);
			const blob = await copyChecked(source, {...options, write: async chunk => writing(temporary, async () => handle.writeFile(chunk))});
			this.#hold?.(blob.digest);
			// Also in the place of one that is there: that may have been damaged since.
			await writing(temporary, async () => publish(handle, temporary, this.path(blob.digest)));
			return blob;
		} finally {
			await rm(temporary, {force: true});
		}
	}

	/** Takes in bytes that are in memory. */
	async write(bytes: Uint8Array): Promise<StoredBlob> {
		const blob = {digest: digestOf(bytes), size: bytes.length};
		this.#hold?.(blob.digest);
		return await this.#isWhole(blob) ? blob : this.ingest(oneChunk(bytes), {expectedDigest: blob.digest});
	}

	/** Removes a blob; nothing happens when it is not there. */
	async remove(digest: Digest): Promise<void> {
		await rm(this.path(digest), {force: true});
	}

	/**
	The digests of all blobs. Files whose names are no digests are left out.

	@yields in no particular order
	*/
	async * list(): AsyncGenerator<Digest, void, undefined> {
		for (const algorithm of algorithms) {
			for (const name of await namesIn(path.join(this.directory, 'blobs', algorithm))) {
				const digest = digestFromName(algorithm, name);
				if (digest !== undefined) {
					yield digest;
				}
			}
		}
	}

	/**
	The layout's `index.json`.

	@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`
	*/
	async readIndex(): Promise<ImageIndex> {
		return readLayoutIndex(this.directory);
	}

	/**
	Replaces `index.json` by what `change` makes of it, alone among all processes of ours.

	@throws {TsbuildError} `ERR_TSBUILD_LAYOUT`; the reason of `signal`
	*/
	async updateIndex(change: (index: ImageIndex) => ImageIndex, options: {readonly signal?: AbortSignal} = {}): Promise<void> {
		await updateLayoutIndex(this.directory, change, {...options, temporaryFile: this.#temporaryFile()});
	}
}

/**
Opens an image layout that exists, such as the one of a user's `oci-layout://` reference. Nothing in it is trusted.

@throws {TsbuildError} `ERR_TSBUILD_LAYOUT` when it is none
*/
export async function openLayout(directory: string): Promise<ContentStore> {
	await checkImageLayout(directory);
	return new ContentStore(directory);
}

/**
Opens an image layout to write into; makes it where it is missing.
*/
export async function createLayout(directory: string, options: ContentStoreOptions = {}): Promise<ContentStore> {
	await createImageLayout(directory);
	return new ContentStore(directory, options);
}

type CopyOptions = IngestOptions & {readonly write: (chunk: Uint8Array) => Promise<void>};

async function copyChecked(source: AsyncIterable<Uint8Array>, {write, ...options}: CopyOptions): Promise<StoredBlob> {
	const {expectedDigest, expectedSize, observer} = options;
	const algorithm = expectedDigest === undefined ? 'sha256' : splitDigest(expectedDigest).algorithm;
	const hash = createHash(algorithm);
	let size = 0;
	for await (const chunk of gatherChunks(withinSize(source, options), writeSize)) {
		const written = write(chunk);
		// Hashed while the disk works.
		hash.update(chunk);
		size += chunk.length;
		await written;
		observer?.advance(size);
	}

	if (expectedSize !== undefined && size < expectedSize) {
		throw unexpected(expectedDigest, `only ${size} of the expected ${expectedSize} bytes came`);
	}

	const digest = parseDigest(`${algorithm}:${hash.digest('hex')}`);
	if (expectedDigest !== undefined && digest !== expectedDigest) {
		throw unexpected(expectedDigest, `its bytes have the digest ${digest}`);
	}

	return {digest, size};
}

async function * withinSize(source: AsyncIterable<Uint8Array>, {expectedDigest, expectedSize = Number.MAX_SAFE_INTEGER, signal}: IngestOptions): AsyncGenerator<Uint8Array, void, undefined> {
	let size = 0;
	signal?.throwIfAborted();
	for await (const chunk of source) {
		signal?.throwIfAborted();
		size += chunk.length;
		if (size > expectedSize) {
			throw unexpected(expectedDigest, `more than the expected ${expectedSize} bytes came`);
		}

		yield chunk;
	}
}

// The directory is not synced: a blob that a power loss took away is missing, never wrong, and whoever needs it makes it again.
async function publish(handle: FileHandle, temporary: string, file: string): Promise<void> {
	await handle.sync();
	await mkdir(path.dirname(file), {recursive: true});
	await rename(temporary, file);
}

async function writing<Value>(file: string, write: () => Promise<Value>): Promise<Value> {
	try {
		return await write();
	} catch (error) {
		throw storeError(`write blob in ${path.dirname(file)}`, error);
	}
}

async function namesIn(directory: string): Promise<readonly string[]> {
	try {
		return await readdir(directory);
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return [];
		}

		throw error;
	}
}

function digestFromName(algorithm: string, name: string): Digest | undefined {
	try {
		return parseDigest(`${algorithm}:${name}`);
	} catch {
		return undefined;
	}
}

function unexpected(digest: Digest | undefined, reason: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTENT', `failed to take in blob${digest === undefined ? '' : ` ${digest}`}: ${reason}`);
}
