import {Buffer} from 'node:buffer';

/**
Reads a stream of chunks in pieces of chosen sizes. The stream may reuse the memory of a chunk once the next one is asked for.
*/
export class ByteReader {
	readonly #source: AsyncIterator<Uint8Array>;
	#chunk: Buffer = Buffer.alloc(0);
	#offset = 0;

	constructor(source: AsyncIterable<Uint8Array>) {
		this.#source = source[Symbol.asyncIterator]();
	}

	get #buffered(): number {
		return this.#chunk.length - this.#offset;
	}

	async #fill(): Promise<void> {
		while (this.#buffered === 0) {
			const result = await this.#source.next();
			if (result.done === true) {
				return;
			}

			const {buffer, byteOffset, byteLength} = result.value;
			this.#chunk = Buffer.from(buffer, byteOffset, byteLength);
			this.#offset = 0;
		}
	}

	/** Exactly `length` bytes, or fewer at the end of the stream, as a copy. */
	async read(length: number): Promise<Buffer> {
		const bytes = Buffer.allocUnsafe(length);
		return bytes.subarray(0, await this.readInto(bytes));
	}

	/** Fills memory, or less of it at the end of the stream, and tells how much. */
	async readInto(memory: Uint8Array): Promise<number> {
		let position = 0;
		while (position < memory.length) {
			const piece = await this.readSome(memory.length - position);
			if (piece.length === 0) {
				break;
			}

			position += piece.copy(memory, position);
		}

		return position;
	}

	/** Between 1 and `maximum` bytes, as they come, valid until more is read; none at the end of the stream. */
	async readSome(maximum: number): Promise<Buffer> {
		if (this.#buffered === 0) {
			await this.#fill();
		}

		const start = this.#offset;
		this.#offset += Math.min(maximum, this.#buffered);
		return this.#chunk.subarray(start, this.#offset);
	}

	/** Passes over `length` bytes and tells how many there were. */
	async skip(length: number): Promise<number> {
		let skipped = 0;
		while (skipped < length) {
			const {length: part} = await this.readSome(length - skipped);
			if (part === 0) {
				break;
			}

			skipped += part;
		}

		return skipped;
	}

	/** Lets the source undo what it holds open. */
	async close(): Promise<void> {
		await this.#source.return?.();
	}
}
