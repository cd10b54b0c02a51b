import {
	fstatSync,
	mkdirSync,
	readdirSync,
	unlinkSync,
} from 'node:fs';
import path from 'node:path';
import {parseDigest, splitDigest} from '../src/kernel/digest.ts';
import {errorCode} from '../src/kernel/errors.ts';
import {O_CREAT, O_RDWR} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {lock, tryLock} from '../src/linux/lock.ts';

/**
What is being made in a store at the moment, by any process: one locked file for each, named by a cache key.

The lock belongs to the open file and ends with its process, however that ends: https://man7.org/linux/man-pages/man2/flock.2.html
*/
export class FlightFiles {
	readonly #directory: string;

	/** `root` is the directory of the store. */
	constructor(root: string) {
		this.#directory = flightsDirectory(root);
	}

	#fileOf(key: string): string {
		return path.join(this.#directory, splitDigest(parseDigest(key)).hex);
	}

	#create(key: string): Descriptor {
		try {
			return Descriptor.open(this.#fileOf(key), O_RDWR | O_CREAT);
		} catch (error) {
			if (errorCode(error) !== 'ENOENT') {
				throw error;
			}

			mkdirSync(this.#directory, {recursive: true, mode: 0o700});
			return Descriptor.open(this.#fileOf(key), O_RDWR | O_CREAT);
		}
	}

	/**
	Takes the lock of a key; disposing gives it back and removes the file.

	@returns `undefined` while somebody else has it
	@throws {TsbuildError} `ERR_TSBUILD_INVALID_DIGEST` for a key that is none; {LinuxError} or a system error of Node
	*/
	tryBegin(key: string): Disposable | undefined {
		for (;;) {
			const file = this.#create(key);
			if (!tryLock(file, 'exclusive')) {
				file.close();
				return undefined;
			}

			if (isNamed(file)) {
				return {
					[Symbol.dispose]: () => {
						using _file = file;
						removeIfThere(this.#fileOf(key));
					},
				};
			}

			// It was removed between opening and locking: the lock is one of a nameless file.
			file.close();
		}
	}

	/**
	Waits until nobody has the lock of a key.

	@throws {LinuxError} or a system error of Node; the reason of `signal`
	*/
	async waitForOther(key: string, {signal}: {readonly signal: AbortSignal}): Promise<void> {
		using file = openIfThere(this.#fileOf(key));
		if (file !== undefined) {
			await lock(file, 'shared', {signal});
		}
	}
}

/** Removes the files that dead processes have left. */
export function removeLandedFlights(root: string): void {
	const directory = flightsDirectory(root);
	for (const name of listIfThere(directory)) {
		const file = path.join(directory, name);
		using opened = openIfThere(file);
		// Locked, it is nobody else's; it may be that of the next who came by in between, whose name must stay.
		if (opened !== undefined && tryLock(opened, 'exclusive') && isNamed(opened)) {
			removeIfThere(file);
		}
	}
}

function flightsDirectory(root: string): string {
	return path.join(root, 'flights');
}

function isNamed(file: Descriptor): boolean {
	return fstatSync(file.number).nlink > 0;
}

function openIfThere(file: string): Descriptor | undefined {
	return unlessMissing(() => Descriptor.open(file, O_RDWR));
}

function listIfThere(directory: string): readonly string[] {
	return unlessMissing(() => readdirSync(directory)) ?? [];
}

// Not by `rmSync`, whose errors have no code.
function removeIfThere(file: string): void {
	unlessMissing(() => {
		unlinkSync(file);
	});
}

function unlessMissing<Value>(call: () => Value): Value | undefined {
	try {
		return call();
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}
