import {findBlob, mountBlob} from './find-blob.ts';
import {fetchManifest, pushManifest, resolveManifest} from './manifests.ts';
import {readBlob} from './read-blob.ts';
import type {RegistryClient, RequestOptions} from './registry-client.ts';
import type {RegistryConnection} from './registry-connection.ts';
import {RegistryConnections, type RegistryConnectionOptions} from './registry-connections.ts';
import {uploadBlob} from './upload-blob.ts';

/**
Makes a client for all registries. Nothing is read and nobody is asked before one of its functions is called.
*/
export function createRegistryClient(options: RegistryConnectionOptions): RegistryClient {
	const connections = new RegistryConnections(options);
	return {
		async resolve(reference, requestOptions = {}) {
			return firstSuccess(await connections.toRead(reference.domain), async connection => resolveManifest(connection, reference, requestOptions), requestOptions);
		},
		async fetchManifest(repository, descriptor, requestOptions = {}) {
			return firstSuccess(await connections.toRead(repository.domain), async connection => fetchManifest(connection, {repository, descriptor, ...requestOptions}), requestOptions);
		},
		async * readBlob(repository, descriptor, requestOptions = {}) {
			yield * readBlob(await connections.toRead(repository.domain), {repository, descriptor, ...requestOptions});
		},
		async hasBlob(repository, digest, requestOptions = {}) {
			return findBlob(await connections.to(repository.domain), {repository, digest, ...requestOptions});
		},
		async mountBlob(repository, {digest, from}, requestOptions = {}) {
			return repository.domain === from.domain && mountBlob(await connections.to(repository.domain), {
				repository,
				digest,
				from,
				...requestOptions,
			});
		},
		async uploadBlob(repository, source, uploadOptions = {}) {
			return uploadBlob(await connections.to(repository.domain), {repository, source, ...uploadOptions});
		},
		async pushManifest(reference, manifest, requestOptions = {}) {
			return pushManifest(await connections.to(reference.domain), {reference, ...manifest, ...requestOptions});
		},
		async [Symbol.asyncDispose]() {
			connections[Symbol.dispose]();
		},
	};
}

/** Asks one after the other; the error of the last one counts. */
async function firstSuccess<Result>(connections: readonly RegistryConnection[], ask: (connection: RegistryConnection) => Promise<Result>, {signal}: RequestOptions): Promise<Result> {
	for (const mirror of connections.slice(0, -1)) {
		try {
			return await ask(mirror);
		} catch {
			signal?.throwIfAborted();
		}
	}

	return ask(connections.at(-1)!);
}
