// As often as BuildKit tells how much has come.
// https://github.com/moby/buildkit/blob/v0.32.2/util/pull/pullprogress/progress.go
const reportInterval = 150;

/**
Passes chunks on, and tells now and then how many bytes have come.

@yields them as they come
*/
export async function * countedChunks(chunks: AsyncIterable<Uint8Array>, report: (current: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
	let current = 0;
	let reportedAt = performance.now();
	for await (const chunk of chunks) {
		current += chunk.length;
		const now = performance.now();
		if (now - reportedAt >= reportInterval) {
			reportedAt = now;
			report(current);
		}

		yield chunk;
	}
}
