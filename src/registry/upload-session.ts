import type {HttpResponse} from '../http.ts';
import type {Repository, RequestOptions} from './registry-client.ts';
import type {RegistryConnection} from './registry-connection.ts';
import {RegistryError} from './registry-error.ts';
import {discardBody} from './response-body.ts';
import {pullScope, pushScope} from './scope.ts';

/**
An upload that the registry has begun to take in.

@see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks
*/
export type UploadSession = {
	/** Where the next request of this session goes. */
	readonly location: URL;
	/** Bytes that the registry has. */
	readonly offset: number;
};

export type SessionOptions = RequestOptions & {
	readonly repository: Repository;
	/** To take a blob over from another repository, if that can be. */
	readonly mount?: {readonly digest: string; readonly from: Repository};
};

/**
Begins an upload.

@returns `undefined` when the registry has mounted the blob instead
*/
export async function openSession(connection: RegistryConnection, {repository, mount, signal}: SessionOptions): Promise<UploadSession | undefined> {
	const query = mount === undefined ? '' : `?${new URLSearchParams({mount: mount.digest, from: mount.from.path}).toString()}`;
	const response = await discardBody(await connection.ask({
		method: 'POST',
		target: `/v2/${repository.path}/blobs/uploads/${query}`,
		scopes: [pushScope(repository), ...(mount === undefined ? [] : [pullScope(mount.from)])],
		expect: mount === undefined ? [202] : [201, 202],
		signal,
	}));
	return response.status === 201 ? undefined : nextSession(response, connection, 0);
}

/** An upload that was begun. */
export type SessionPlace = RequestOptions & {
	readonly location: URL;
	readonly repository: Repository;
};

/**
Asks how far an upload has come.

@returns `undefined` when the registry has given it up, or does not tell
*/
export async function findSession(connection: RegistryConnection, {location, repository, signal}: SessionPlace): Promise<UploadSession | undefined> {
	try {
		const response = await discardBody(await connection.askOnce({
			method: 'GET',
			target: location,
			scopes: [pushScope(repository)],
			expect: [204],
			signal,
		}));
		return nextSession({...response, headers: {location: location.href, ...response.headers}}, connection, 0);
	} catch {
		signal?.throwIfAborted();
		return undefined;
	}
}

/** Gives an upload up. Nothing happens when that fails: registries forget such uploads by themselves. */
export async function cancelSession(connection: RegistryConnection, {location, repository, signal}: SessionPlace): Promise<void> {
	try {
		await discardBody(await connection.askOnce({
			method: 'DELETE',
			target: location,
			scopes: [pushScope(repository)],
			expect: [204],
			signal,
		}));
	} catch {
		signal?.throwIfAborted();
	}
}

/**
What an answer says of an upload.

@param response - its status and headers
@param connection - the way it came
@param sent - bytes that the registry has if it does not say so itself
@throws {RegistryError} `ERR_TSBUILD_REGISTRY_PROTOCOL`
*/
export function nextSession(response: Pick<HttpResponse, 'headers' | 'url'>, connection: RegistryConnection, sent: number): UploadSession {
	const {headers: {location = '', range}, url} = response;
	const next = URL.parse(location, url.href);
	if (location === '' || next === null || !/^https?:$/v.test(next.protocol)) {
		throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to upload to ${connection.domain}: the registry does not say where to`);
	}

	// Behind a proxy that ends TLS, a registry may not know that it is spoken to that way.
	if (next.host === url.host) {
		next.protocol = url.protocol;
	}

	return {location: next, offset: readRange(range) ?? sent};
}

/** `0-499`: the registry has 500 bytes. It also says `0-0` when it has none. */
function readRange(range: string | undefined): number | undefined {
	const {last} = /^(?:bytes=)?0-(?<last>\d+)$/v.exec(range ?? '')?.groups ?? {};
	if (last === undefined) {
		return undefined;
	}

	return last === '0' ? 0 : Number(last) + 1;
}
