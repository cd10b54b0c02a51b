import {createHash} from 'node:crypto';
import type {Descriptor} from '../src/linux/descriptor.ts';
import {settlingMilliseconds} from './file-digests.ts';
import {treeVersion} from './hash-entry.ts';
import type {Metadata} from './metadata.ts';
import type {TreeHashOptions} from './tree-hash.ts';
import {TreeState} from './tree-state.ts';

// About 4 MB of database.
const maximumRows = 20_000;

/** How to look for a tree. */
export type KnownTreeOptions = Pick<TreeHashOptions, 'filter' | 'ignoresMode' | 'zeroOwner' | 'signal'> & {
	/** Told of a tree that is known, in the place of `TreeHashOptions.visit`. */
	readonly visitKnown?: ((tree: TreeState) => void) | undefined;
};

/**
Remembers what was in directory trees of the host, so that one of which no file has changed is known by a look at its files' states. `FileDigests` does the same for single files, and says when a file is the same.
*/
export class TreeDigests {
	readonly #metadata: Metadata;
	readonly #clock: () => number;

	/** `clock` gives the time in milliseconds since the epoch. */
	constructor(metadata: Metadata, {clock = Date.now}: {readonly clock?: () => number} = {}) {
		this.#metadata = metadata;
		this.#clock = clock;
	}

	#find(key: string): string | undefined {
		return this.#metadata.statement('SELECT sha256 FROM tree_digests WHERE fingerprint = ?').get(key)?.sha256 as string | undefined;
	}

	#remember(key: string, sha256: string): void {
		this.#metadata.transaction(() => {
			this.#metadata.statement('INSERT OR REPLACE INTO tree_digests (fingerprint, sha256) VALUES (?, ?)').run(key, sha256);
			this.#metadata.statement('DELETE FROM tree_digests WHERE rowid <= (SELECT max(rowid) FROM tree_digests) - ?').run(maximumRows);
		});
	}

	/**
	The digest of a tree in an open directory: the known one, of whose files `visitKnown` is told, or that of `hash`.

	A digest is remembered only when the tree was at rest before it was hashed, and the same afterwards.

	@throws as `hash`; the reason of `signal`
	*/
	async find(directory: Descriptor, {visitKnown, ...options}: KnownTreeOptions, hash: () => Promise<string>): Promise<string> {
		const restingSince = this.#clock() - settlingMilliseconds;
		const state = await TreeState.read(directory, {...options, restingSince});
		if (state === undefined) {
			return hash();
		}

		const key = keyOf(state.fingerprint, options);
		const known = this.#find(key);
		if (known !== undefined) {
			visitKnown?.(state);
			return known;
		}

		const sha256 = await hash();
		const after = await TreeState.read(directory, {...options, restingSince});
		if (after?.fingerprint === state.fingerprint) {
			this.#remember(key, sha256);
		}

		return sha256;
	}
}

/** Besides the files, what the digest depends on. The filter does not count: what it leaves out is not in the fingerprint. */
function keyOf(fingerprint: string, {zeroOwner, ignoresMode = false}: KnownTreeOptions): string {
	return createHash('sha256').update(`${treeVersion} ${zeroOwner} ${ignoresMode ? 'any mode ' : ''}${fingerprint}`).digest('hex');
}
