import {Buffer} from 'node:buffer';

/** A stream of which the first bytes are known. */
export type PeekedStream = {
	/** As many bytes as were asked for, or more; fewer when the stream has no more. */
	readonly start: Buffer;
	/** The whole stream, its start included. */
	readonly stream: AsyncIterable<Uint8Array>;
};

/** Looks at the first `length` bytes of a stream, and gives it back whole. */
export async function peekStream(source: AsyncIterable<Uint8Array>, length: number): Promise<PeekedStream> {
	const iterator = source[Symbol.asyncIterator]();
	const chunks: Uint8Array[] = [];
	for (let read = 0; read < length;) {
		const result = await iterator.next();
		if (result.done === true) {
			break;
		}

		// A source may reuse its chunk.
		chunks.push(Uint8Array.from(result.value));
		read += result.value.length;
	}

	const start = Buffer.concat(chunks);
	return {start, stream: startingWith(start, iterator)};
}

async function * startingWith(start: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
	try {
		if (start.length > 0) {
			yield start;
		}

		for (let result = await rest.next(); result.done !== true; result = await rest.next()) {
			yield result.value;
		}
	} finally {
		await rest.return?.();
	}
}
