import {pushBlob} from '../exporter/push-image.ts';
import {parseReference} from '../kernel/reference.ts';
import type {RegistryClient} from '../registry/registry-client.ts';
import type {Metadata} from '../../snapshotter/metadata.ts';
import type {CacheTarget} from './cache-target.ts';

/** A cache in a registry. What the registry has in another repository it takes from there. */
export function registryTarget(text: string, {client, metadata}: {readonly client: RegistryClient; readonly metadata: Metadata}): CacheTarget {
	const reference = parseReference(text);
	return {
		writeBlob: async ({digest, size}, content, {signal}) => pushBlob({digest, size, content}, reference, {client, metadata, signal}),
		async writeManifest({bytes, descriptor: {mediaType}}, {signal}) {
			await client.pushManifest(reference, {bytes, mediaType}, {signal});
		},
	};
}
