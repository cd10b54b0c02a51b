import {Buffer} from 'node:buffer';

/** The bytes of a body; `undefined` when there are more than `maximumSize`. */
export async function readBytes(body: AsyncIterable<Uint8Array>, maximumSize: number): Promise<Uint8Array | undefined> {
	const chunks: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of body) {
		size += chunk.length;
		if (size > maximumSize) {
			return undefined;
		}

		chunks.push(chunk);
	}

	return Buffer.concat(chunks);
}
