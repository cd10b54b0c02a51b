import {Buffer} from 'node:buffer';
import {
	fstatSync,
	openSync,
	readSync,
	read as readWithCallback,
	type BigIntStats,
} from 'node:fs';
import {promisify} from 'node:util';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_PATH,
	O_RDONLY,
	RESOLVE_BENEATH,
	RESOLVE_NO_MAGICLINKS,
	RESOLVE_NO_SYMLINKS,
} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {pathIn} from '../../snapshotter/file-attributes.ts';
import {Unplannable} from './unplannable.ts';

const read = promisify(readWithCallback);

/** A directory that planned files are in. */
export type SourceDirectory = {
	/** Of the tree; stays open until the files are read. */
	readonly root: Descriptor;
	/** Inside the tree, without symbolic links and without slashes around it. */
	readonly path: Buffer;
};

/** Where the content of a planned file is. */
export type PlannedContent = {
	readonly directory: SourceDirectory;
	readonly name: Buffer;
	/** What the file was when it was planned. If it is no longer, the plan is void. */
	readonly status: BigIntStats;
};

/** Up to this size, reading at once is quicker than any way that lets other work in between. In bytes. */
const smallFileSize = 256 * 1024;

const chunkSize = 1024 * 1024;

/**
Reads planned files. Directories are opened anew, because there may be more of them than a process may hold open; most files are in the directory of the one before.

Whatever is not as planned, before or after its reading, makes it throw `Unplannable`.
*/
export class PlannedContentReader implements Disposable {
	#last: {readonly directory: SourceDirectory; readonly descriptor: Descriptor} | undefined;

	#openDirectory(directory: SourceDirectory): Descriptor {
		if (this.#last?.directory !== directory) {
			const descriptor = openPlanned(() => openFile(directory.root, directory.path.length === 0 ? '.' : directory.path, {
				flags: O_PATH | O_DIRECTORY | O_NOFOLLOW,
				resolve: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
			}));
			this.#last?.descriptor.close();
			this.#last = {directory, descriptor};
		}

		return this.#last.descriptor;
	}

	/** The content of a file: at once, or as it is read. */
	read({directory, name, status}: PlannedContent): Uint8Array | AsyncIterable<Uint8Array> {
		const parent = this.#openDirectory(directory);
		// The name may lead to a fifo by now, for whose writer this would wait.
		const file = openPlanned(() => new Descriptor(openSync(pathIn(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)));
		return status.size <= smallFileSize ? readSmallFile(file, status) : readLargeFile(file, status);
	}

	[Symbol.dispose](): void {
		this.#last?.descriptor.close();
	}
}

function openPlanned(open: () => Descriptor): Descriptor {
	try {
		return open();
	} catch (error) {
		throw new Unplannable('a source that cannot be opened any more', {cause: error});
	}
}

function readSmallFile(file: Descriptor, status: BigIntStats): Uint8Array {
	using _file = file;
	const content = Buffer.allocUnsafe(Number(status.size));
	let length = 0;
	for (let count = -1; count !== 0 && length < content.length; length += count) {
		count = readSync(file.number, content, length, content.length - length, length);
	}

	requireUnchanged(file, status);
	return content;
}

async function * readLargeFile(file: Descriptor, status: BigIntStats): AsyncGenerator<Uint8Array> {
	using _file = file;
	const size = Number(status.size);
	for (let position = 0; position < size;) {
		// Not reused: whoever takes the chunk may still have it in hand.
		const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - position));
		const {bytesRead} = await read(file.number, buffer, 0, buffer.length, position);
		if (bytesRead === 0) {
			throw new Unplannable('a source that became shorter');
		}

		position += bytesRead;
		yield buffer.subarray(0, bytesRead);
	}

	requireUnchanged(file, status);
}

function requireUnchanged(file: Descriptor, before: BigIntStats): void {
	const after = fstatSync(file.number, {bigint: true});
	if ((['dev', 'ino', 'mode', 'size', 'mtimeNs', 'ctimeNs'] as const).some(field => after[field] !== before[field])) {
		throw new Unplannable('a source that changed');
	}
}
