import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {
	chmod,
	mkdir,
	rename,
	rm,
	writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import {
	O_CREAT,
	O_DIRECTORY,
	O_PATH,
	O_RDWR,
} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import {lock, tryLock} from '../src/linux/lock.ts';

/** How steps that run at the same time share a cache: all use one; each has its own; one waits for the other. */
export type CacheSharing = 'shared' | 'private' | 'locked';

/** A cache of RUN steps that is wanted. */
export type CacheRequest = {
	/** Any text: it is hashed before it becomes part of a path. */
	readonly id: string;
	readonly sharing: CacheSharing;
	/** Fills the directory when it is made. */
	readonly fill: (directory: Descriptor) => Promise<void>;
	readonly signal: AbortSignal;
};

/** A cache directory, held until it is disposed. */
export type CacheDirectory = Disposable & {readonly directory: Descriptor};

/**
Opens the directory of a cache mount. It outlives the build, and is kept as it is when a step fails or is killed.

A lock on a file beside it says who uses it, so that it ends with its process: https://man7.org/linux/man-pages/man2/flock.2.html

@throws {LinuxError} or a system error of Node; the reason of `signal`
@see https://docs.docker.com/reference/dockerfile/#run---mounttypecache
*/
export async function openCacheDirectory(storeRoot: string, request: CacheRequest): Promise<CacheDirectory> {
	const top = path.join(storeRoot, 'cache-mounts', createHash('sha256').update(request.id).digest('hex'));
	await mkdir(top, {recursive: true, mode: 0o700});
	await writeFile(path.join(top, 'id'), request.id, {mode: 0o600});
	using opened = new DisposableStack();
	const {place, held} = request.sharing === 'private' ? await lockFree(top) : await lockCommon(top, request);
	opened.use(held);
	await fillOnce(place, request);
	const directory = opened.use(Descriptor.open(path.join(place, 'data'), O_PATH | O_DIRECTORY));
	const kept = opened.move();
	return {
		directory,
		[Symbol.dispose]() {
			kept.dispose();
		},
	};
}

type Held = {readonly place: string; readonly held: Descriptor};

async function lockCommon(top: string, {sharing, signal}: CacheRequest): Promise<Held> {
	const place = path.join(top, '0');
	const held = await openLockFile(place, 'lock');
	try {
		await lock(held, sharing === 'locked' ? 'exclusive' : 'shared', {signal});
		return {place, held};
	} catch (error) {
		held.close();
		throw error;
	}
}

/** The first directory that nobody else uses. */
async function lockFree(top: string): Promise<Held> {
	for (let number = 0; ; number++) {
		const place = path.join(top, String(number));
		const held = await openLockFile(place, 'lock');
		if (tryLock(held, 'exclusive')) {
			return {place, held};
		}

		held.close();
	}
}

async function openLockFile(place: string, name: string): Promise<Descriptor> {
	await mkdir(place, {recursive: true, mode: 0o700});
	return Descriptor.open(path.join(place, name), O_RDWR | O_CREAT);
}

/** The directory appears whole or not at all, whoever is killed meanwhile. */
async function fillOnce(place: string, {fill, signal}: CacheRequest): Promise<void> {
	const data = path.join(place, 'data');
	using making = await openLockFile(place, 'making');
	await lock(making, 'exclusive', {signal});
	if (existsSync(data)) {
		return;
	}

	const fresh = path.join(place, 'new');
	await rm(fresh, {recursive: true, force: true});
	await mkdir(fresh);
	await chmod(fresh, 0o755);
	using directory = Descriptor.open(fresh, O_PATH | O_DIRECTORY);
	await fill(directory);
	await rename(fresh, data);
}
