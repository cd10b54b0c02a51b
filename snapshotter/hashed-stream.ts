import {createHash} from 'node:crypto';
import {digestFromSha256, type Digest} from '../src/kernel/digest.ts';

/**
Passes a stream on and computes its digest, to the end of the stream even when the reader of it stops before: an archive may be followed by more than its reader wants.

Iterate it once, then call `finish`. Both throw the reason of the signal.
*/
export class HashedStream implements AsyncIterable<Uint8Array>, AsyncDisposable {
	readonly #source: AsyncIterator<Uint8Array>;
	readonly #signal: AbortSignal | undefined;
	readonly #hash = createHash('sha256');
	#size = 0;

	constructor(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
		this.#signal = signal;
		this.#source = source[Symbol.asyncIterator]();
	}

	async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
		this.#signal?.throwIfAborted();
		const result = await this.#source.next();
		if (result.done === true) {
			return {done: true, value: undefined};
		}

		this.#hash.update(result.value);
		this.#size += result.value.length;
		return result;
	}

	/** Without `return`: who stops early leaves the rest to `finish`. */
	[Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
		return {next: async () => this.#next()};
	}

	/** Reads what is left, and tells the digest and the number of bytes of the whole. */
	async finish(): Promise<{readonly digest: Digest; readonly size: number}> {
		for (let result = await this.#next(); result.done !== true; result = await this.#next()) {
			// Only the digest is wanted.
		}

		return {digest: digestFromSha256(this.#hash.digest('hex')), size: this.#size};
	}

	/** Lets the source undo what it holds open. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.#source.return?.();
	}
}
