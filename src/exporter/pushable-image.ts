import type {ContentStore} from '../../snapshotter/content-store.ts';
import type {EncodedImage} from './encoded-image.ts';
import type {PushableImage} from './push-image.ts';

/** What is sent of an image: its config, and its layers from the content store. */
export function pushableImage({assembled, manifest, layers}: EncodedImage, {content, signal}: {readonly content: ContentStore; readonly signal: AbortSignal}): PushableImage {
	const {configBytes, configDigest} = assembled;
	return {
		manifest,
		blobs: [
			{
				digest: configDigest,
				size: configBytes.length,
				async * content(offset) {
					yield configBytes.subarray(offset);
				},
			},
			...layers.map(({digest, size}) => ({digest, size, content: (offset: number) => bytesAfter(content.read(digest, {size, signal}), offset)})),
		],
	};
}

/**
The bytes from `offset` on. Those before are read too: whoever gets the last ones has to know that all were right.

@yields chunks
*/
export async function * bytesAfter(chunks: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
	let position = 0;
	for await (const chunk of chunks) {
		const skipped = Math.min(Math.max(offset - position, 0), chunk.length);
		position += chunk.length;
		if (skipped < chunk.length) {
			yield chunk.subarray(skipped);
		}
	}
}
