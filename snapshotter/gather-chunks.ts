import {Buffer} from 'node:buffer';

/**
Makes few large chunks of many small ones. A chunk is only valid until the next one is asked for, and may be so in `source` too.

@yields chunks of which no two neighbours would fit into one of `size` bytes
*/
export async function * gatherChunks(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array, void, undefined> {
	const buffer = Buffer.allocUnsafeSlow(size);
	let length = 0;
	for await (const chunk of source) {
		if (length > 0 && length + chunk.length > size) {
			yield buffer.subarray(0, length);
			length = 0;
		}

		if (chunk.length >= size) {
			yield chunk;
		} else {
			buffer.set(chunk, length);
			length += chunk.length;
		}
	}

	if (length > 0) {
		yield buffer.subarray(0, length);
	}
}
