import {Buffer} from 'node:buffer';
import {errorCode} from '../../src/kernel/errors.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {changeMode, makeDirectory} from '../../src/linux/files.ts';
import {copyAttributes, type AttributeChanges, type CopySource} from './copy-attributes.ts';
import {openDirectory, type Place} from './destination.ts';

/** A directory at the destination, which is made when something is put into it. */
export type TargetDirectory = {
	readonly path: Buffer;
	open(): Descriptor;
};

/** A directory of the destination that has a source. It is made when it is opened first. */
export class NestedDirectory implements TargetDirectory, Disposable {
	readonly #parent: TargetDirectory;
	readonly #name: Buffer;
	readonly #source: CopySource;
	#opened: Descriptor | undefined;
	#isNew = false;
	readonly path: Buffer;

	/** Takes the place of a name in another directory; nothing happens yet. */
	constructor(parent: TargetDirectory, name: Buffer, source: CopySource) {
		this.#parent = parent;
		this.#name = name;
		this.#source = source;
		this.path = Buffer.concat([parent.path, Buffer.from(parent.path.at(-1) === 0x2F ? '' : '/'), name]);
	}

	/**
	Makes the directory, and those around it, unless they are there.

	@throws {TsbuildError} `ERR_TSBUILD_FILE` when something else is in the place
	*/
	open(): Descriptor {
		if (this.#opened === undefined) {
			const place = {directory: this.#parent.open(), name: this.#name, path: this.path};
			this.#isNew = makeIfMissing(place);
			this.#opened = openDirectory(place);
		}

		return this.#opened;
	}

	/** Attributes come when nothing is put into it any more, since that would change its times. */
	finish(changes: AttributeChanges): void {
		if (this.#opened !== undefined) {
			copyAttributes(this.#source, this.#opened, changes);
		}
	}

	/** As `finish`; but of a directory that was there before only the permissions are changed, to those of its source, as BuildKit does it. */
	finishPassage(changes: AttributeChanges): void {
		if (this.#isNew) {
			this.finish(changes);
		} else if (this.#opened !== undefined) {
			changeMode(this.#opened, '', Number(this.#source.status.mode) & 0o7777);
		}
	}

	[Symbol.dispose](): void {
		this.#opened?.close();
	}
}

/** Makes a directory unless something is there; says whether it did. */
function makeIfMissing({directory, name}: Place): boolean {
	try {
		makeDirectory(directory, name, 0o700);
		return true;
	} catch (error) {
		if (errorCode(error) === 'EEXIST') {
			return false;
		}

		throw error;
	}
}
