import {Buffer} from 'node:buffer';
import {createHash, type Hash} from 'node:crypto';
import {readdirSync} from 'node:fs';
import {setImmediate} from 'node:timers/promises';
import {errorCode} from '../src/kernel/errors.ts';
import {O_DIRECTORY, O_NOFOLLOW, O_RDONLY} from '../src/linux/constants.ts';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {
	readFileState,
	readFileStates,
	type FileState,
	type FileStates,
} from '../src/linux/file-states.ts';
import {openFile} from '../src/linux/open-file.ts';
import type {TreeHashOptions, VisitedEntry} from './tree-hash.ts';

/** How to look at a tree. */
export type TreeStateOptions = Pick<TreeHashOptions, 'filter' | 'signal'> & {
	/** Files that have changed since are not at rest. Milliseconds since the epoch. */
	readonly restingSince: number;
};

/** What counts of one directory, in the order of the names' bytes. */
type DirectoryState = {
	/** With a slash at its end, empty for the top. */
	readonly prefix: string;
	/** Each byte of a name is one UTF-16 unit ("latin1"). */
	readonly names: readonly string[];
	readonly states: FileStates;
	/** A name that stands for itself alone in the fingerprint, with a slash before it when it is only a passage. */
	readonly labels: readonly string[];
};

// Other work of this process gets its turn after this many entries.
const entriesAtOnce = 2000;

const millisecondsPerSecond = 1000;

/** What the system says about all files of a directory tree. */
export class TreeState {
	/**
	Looks at the state of every file, and reads none. Two trees with the same fingerprint hold the same, as far as the system says: any change of a file's content, mode, owner or extended attributes gives it a new time of status change, which no program can set.

	@returns `undefined` for a tree in which something is not at rest, because another change could leave the same times; and for one that cannot be read
	@throws the reason of `signal`
	*/
	static async read(directory: Descriptor, options: TreeStateOptions): Promise<TreeState | undefined> {
		const top = readFileState(directory);
		if (top === undefined || !isAtRest(top, options)) {
			return undefined;
		}

		const walk = new StateWalk(top, options);
		return await walk.add(directory, '') ? new TreeState(top, walk) : undefined;
	}

	readonly #top: FileState;
	readonly #directories: readonly DirectoryState[];
	/** Stands for the names and states of all files that count. Hexadecimal. */
	readonly fingerprint: string;

	constructor(top: FileState, {directories, hash}: Pick<StateWalk, 'directories' | 'hash'>) {
		this.#top = top;
		this.#directories = directories;
		this.fingerprint = hash.digest('hex');
	}

	/**
	What counts, made anew each time.

	@yields the top first, then the entries of one directory after the other
	*/
	* entries(): Generator<VisitedEntry, void> {
		yield {relativePath: '', status: this.#top, isRead: false};
		for (const {prefix, names, states} of this.#directories) {
			for (const [index, name] of names.entries()) {
				yield {relativePath: prefix + decodeName(name), status: states.at(index), isRead: false};
			}
		}
	}
}

class StateWalk {
	readonly #options: TreeStateOptions;
	#entriesUntilPause = entriesAtOnce;
	readonly hash: Hash = createHash('sha256');
	readonly directories: DirectoryState[] = [];

	constructor(top: FileState, options: TreeStateOptions) {
		this.#options = options;
		this.hash.update(top.bytes);
	}

	async #pause(): Promise<void> {
		this.#options.signal?.throwIfAborted();
		if (this.#entriesUntilPause > 0) {
			return;
		}

		this.#entriesUntilPause = entriesAtOnce;
		await setImmediate();
	}

	#take(directory: DirectoryState): void {
		const {labels, states} = directory;
		// Neither a count nor a name holds what ends it, so that no two directories have the same text.
		this.hash.update(`${labels.length}\n${labels.join('\0')}\0`, 'latin1');
		this.hash.update(states.bytes);
		this.directories.push(directory);
		this.#entriesUntilPause -= states.length;
	}

	/** Takes what is in an open directory; tells whether all of it is at rest. */
	async add(directory: Descriptor, prefix: string): Promise<boolean> {
		await this.#pause();
		const found = selectEntries(readDirectory(directory, prefix), this.#options);
		if (found === undefined || !areAtRest(found.states, this.#options)) {
			return false;
		}

		this.#take(found);
		for (const [index, name] of found.names.entries()) {
			if (!found.states.at(index).isDirectory()) {
				continue;
			}

			using child = openDirectory(directory, Buffer.from(name, 'latin1'));
			if (child === undefined || !await this.add(child, `${prefix}${decodeName(name)}/`)) {
				return false;
			}
		}

		return true;
	}
}

function readDirectory(directory: Descriptor, prefix: string): DirectoryState | undefined {
	const names = unlessRefused(() => readdirSync(directory.path, {encoding: 'latin1'}).toSorted());
	const states = names && readFileStates(directory, names);
	return states && {
		prefix, names, states, labels: names,
	};
}

function selectEntries(directory: DirectoryState | undefined, {filter}: TreeStateOptions): DirectoryState | undefined {
	if (directory === undefined || filter === undefined) {
		return directory;
	}

	const {prefix, names, states} = directory;
	const verdicts = names.map((name, index) => filter(prefix + decodeName(name), states.at(index).isDirectory()));
	const kept = names.keys().filter(index => verdicts[index] === 'included' || (verdicts[index] === 'passage' && states.at(index).isDirectory())).toArray();
	return {
		prefix,
		names: kept.map(index => names[index]!),
		states: states.pick(kept),
		labels: kept.map(index => verdicts[index] === 'passage' ? `/${names[index]!}` : names[index]!),
	};
}

function areAtRest(states: FileStates, options: TreeStateOptions): boolean {
	for (let index = 0; index < states.length; index++) {
		if (!isAtRest(states.at(index), options)) {
			return false;
		}
	}

	return true;
}

function isAtRest({changedAt}: FileState, {restingSince}: TreeStateOptions): boolean {
	return (changedAt + 1) * millisecondsPerSecond <= restingSince;
}

// Most names are ASCII, in which both encodings are the same.
function decodeName(name: string): string {
	return /^\p{ASCII}*$/v.test(name) ? name : Buffer.from(name, 'latin1').toString();
}

function openDirectory(parent: Descriptor, name: Buffer): Descriptor | undefined {
	return unlessRefused(() => openFile(parent, name, {flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW}));
}

/** What a call of the system gives. Where it fails, whoever hashes the tree tells why. */
function unlessRefused<Value>(call: () => Value): Value | undefined {
	try {
		return call();
	} catch (error) {
		if (/^E(?!RR_)/v.test(errorCode(error) ?? '')) {
			return undefined;
		}

		throw error;
	}
}
