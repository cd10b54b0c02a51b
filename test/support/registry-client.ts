import {Buffer} from 'node:buffer';
import {randomBytes} from 'node:crypto';
import {digestOf} from '../../src/kernel/digest.ts';
import {mediaTypes} from '../../src/kernel/oci-types.ts';
import {parseReference, type Reference} from '../../src/kernel/reference.ts';
import {openRegistryClient, type OpenRegistryClientOptions} from '../../src/registry/open-registry-client.ts';
import type {BlobSource, RegistryClient} from '../../src/registry/registry-client.ts';

/** A client whose user has nothing, and which is in a hurry. */
export function openTestClient(options: Partial<OpenRegistryClientOptions> = {}): RegistryClient {
	return openRegistryClient({
		environment: {HOME: '/nonexistent'},
		userAgent: 'tsbuild-test',
		idleMilliseconds: 20_000,
		retryPolicy: {attempts: 4, firstMilliseconds: 1, maximumMilliseconds: 5000},
		onRetry: () => undefined,
		...options,
	});
}

/** Bytes that no compression makes fewer. */
export function noise(size: number): Uint8Array {
	return randomBytes(size);
}

/** Bytes in memory as a blob to be uploaded, in pieces. */
export function blobOf(bytes: Uint8Array): BlobSource {
	return {
		descriptor: {digest: digestOf(bytes), size: bytes.length},
		async * content(offset) {
			for (let start = offset; start < bytes.length; start += 65_536) {
				yield bytes.subarray(start, start + 65_536);
			}
		},
	};
}

/** An image that was pushed for a test. */
export type PushedImage = {
	readonly reference: Reference;
	readonly layer: Uint8Array;
	readonly manifest: Uint8Array;
};

/** Pushes an image of one layer of noise, which nobody can unpack. */
export async function pushTestImage(client: RegistryClient, name: string, size = 300_000): Promise<PushedImage> {
	const reference = parseReference(name);
	const layer = noise(size);
	const config = new TextEncoder().encode(JSON.stringify({architecture: 'amd64', os: 'linux', rootfs: {type: 'layers', diff_ids: [digestOf(layer)]}}));
	for (const bytes of [layer, config]) {
		await client.uploadBlob(reference, blobOf(bytes));
	}

	const manifest = new TextEncoder().encode(JSON.stringify({
		schemaVersion: 2,
		mediaType: mediaTypes.manifest,
		config: {mediaType: mediaTypes.config, digest: digestOf(config), size: config.length},
		layers: [{mediaType: mediaTypes.layer, digest: digestOf(layer), size: layer.length}],
	}));
	await client.pushManifest(reference, {bytes: manifest, mediaType: mediaTypes.manifest});
	return {reference, layer, manifest};
}

/** All bytes of a blob. */
export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	return Buffer.concat(await Array.fromAsync(chunks));
}
