import {
	chmodSync,
	mkdirSync,
	readdirSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import path from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {applyLayer} from '../../snapshotter/apply.ts';
import {decompressed} from '../../snapshotter/decompress.ts';
import {removeTree} from '../../snapshotter/remove-tree.ts';
import type {OverlayAttributes} from '../../snapshotter/whiteout.ts';
import {unpackArchive} from '../../solver/ops/unpack-archive.ts';
import {errorCode} from '../../src/kernel/errors.ts';
import {O_DIRECTORY, O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {createDetachedOverlay} from '../../src/linux/detached-overlay.ts';
import {inChunks} from './tar-bytes.ts';
import {makeTemporaryDirectory} from './temporary-directory.ts';
import {listTree} from './tree-listing.ts';

// How an archive may be refused. Whatever else is thrown is a fault of ours.
const refusals: ReadonlySet<string> = new Set(['ERR_TSBUILD_ARCHIVE', 'ERR_TSBUILD_DECOMPRESS', 'ERR_TSBUILD_LAYER', 'ERR_TSBUILD_TAR', 'ERR_TSBUILD_UNPACKED_SIZE']);

// What comes out of an archive at most: a test is not to fill the disk.
const maximumSize = 20_000_000;

// Descriptors that the process may open once for itself.
const tolerance = 5;

/** What an archive did. */
export type Outcome = {
	/** The code of the error; `undefined` when the archive was taken. */
	readonly code: string | undefined;
};

/**
A place for archives that try to get out: beside the directory that they are unpacked into stands a canary, and each use makes sure that nothing else was touched.
*/
export class ArchiveTrap implements AsyncDisposable {
	/** Makes the place. */
	static async open(): Promise<ArchiveTrap> {
		const {path: directory} = await makeTemporaryDirectory();
		for (const name of ['canary', 'lower', 'lower/d']) {
			mkdirSync(path.join(directory, name));
		}

		for (const name of ['canary/secret', 'lower/a', 'lower/d/a', 'lower/d/b']) {
			writeFileSync(path.join(directory, name), 'alive');
		}

		chmodSync(path.join(directory, 'canary/secret'), 0o600);
		symlinkSync('../canary', path.join(directory, 'lower/b'));
		symlinkSync(path.join(directory, 'canary'), path.join(directory, 'lower/c'));
		return new ArchiveTrap(directory);
	}

	readonly #directory: string;
	readonly #descriptors = openDescriptors();
	readonly #before: ReturnType<typeof listTree>;

	constructor(directory: string) {
		this.#directory = directory;
		this.#before = this.#outside();
	}

	#path(name: string): string {
		return path.join(this.#directory, name);
	}

	#outside(): ReturnType<typeof listTree> {
		return {...listTree(this.#path('canary')), ...listTree(this.#path('lower'))};
	}

	async #attempt(archive: () => Promise<unknown>, overlayAttributes: OverlayAttributes): Promise<Outcome> {
		mkdirSync(this.#path('into'));
		mkdirSync(this.#path('work'));
		try {
			const code = await codeOf(archive);
			if (openDescriptors() > this.#descriptors + tolerance) {
				throw new Error('descriptors are left open');
			}

			if (code === undefined) {
				await this.#list(overlayAttributes);
			}

			return {code};
		} finally {
			await removeTree(this.#path('into'));
			await removeTree(this.#path('work'));
			this.#check();
		}
	}

	// The kernel must understand what was made.
	async #list(overlayAttributes: OverlayAttributes): Promise<void> {
		if (overlayAttributes === 'none') {
			listTree(this.#path('into'));
			return;
		}

		using lower = Descriptor.open(this.#path('lower'), O_PATH | O_DIRECTORY);
		using merged = await createDetachedOverlay({
			lowerDirectories: [lower.path], upperDirectory: this.#path('into'), workDirectory: this.#path('work'), userxattr: overlayAttributes === 'user',
		});
		listTree(merged.path);
	}

	#check(): void {
		const names = readdirSync(this.#directory).toSorted();
		if (!isDeepStrictEqual(this.#outside(), this.#before) || !isDeepStrictEqual(names, ['canary', 'lower'])) {
			throw new Error('something outside was changed');
		}
	}

	/** Path of what is not to be reached. */
	get canary(): string {
		return this.#path('canary');
	}

	/** Applies an archive as a layer, on another one that has links to the canary. */
	async apply(archive: Uint8Array, overlayAttributes: OverlayAttributes = 'trusted'): Promise<Outcome> {
		using parent = Descriptor.open(this.#path('lower'), O_PATH | O_DIRECTORY);
		return await this.#attempt(async () => applyLayer(decompressed(inChunks(archive), {maximumSize}), {
			into: this.#path('into'), parent, overlayAttributes, maximumSize,
		}), overlayAttributes);
	}

	/** Unpacks an archive as ADD does, into a directory that has links to the canary. */
	async unpack(archive: Uint8Array): Promise<Outcome> {
		const file = this.#path('archive');
		writeFileSync(file, archive);
		const status = statSync(file, {bigint: true});
		using source = Descriptor.open(file, O_PATH);
		await removeTree(file);
		return await this.#attempt(async () => {
			using root = Descriptor.open(this.#path('into'), O_PATH | O_DIRECTORY);
			symlinkSync('../canary', this.#path('into/b'));
			symlinkSync(this.canary, this.#path('into/c'));
			await unpackArchive({file: source, status, isReadable: false}, {
				name: 'archive',
				root,
				destination: '/',
				owner: undefined,
				visit() {
					// Nobody else has the file.
				},
				maximumSize,
				signal: new AbortController().signal,
			});
		}, 'trusted');
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await removeTree(this.#directory);
	}
}

function openDescriptors(): number {
	return readdirSync('/proc/self/fd').length;
}

async function codeOf(action: () => Promise<unknown>): Promise<string | undefined> {
	try {
		await action();
		return undefined;
	} catch (error) {
		const code = errorCode(error);
		if (code === undefined || !refusals.has(code)) {
			throw error;
		}

		return code;
	}
}
