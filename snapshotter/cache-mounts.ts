import {createHash} from 'node:crypto';
import {
	existsSync,
	fstatSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	utimesSync,
} from 'node:fs';
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
import {removeTree} from './remove-tree.ts';
import {treeSize} from './tree-size.ts';

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
	const top = path.join(cacheMountsDirectory(storeRoot), createHash('sha256').update(request.id).digest('hex'));
	await mkdir(top, {recursive: true, mode: 0o700});
	await writeFile(path.join(top, 'id'), request.id, {mode: 0o600});
	using opened = new DisposableStack();
	const {place, held} = request.sharing === 'private' ? await lockFree(top) : await lockCommon(top, request);
	opened.use(held);
	utimesSync(held.path, new Date(), new Date());
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

/** A cache that is kept. */
export type CacheMountEntry = {
	/** Short, unique in the store. */
	readonly id: string;
	/** The first line of the id that it was asked for by. */
	readonly name: string;
	readonly directory: string;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
	readonly lastUsedAt: number;
	/** A step has it mounted. */
	readonly isInUse: boolean;
	/** Bytes on the disk. */
	readonly size: number;
};

// With the number, as long as the ids of BuildKit.
const shortHashLength = 23;

/** The caches of a store, oldest first. */
export function listCacheMounts(storeRoot: string): readonly CacheMountEntry[] {
	const top = cacheMountsDirectory(storeRoot);
	const hashes = existsSync(top) ? readdirSync(top) : [];
	const entries = hashes.flatMap(hash => readdirSync(path.join(top, hash)).filter(name => /^\d+$/v.test(name)).map(number => describe(path.join(top, hash), number)));
	return entries.filter(entry => entry !== undefined).toSorted((left, right) => left.createdAt - right.createdAt);
}

/**
Removes a cache unless a step has it mounted. It is moved to `aside` first, a path in the folder of the session: what is left of it after a crash is swept.

@returns whether it was removed
*/
export async function removeCacheMount({directory}: CacheMountEntry, aside: string): Promise<boolean> {
	using held = await openLockFile(directory, 'lock');
	if (!tryLock(held, 'exclusive')) {
		return false;
	}

	renameSync(directory, aside);
	await removeTree(aside);
	return true;
}

function cacheMountsDirectory(storeRoot: string): string {
	return path.join(storeRoot, 'cache-mounts');
}

function describe(top: string, number: string): CacheMountEntry | undefined {
	const directory = path.join(top, number);
	const data = statSync(path.join(directory, 'data'), {throwIfNoEntry: false});
	if (data === undefined) {
		return undefined;
	}

	using held = Descriptor.open(path.join(directory, 'lock'), O_RDWR);
	const [name = ''] = readFileSync(path.join(top, 'id'), 'utf8').split('\n', 1);
	return {
		id: `${path.basename(top).slice(0, shortHashLength)}-${number}`,
		name,
		directory,
		createdAt: Math.trunc(data.birthtimeMs),
		lastUsedAt: Math.trunc(fstatSync(held.number).mtimeMs),
		isInUse: !tryLock(held, 'exclusive'),
		size: treeSize(directory),
	};
}

type Held = {readonly place: string; readonly held: Descriptor};

async function lockCommon(top: string, {sharing, signal}: CacheRequest): Promise<Held> {
	const place = path.join(top, '0');
	for (;;) {
		using opened = new DisposableStack();
		const held = opened.use(await openLockFile(place, 'lock'));
		await lock(held, sharing === 'locked' ? 'exclusive' : 'shared', {signal});
		if (isStill(held, place)) {
			opened.move();
			return {place, held};
		}
	}
}

/** The first directory that nobody else uses. */
async function lockFree(top: string): Promise<Held> {
	for (let number = 0; ; number++) {
		const place = path.join(top, String(number));
		const held = await openLockFile(place, 'lock');
		if (tryLock(held, 'exclusive') && isStill(held, place)) {
			return {place, held};
		}

		held.close();
	}
}

/** Whether the lock is that of the directory which is there now: it may have been removed between opening and locking. */
function isStill(held: Descriptor, place: string): boolean {
	const {ino} = fstatSync(held.number);
	return statSync(path.join(place, 'lock'), {throwIfNoEntry: false})?.ino === ino;
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
