/**
Bytes that are in memory, for those who read streams.

@yields all of them at once
*/
export async function * oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
	yield bytes;
}
