import {Buffer} from 'node:buffer';

/**
Reads a stream of chunks in pieces of chosen sizes. A piece is a view of the chunk that it came in wherever it lies in one chunk.
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

	#takeBuffered(length: number): Buffer | undefined {
		if (this.#buffered < length) {
			return undefined;
		}

		const start = this.#offset;
		this.#offset += length;
		return this.#chunk.subarray(start, this.#offset);
	}

	async #readAcrossChunks(length: number): Promise<Buffer> {
		const pieces: Buffer[] = [];
		let missing = length;
		while (missing > 0) {
			const piece = await this.readSome(missing);
			if (piece.length === 0) {
				break;
			}

			pieces.push(piece);
			missing -= piece.length;
		}

		return Buffer.concat(pieces);
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

	/** Exactly `length` bytes, or fewer at the end of the stream. */
	async read(length: number): Promise<Buffer> {
		return this.#takeBuffered(length) ?? this.#readAcrossChunks(length);
	}

	/** Between 1 and `maximum` bytes, as they come; none at the end of the stream. */
	async readSome(maximum: number): Promise<Buffer> {
		if (this.#buffered === 0) {
			await this.#fill();
		}

		return this.#takeBuffered(Math.min(maximum, this.#buffered))!;
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
