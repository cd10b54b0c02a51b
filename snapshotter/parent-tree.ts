import type {Buffer} from 'node:buffer';
import {errorCode} from '../src/kernel/errors.ts';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_PATH,
	RESOLVE_BENEATH,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {openFile} from '../src/linux/open-file.ts';
import {sortedNames} from './file-attributes.ts';

/**
The merged tree that a layer is put on. There, a layer's paths are plain: what leads through a symbolic link is not what the layer means, because its directories take the place of links.
*/
export class ParentTree {
	readonly #root: Descriptor | undefined;

	/** Without a root there is nothing below. */
	constructor(root: Descriptor | undefined) {
		this.#root = root;
	}

	#open(path: Buffer, flags: number): Descriptor | undefined {
		if (this.#root === undefined) {
			return undefined;
		}

		try {
			return openFile(this.#root, path.length === 0 ? '.' : path, {flags: O_PATH | O_NOFOLLOW | flags, resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS});
		} catch (error) {
			if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error) ?? '')) {
				return undefined;
			}

			throw error;
		}
	}

	/** The directory at a path; `undefined` when there is none. The caller closes it. */
	openDirectory(path: Buffer): Descriptor | undefined {
		return this.#open(path, O_DIRECTORY);
	}

	/** Whether there is anything at a path. */
	has(path: Buffer): boolean {
		using file = this.#open(path, 0);
		return file !== undefined;
	}

	/** All that stands at the top of the tree. */
	rootNames(): readonly Buffer[] {
		return this.#root === undefined ? [] : sortedNames(this.#root);
	}
}
