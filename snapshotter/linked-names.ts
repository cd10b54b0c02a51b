import type {Buffer} from 'node:buffer';

/**
The names of files that have several, while a layer is written. Files are known by what tells one inode from another; `undefined` stands for a file with one name, of which there is nothing to know.
*/
export class LinkedNames {
	readonly #written = new Map<string, Buffer>();
	readonly #unchanged = new Map<string, readonly Buffer[]>();

	/** The name under which a file was written. */
	writtenName(inode: string | undefined): Buffer | undefined {
		return inode === undefined ? undefined : this.#written.get(inode);
	}

	/** Takes note of a name of a file that needed not be written so far. */
	addUnchanged(inode: string | undefined, path: Buffer): void {
		if (inode !== undefined) {
			this.#unchanged.set(inode, [...this.#unchanged.get(inode) ?? [], path]);
		}
	}

	/**
	Takes note of the name under which a file was written.

	@returns its names that needed not be written so far, and now must be, as links to this one
	*/
	addWritten(inode: string | undefined, path: Buffer): readonly Buffer[] {
		if (inode === undefined) {
			return [];
		}

		const unchanged = this.#unchanged.get(inode) ?? [];
		this.#unchanged.delete(inode);
		this.#written.set(inode, path);
		return unchanged;
	}
}
