import {Buffer} from 'node:buffer';
import {hash} from 'node:crypto';
import {
	lstatSync,
	openSync,
	readdirSync,
	readlinkSync,
	type BigIntStats,
} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {errorCode} from '../src/kernel/errors.ts';
import {
	O_DIRECTORY,
	O_NOFOLLOW,
	O_NONBLOCK,
	O_RDONLY,
} from '../src/linux/constants.ts';
import {Descriptor} from '../src/linux/descriptor.ts';
import type {AttributeTarget} from '../src/linux/extended-attributes.ts';
import {BackgroundWork} from './background-work.ts';
import type {FileContent, FileDigests} from './file-digests.ts';
import {
	countedAttributes,
	entryHeader,
	entryType,
	hashEntries,
	hashEntry,
	type EntryDescription,
	type IgnoredState,
	type NamedDigest,
} from './hash-entry.ts';
import {
	fileChanged,
	hashLargeFile,
	hashSmallFile,
	smallFileSize,
	type HashedFile,
} from './hash-file.ts';

/**
What a filter says about a path. A `passage` is a directory that is excluded itself while something in it may not be; it counts only when something in it does.
*/
export type Verdict = 'included' | 'excluded' | 'passage';

/** What tells one state of a file from another. */
export type EntryStatus = Pick<BigIntStats, 'dev' | 'ino' | 'mode' | 'size' | 'mtimeNs' | 'ctimeNs' | 'isSymbolicLink'>;

/** A file or directory that counts. */
export type VisitedEntry = {
	/** As the filter gets it; empty for the top. */
	readonly relativePath: string;
	readonly status: EntryStatus;
	/** Whether its content has to be read. */
	readonly isRead: boolean;
};

/** A file or directory with what its digest is made of. */
export type HashedEntry = {
	readonly type: EntryDescription['type'];
	readonly status: BigIntStats;
	readonly attributes: string;
	/** Hexadecimal: the SHA-256 of a file's bytes or of a symbolic link's target; else empty. */
	readonly content: string;
	readonly ignored: IgnoredState;
};

