import type {Digest} from '../src/kernel/digest.ts';

/** Keeps one promise for each vertex: what is asked for again is not made again. */
export class VertexPromises<Value> {
	readonly #promises = new Map<Digest, Promise<Value>>();
	readonly #begin: (work: Promise<unknown>) => void;

	/** `begin` takes each promise when it is made. */
	constructor(begin: (work: Promise<unknown>) => void) {
		this.#begin = begin;
	}

	/** The promise of a vertex; `make` makes it when there is none. */
	async get({digest}: {readonly digest: Digest}, make: () => Promise<Value>): Promise<Value> {
		const existing = this.#promises.get(digest);
		if (existing !== undefined) {
			return existing;
		}

		const promise = make();
		this.#promises.set(digest, promise);
		this.#begin(promise);
		return promise;
	}

	/** Whether anybody has asked for the promise of a vertex. */
	has(digest: Digest): boolean {
		return this.#promises.has(digest);
	}
}
