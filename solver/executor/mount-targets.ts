import {Buffer} from 'node:buffer';
import {fstatSync} from 'node:fs';
import {posix} from 'node:path';
import {errorCode} from '../../src/kernel/errors.ts';
import {
	O_CREAT,
	O_DIRECTORY,
	O_EXCL,
	O_PATH,
	O_WRONLY,
} from '../../src/linux/constants.ts';
import type {Descriptor} from '../../src/linux/descriptor.ts';
import {makeDirectory, readSymbolicLink} from '../../src/linux/files.ts';
import {LinuxError} from '../../src/linux/linux-error.ts';
import {makeDirectoriesInRoot} from '../../src/linux/make-directories.ts';
import type {Name} from '../../src/linux/name.ts';
import {openFile} from '../../src/linux/open-file.ts';
import {openInRoot, realPathInRoot} from '../../src/linux/resolve.ts';
import {setupError} from './setup-error.ts';
import {MountStubs} from './mount-stubs.ts';

// As many as the kernel follows. https://man7.org/linux/man-pages/man7/path_resolution.7.html
const maximumLinks = 40;

const stubAttributes = {mode: 0o755, uid: 0, gid: 0};

/**
The places in a root on which something will be mounted, opened before init runs.

The root is a mount that is attached nowhere yet. Init attaches this very mount, so a descriptor that was opened in it here is a mount point there: `move_mount` takes it without a path, and whatever links the image holds, nothing is left to resolve. Descriptors live as long as this object. What is missing is made, and removed again by `removeStubs`.
*/
export class MountTargets implements Disposable {
	readonly #root: Descriptor;
	readonly #opened = new DisposableStack();
	readonly #stubs = new MountStubs();

	/**
	Begins with nothing opened.

	@param root the root filesystem of the step, or another mount that something will be mounted in
	*/
	constructor(root: Descriptor) {
		this.#root = root;
	}

	#openIfPresent(path: Name): Descriptor | undefined {
		try {
			return this.#opened.use(openInRoot(this.#root, path, {flags: O_PATH}));
		} catch (error) {
			if (errorCode(error) === 'ENOENT') {
				return undefined;
			}

			throw error;
		}
	}

	#makeDirectories(path: Name): Descriptor {
		const timeBefore = this.#timeOfDeepestDirectory(path);
		const {directory, created} = makeDirectoriesInRoot(this.#root, path, stubAttributes);
		for (const [index, createdPath] of created.entries()) {
			const text = createdPath.toString('latin1');
			const parent = this.#opened.use(openInRoot(this.#root, directoryOf(text), {flags: O_PATH}));
			const name = nameOf(text);
			const file = this.#opened.use(openFile(parent, name, {flags: O_PATH}));
			// The others' parents are new themselves.
			this.#stubs.add({
				parent, name, file, parentTimeBefore: index === 0 ? timeBefore : undefined,
			});
		}

		return this.#opened.use(directory);
	}

	#timeOfDeepestDirectory(path: Name): bigint | undefined {
		for (let text = Buffer.from(path).toString('latin1'); text !== '/'; text = posix.dirname(text)) {
			try {
				using directory = openInRoot(this.#root, directoryOf(text), {flags: O_PATH});
				return fstatSync(directory.number, {bigint: true}).mtimeNs;
			} catch (error) {
				if (!(error instanceof LinuxError)) {
					throw error;
				}
			}
		}

		return undefined;
	}

	#makeFile(parent: Descriptor, name: Buffer): Descriptor | undefined {
		const parentTimeBefore = fstatSync(parent.number, {bigint: true}).mtimeNs;
		try {
			using _made = openFile(parent, name, {flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o644});
		} catch (error) {
			if (errorCode(error) === 'EEXIST') {
				return undefined;
			}

			throw error;
		}

		const file = this.#opened.use(openFile(parent, name, {flags: O_PATH}));
		this.#stubs.add({
			parent, name, file, parentTimeBefore,
		});
		return file;
	}

	/**
	Opens a directory at the top of the root, which must be there itself: a link would lead the mounts and masks of /proc elsewhere (CVE-2023-27561, CVE-2026-41579). It is made when missing, and stays, as in BuildKit.

	@throws {TsbuildError} `ERR_TSBUILD_CONTAINER_SETUP`
	*/
	openSystemDirectory(name: 'proc' | 'sys' | 'dev'): Descriptor {
		const open = () => this.#opened.use(openInRoot(this.#root, name, {flags: O_PATH | O_DIRECTORY, followLast: false}));
		try {
			return open();
		} catch (error) {
			if (errorCode(error) !== 'ENOENT') {
				throw setupError(`failed to mount on /${name}: it is not a directory in the image`, {cause: error});
			}
		}

		makeDirectory(this.#root, name, 0o755);
		return open();
	}

	/**
	Opens a directory; links are followed inside the root.

	@throws {LinuxError}
	*/
	openDirectory(path: Name): Descriptor {
		return this.#openIfPresent(path) ?? this.#makeDirectories(path);
	}

	/**
	Opens a file; links are followed inside the root, also those that lead to nothing.

	@throws {LinuxError}
	*/
	openFile(path: string): Descriptor {
		const present = this.#openIfPresent(path);
		if (present !== undefined) {
			return present;
		}

		let current = Buffer.from(path).toString('latin1');
		for (let links = 0; links <= maximumLinks; links++) {
			const parent = this.openDirectory(directoryOf(current));
			const name = nameOf(current);
			const made = this.#makeFile(parent, name);
			if (made !== undefined) {
				return made;
			}

			const parentPath = realPathInRoot(this.#root, directoryOf(current)).toString('latin1');
			current = posix.resolve(parentPath, readSymbolicLink(parent, name).toString('latin1'));
		}

		throw setupError(`failed to mount on ${path}: too many symbolic links`);
	}

	/** Removes what was made. All processes that see the root must be gone. */
	removeStubs(): void {
		this.#stubs.remove();
	}

	[Symbol.dispose](): void {
		this.#opened.dispose();
	}
}

// Paths are bytes here, each held as one UTF-16 unit ("latin1") so that they can be split.
function directoryOf(path: string): Buffer {
	return Buffer.from(posix.dirname(path), 'latin1');
}

function nameOf(path: string): Buffer {
	return Buffer.from(posix.basename(path), 'latin1');
}
