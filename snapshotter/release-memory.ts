import {Buffer} from 'node:buffer';

/**
Passes chunks on, and gives the memory of each back as soon as the next one is asked for: large ones would pile up to 100 MB until somebody collects them. Neither the source nor the reader may want a chunk any more then.

@yields the chunks of `source`
*/
export async function * releasingMemory(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
	for await (const chunk of source) {
		yield chunk;
		release(chunk);
	}
}

function release({buffer}: Uint8Array): void {
	// Small buffers are parts of one that others have parts of, too. https://nodejs.org/api/buffer.html#class-property-bufferpoolsize
	if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) {
		buffer.transfer(0);
	}
}
