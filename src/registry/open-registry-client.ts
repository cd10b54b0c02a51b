import {readProxySettings} from '../http/proxies.ts';
import {readTrustedCertificates} from '../http/trusted-certificates.ts';
import {createRegistryClient} from './create-registry-client.ts';
import {CredentialStore} from './credential-store.ts';
import {readEngineConfig} from './engine-config.ts';
import type {RegistryClient} from './registry-client.ts';
import {readRegistryCertificates} from './registry-certificates.ts';
import type {RegistryConnectionOptions} from './registry-connections.ts';

/** What the environment of a command does not decide. */
export type OpenRegistryClientOptions = Pick<RegistryConnectionOptions, 'idleMilliseconds' | 'insecureRegistries' | 'isOffline' | 'onRetry' | 'retryPolicy' | 'userAgent'> & {
	readonly environment: Readonly<Record<string, string | undefined>>;
};

/**
Makes a client for all registries, with the credentials, certificates and proxies of a user.

@param options - `environment` names them: `HOME`, `DOCKER_CONFIG`, `DOCKER_AUTH_CONFIG`, `REGISTRY_AUTH_FILE`, `SSL_CERT_FILE`, `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and so on
*/
export function openRegistryClient(options: OpenRegistryClientOptions): RegistryClient {
	return createRegistryClient(userOptions(options));
}

/** The options of a client that are those of a user. */
export function userOptions({environment, ...options}: OpenRegistryClientOptions): RegistryConnectionOptions {
	const store = new CredentialStore(environment);
	return {
		...options,
		credentials: async domain => store.find(domain),
		engineConfig: async () => readEngineConfig(environment),
		certificates: async host => readRegistryCertificates(host, environment),
		authorities: async () => readTrustedCertificates(environment),
		proxies: readProxySettings(environment),
	};
}
