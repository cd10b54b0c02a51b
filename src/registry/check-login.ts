import type {Credentials} from './credentials.ts';
import {userOptions, type OpenRegistryClientOptions} from './open-registry-client.ts';
import type {RequestOptions} from './registry-client.ts';
import {RegistryConnections} from './registry-connections.ts';
import {RegistryError} from './registry-error.ts';
import {discardBody} from './response-body.ts';

export type LoginOptions = RequestOptions & Omit<OpenRegistryClientOptions, 'isOffline'> & {
	readonly credentials: Extract<Credentials, {readonly type: 'password'}>;
};

/**
Asks a registry whether it knows a user.

@param domain - as in a reference
@param options - the user, and where else to look for what
@returns what to keep: an identity token if the registry gives one, else the password
@throws {RegistryError} `ERR_TSBUILD_REGISTRY_UNAUTHORIZED` when it does not
@see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support
*/
export async function checkLogin(domain: string, options: LoginOptions): Promise<Exclude<Credentials, {readonly type: 'registry-token'}>> {
	const {credentials, signal, ...rest} = options;
	using connections = new RegistryConnections({...userOptions(rest), credentials: async () => credentials, isOffline: true});
	const connection = await connections.to(domain);
	try {
		await discardBody(await connection.ask({
			method: 'GET',
			target: '/v2/',
			scopes: [],
			expect: [200],
			signal,
		}));
	} catch (error) {
		throw explain(error, domain);
	}

	const token = connection.identityToken;
	return token === undefined ? credentials : {type: 'identity-token', username: credentials.username, token};
}

/** Whoever logs in need not be told to log in. */
function explain(error: unknown, domain: string): unknown {
	const isUnknown = error instanceof RegistryError && error.code === 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED';
	return isUnknown
		? new RegistryError(error.code, `login attempt to ${domain} failed: ${error.message}`, {status: error.status, hint: 'Check the user name and the password.'})
		: error;
}
