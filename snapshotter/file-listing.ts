import {Buffer} from 'node:buffer';
import {hash} from 'node:crypto';
import {zstdCompressSync, zstdDecompressSync} from 'node:zlib';
import type {HashedEntry} from './tree-hash.ts';

/** What is known of a file, in a few characters each. */
export type ListedFile = {
	/** The first letter of its kind: file, directory, symlink, character, block, fifo (`p`), socket (`o`). */
	readonly type: string;
	/** Permission bits, octal; empty when they do not count. */
	readonly mode: string;
	/** `user:group` in numbers. */
	readonly owner: string;
	/** Stands for the bytes of a file, or the target of a link. */
	readonly content: string;
	/** Stands for the extended attributes. */
	readonly attributes: string;
};

// Enough to see that two contents differ; nothing depends on it but an explanation.
const digestLength = 12;

// About a megabyte of database. Larger trees are told as one.
const maximumFiles = 100_000;

// Of what was written here, with room for the longest paths.
const maximumTextLength = 2 ** 29;

const letters: Readonly<Record<HashedEntry['type'], string>> = {
	file: 'f', directory: 'd', symlink: 's', character: 'c', block: 'b', fifo: 'p', socket: 'o',
};

/**
The files that a content digest is made of, so that two contents can be compared later.

Encoded it is zstd of `type mode owner content attributes`, NUL, path, NUL for each file: about 12 bytes a file.
*/
export class FileListing {
	readonly #texts: string[] = [];
	#isComplete = true;
	/** A tree has to be walked through even if it is known as a whole. */
	readonly needsEveryFile: boolean;

	constructor({needsEveryFile}: {readonly needsEveryFile: boolean}) {
		this.needsEveryFile = needsEveryFile;
	}

	/** Whether all files were told of. */
	get isComplete(): boolean {
		return this.#isComplete;
	}

	/** There are files that are not told of: their tree is known without a look at them. */
	miss(): void {
		this.#isComplete = false;
	}

	/** Takes a file by its path in the input, without slashes around it. */
	add(path: string, {type, status, attributes, content, ignored}: HashedEntry): void {
		if (this.#texts.length > maximumFiles) {
			return;
		}

		const mode = ignored.ignoresMode === true ? '' : (Number(status.mode) & 0o7777).toString(8).padStart(4, '0');
		const owner = ignored.zeroOwner ? '0:0' : `${status.uid}:${status.gid}`;
		this.#texts.push(`${letters[type]} ${mode} ${owner} ${content.slice(0, digestLength)} ${attributes === '' ? '' : hash('sha256', attributes).slice(0, digestLength)}\0${path}\0`);
	}

	/** Of a tree with too many files nothing is kept. */
	encode(): Uint8Array {
		return zstdCompressSync(Buffer.from(this.#texts.length > maximumFiles ? '' : this.#texts.join('')));
	}
}

/** The files of an encoded listing by their paths. */
export function decodeListing(bytes: Uint8Array): ReadonlyMap<string, ListedFile> {
	const parts = zstdDecompressSync(bytes, {maxOutputLength: maximumTextLength}).toString().split('\0');
	const files = new Map<string, ListedFile>();
	for (let index = 0; index + 1 < parts.length; index += 2) {
		const [type = '', mode = '', owner = '', content = '', attributes = ''] = parts[index]!.split(' ', 5);
		files.set(parts[index + 1]!, {
			type, mode, owner, content, attributes,
		});
	}

	return files;
}