/** How to hash a tree. */
export type TreeHashOptions = IgnoredState & {
	/** Asked for everything below the top, by its path relative to that, such as `a/b.txt`; names that are not UTF-8 come with replacement characters. */
	readonly filter?: ((path: string, isDirectory: boolean) => Verdict) | undefined;
	/** Spares the reading of files that are known. Only for directories that belong to this machine. */
	readonly fileDigests?: FileDigests | undefined;
	/** Told of every file and directory that is hashed, by the path that the filter gets. */
	readonly list?: ((relativePath: string, entry: HashedEntry) => void) | undefined;
	/** Told of every file and directory that counts. */
	readonly visit?: ((entry: VisitedEntry) => void) | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** A file of the tree, by a path that no link can lead astray. */
export type TreeEntry = {
	/** The descriptor of its directory, as a path, and its name. */
	readonly path: Buffer;
	/** Where its extended attributes are. */
	readonly attributesOf: AttributeTarget;
	readonly status: BigIntStats;
	/** As the filter gets it; empty for the top. */
	readonly relativePath: string;
	/** Added to the flags when it is opened. */
	readonly openFlags: number;
};

// How calls fail on a name that leads to another kind of file than a moment ago: `readlink`, `read`, `open`.
const kindChanges: ReadonlySet<string> = new Set(['EINVAL', 'EISDIR', 'ELOOP', 'ENOTDIR', 'ENXIO']);

/** The digest of an entry, or how to get it when what is read in the background has come. */
type Pending = string | (() => Promise<string>);

type Member = {
	readonly name: Buffer;
	readonly sha256: Pending;
};

type MemberPlace = {
	/** The directory as a path, with a slash at its end. */
	readonly prefix: Buffer;
	readonly parentPath: string;
};

const maximumReadsAtOnce = 4;

// Other work of this process gets its turn after this many entries.
const entriesAtOnce = 200;

/**
Hashes one tree. Small files are read on the way; large ones go on being read, a few at a time, while the walk goes on.
*/
export class TreeHash implements AsyncDisposable {
	readonly #options: TreeHashOptions;
	readonly #reads: BackgroundWork;
	readonly #buffer = Buffer.allocUnsafeSlow(smallFileSize + 1);
	#entries = 0;

	constructor(options: TreeHashOptions) {
		this.#options = options;
		this.#reads = new BackgroundWork(maximumReadsAtOnce, options.signal);
	}

	#pause(): Promise<void> | undefined {
		this.#reads.signal.throwIfAborted();
		this.#entries++;
		return this.#entries % entriesAtOnce === 0 ? setImmediate() : undefined;
	}

	// Gives nothing for a passage that leads to nothing.
	async #hashEntry(entry: TreeEntry, isPassage: boolean): Promise<Pending | undefined> {
		const type = entryType(entry.status);
		if (type !== 'file') {
			this.#options.visit?.({...entry, isRead: false});
		}

		switch (type) {
			case 'directory': {
				const header = this.#header(entry, {type});
				const members = await this.#hashMembers(entry);
				return isPassage && members.length === 0 ? undefined : hashDirectory(header, members);
			}

			case 'file': {
				return this.#hashFile(entry);
			}

			case 'symlink': {
				const target = readlinkSync(entry.path, 'buffer');
				return hashEntry(this.#header(entry, {type, target}));
			}

			case 'block':
			case 'character':
			case 'fifo':
			case 'socket': {
				return hashEntry(this.#header(entry, {type}));
			}
		}
	}

	async #hashMembers(entry: TreeEntry): Promise<readonly Member[]> {
		using directory = openEntry(entry, O_DIRECTORY);
		const names = readdirSync(directory.path, 'buffer').toSorted((first, second) => first.compare(second));
		const prefix = Buffer.from(`${directory.path}/`);
		const members: Member[] = [];
		for (const name of names) {
			const pending = await this.#hashMember(name, {prefix, parentPath: entry.relativePath});
			if (pending !== undefined) {
				members.push({name, sha256: pending});
			}
		}

		return members;
	}

	async #hashMember(name: Buffer, place: MemberPlace): Promise<Pending | undefined> {
		await this.#pause();
		try {
			const entry = findMember(name, place);
			const verdict = this.#options.filter?.(entry.relativePath, entry.status.isDirectory()) ?? 'included';
			const isPassage = verdict === 'passage';
			return verdict === 'excluded' || (isPassage && !entry.status.isDirectory()) ? undefined : await this.#hashEntry(entry, isPassage);
		} catch (error) {
			const code = errorCode(error) ?? '';
			// Removed since the directory was listed, or a whiteout that overlayfs lists but does not open: both mean that it is not there.
			if (code === 'ENOENT') {
				return undefined;
			}

			throw kindChanges.has(code) ? fileChanged(pathOfMember(name, place), {cause: error}) : error;
		}
	}

	async #hashFile(entry: TreeEntry): Promise<Pending> {
		const known = this.#options.fileDigests?.find(entry.status);
		this.#options.visit?.({...entry, isRead: known === undefined});
		if (known !== undefined) {
			return this.#hashKnown(entry.relativePath, entry.status, known);
		}

		using opened = new DisposableStack();
		// The name may lead to a fifo by now, for whose writer this would wait.
		const file = opened.use(openEntry(entry, O_NONBLOCK));
		const small = entry.status.size <= smallFileSize ? hashSmallFile(file, {before: entry.status, buffer: this.#buffer}) : undefined;
		if (small !== undefined) {
			return this.#finishFile(entry.relativePath, file, small);
		}

		const kept = opened.move();
		const {result} = await this.#reads.start(async () => {
			using _kept = kept;
			const large = await hashLargeFile(file, {name: entry.relativePath, signal: this.#reads.signal});
			return this.#finishFile(entry.relativePath, file, large);
		});
		return async () => result;
	}

	// The file as it was when it was read. Its name may lead elsewhere by now, and its directory may be closed: the open file says what it is.
	#finishFile(relativePath: string, file: Descriptor, {status, sha256, readAt}: HashedFile): string {
		const content = {sha256, attributes: countedAttributes(file)};
		this.#options.fileDigests?.remember(status, content, readAt);
		return this.#hashKnown(relativePath, status, content);
	}

	#hashKnown(relativePath: string, status: BigIntStats, {sha256, attributes}: FileContent): string {
		this.#list(relativePath, {
			type: 'file', status, attributes, content: sha256,
		});
		return hashEntry(entryHeader({type: 'file', status, attributes}, this.#options), sha256);
	}

	#header({status, attributesOf, relativePath}: TreeEntry, kind: Pick<EntryDescription, 'type' | 'target'>): string {
		const attributes = countedAttributes(attributesOf);
		this.#list(relativePath, {
			type: kind.type, status, attributes, content: kind.target === undefined ? '' : hash('sha256', kind.target),
		});
		return entryHeader({...kind, status, attributes}, this.#options);
	}

	#list(relativePath: string, entry: Omit<HashedEntry, 'ignored'>): void {
		this.#options.list?.(relativePath, {...entry, ignored: this.#options});
	}

	/** The SHA-256 of an entry with everything below it, in hexadecimal. */
	async hash(entry: TreeEntry): Promise<string> {
		const pending = await this.#hashEntry(entry, false);
		return typeof pending === 'function' ? pending() : pending!;
	}

	/** Ends what is still being read. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#reads[Symbol.asyncDispose]();
	}
}

function findMember(name: Buffer, place: MemberPlace): TreeEntry {
	const path = Buffer.concat([place.prefix, name]);
	return {
		path,
		attributesOf: path,
		status: lstatSync(path, {bigint: true}),
		relativePath: pathOfMember(name, place),
		openFlags: O_NOFOLLOW,
	};
}

function pathOfMember(name: Buffer, {parentPath}: MemberPlace): string {
	return parentPath === '' ? name.toString() : `${parentPath}/${name.toString()}`;
}

function openEntry({path, openFlags}: TreeEntry, flags: number): Descriptor {
	return new Descriptor(openSync(path, O_RDONLY | openFlags | flags));
}

function hashDirectory(header: string, members: readonly Member[]): Pending {
	const entries = members.filter(member => isReady(member));
	if (entries.length === members.length) {
		return hashEntry(header, hashEntries(entries));
	}

	return async () => {
		const finished = await Promise.all(members.map(async member => finishMember(member)));
		return hashEntry(header, hashEntries(finished));
	};
}

function isReady(member: Member): member is NamedDigest {
	return typeof member.sha256 !== 'function';
}

async function finishMember({name, sha256}: Member): Promise<NamedDigest> {
	return {name, sha256: typeof sha256 === 'function' ? await sha256() : sha256};
}
