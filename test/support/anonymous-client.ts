import {createRegistryClient} from '../../src/registry/create-registry-client.ts';
import type {RegistryClient} from '../../src/registry/registry-client.ts';

/** A client for a user without a name, which gives up soon. */
export function openAnonymousClient(): RegistryClient {
	return createRegistryClient({
		credentials: async () => undefined,
		certificates: async () => undefined,
		authorities: async () => undefined,
		proxies: {},
		onRetry() {
			// Nobody is told.
		},
		userAgent: 'tsbuild-test',
		idleMilliseconds: 10_000,
		retryPolicy: {attempts: 2, firstMilliseconds: 1, maximumMilliseconds: 1},
	});
}
