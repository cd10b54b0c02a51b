import {Buffer} from 'node:buffer';
import {open, type FileHandle} from 'node:fs/promises';
import type {IngestObserver} from './content-store.ts';

const chunkSize = 256 * 1024;

/**
Reads a blob while it is being taken in: give it to `ContentStore.ingest` as observer, and tell it the end.

What it reads is not verified yet when it comes, but the same bytes that are verified at the end.
*/
export class BlobFollower implements IngestObserver, AsyncDisposable {
	readonly #begun = Promise.withResolvers<void>();
	#handle: FileHandle | undefined;
	#size = 0;
	#outcome: Promise<unknown> | undefined;
	#news = Promise.withResolvers<void>();

	async #readAt(position: number): Promise<Uint8Array> {
		const {buffer, bytesRead} = await this.#handle!.read(Buffer.allocUnsafe(Math.min(chunkSize, this.#size - position)), {position});
		return buffer.subarray(0, bytesRead);
	}

	#announce(): void {
		const {resolve} = this.#news;
		this.#news = Promise.withResolvers();
		resolve();
	}

	/** Resolves when there is something to read; never for a blob that was there already. */
	get begun(): Promise<void> {
		return this.#begun.promise;
	}

	async begin(file: string): Promise<void> {
		// A descriptor of its own: the file gets another name at the end.
		this.#handle = await open(file);
		this.#begun.resolve();
	}

	advance(size: number): void {
		this.#size = size;
		this.#announce();
	}

	/** No more bytes come: the blob is whole or, if `outcome` is rejected, will never be. */
	end(outcome: Promise<unknown>): void {
		this.#outcome = outcome;
		this.#announce();
	}

	/**
	The bytes from `offset` on, as they come. It may be called several times, also at once.

	@yields chunks
	@throws what `outcome` is rejected with
	*/
	async * read(offset: number): AsyncGenerator<Uint8Array, void, undefined> {
		await this.begun;
		for (let position = offset; ;) {
			const {promise: news} = this.#news;
			const outcome = this.#outcome;
			await outcome;
			if (position < this.#size) {
				const chunk = await this.#readAt(position);
				position += chunk.length;
				yield chunk;
			} else if (outcome === undefined) {
				await news;
			} else {
				return;
			}
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#handle?.close();
	}
}
