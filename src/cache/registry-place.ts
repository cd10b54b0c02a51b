import {parseReference} from '../kernel/reference.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import {recordBlobSource} from '../../snapshotter/blob-sources.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {CachePlace} from './cache-place.ts';

/** What a cache in a registry is read with. */
export type RegistryPlaceContext = {
	readonly openRegistry: () => Promise<RegistryClient>;
	readonly metadata: Metadata;
};

/** A cache in a registry. Layers that are there need not be downloaded to be pushed to another repository of the registry. */
export function registryPlace(text: string, {openRegistry, metadata}: RegistryPlaceContext): CachePlace {
	const reference = parseReference(text);
	return {
		name: text,
		async readManifest({signal}) {
			const client = await openRegistry();
			const descriptor = await client.resolve(reference, {signal});
			return {mediaType: descriptor.mediaType, bytes: await client.fetchManifest(reference, descriptor, {signal})};
		},
		async readOtherManifest(descriptor, {signal}) {
			const client = await openRegistry();
			return client.fetchManifest(reference, descriptor, {signal});
		},
		async * readBlob(blob, {signal}) {
			const client = await openRegistry();
			yield * client.readBlob(reference, blob, {signal});
		},
		async hasBlob(digest, {signal}) {
			const client = await openRegistry();
			return client.hasBlob(reference, digest, {signal});
		},
		noteLayers(digests) {
			metadata.transaction(() => {
				for (const digest of digests) {
					recordBlobSource(metadata, digest, reference);
				}
			});
		},
	};
}
