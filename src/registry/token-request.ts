import is from '@sindresorhus/is';
import type {HttpClient, HttpRequest, HttpResponse} from '../http.ts';
import {isLoopback} from '../http/loopback.ts';
import {describeUrl} from '../http/network-error.ts';
import {parseRetryAfter} from '../http/retry.ts';
import {
	encodeBasic,
	redact,
	secretsOf,
	type Credentials,
} from './credentials.ts';
import {prefixed, RegistryError, unexpectedStatus} from './registry-error.ts';
import {readText} from './response-body.ts';
import type {Scope} from './scope.ts';

/** Where a token is asked for, and what it is to allow. */
export type TokenRequest = {
	/** Of the registry, as users call it. */
	readonly domain: string;
	readonly realm: URL;
	readonly service: string | undefined;
	readonly scopes: readonly Scope[];
	readonly credentials: Exclude<Credentials, {readonly type: 'registry-token'}> | undefined;
	/** Asks for an identity token as well, which can be kept instead of the password. */
	readonly isOffline?: boolean;
	/** May a password go over a connection that anybody can read? */
	readonly isInsecureAllowed: boolean;
	readonly signal?: AbortSignal | undefined;
};

export type Token = {
	readonly token: string;
	/** Milliseconds since the epoch; a little before the real end. */
	readonly expires: number;
	readonly identityToken?: string;
};

// https://distribution.github.io/distribution/spec/auth/token/#token-response-fields
const defaultExpirySeconds = 60;

// A token may run out on its way.
const usedShare = 0.9;

// A server that has no GET, or none for this user, has POST: Google's answered 404, Artifactory 401.
// https://github.com/moby/buildkit/blob/v0.32.2/util/resolver/authorizer.go
const postStatuses: ReadonlySet<number | undefined> = new Set([401, 404, 405]);

const clientId = 'tsbuild';

/**
Asks for a token: by GET as Docker does, by OAuth's POST with an identity token, and where GET does not help.

@throws {RegistryError} in the words of BuildKit: `failed to fetch oauth token: ...`; `NetworkError`s
@see https://distribution.github.io/distribution/spec/auth/token/
@see https://distribution.github.io/distribution/spec/auth/oauth/
*/
export async function fetchToken(http: HttpClient, request: TokenRequest): Promise<Token> {
	checkRealm(request);
	if (request.credentials?.type === 'identity-token') {
		return postForToken(http, request);
	}

	try {
		return await getToken(http, request);
	} catch (error) {
		if (request.credentials === undefined || !(error instanceof RegistryError) || !postStatuses.has(error.status)) {
			throw error;
		}

		return postForToken(http, request);
	}
}

function checkRealm({realm, domain, credentials, isInsecureAllowed}: TokenRequest): void {
	const isReadable = realm.protocol === 'http:' && !isLoopback(realm.hostname) && !isInsecureAllowed;
	if (isReadable && credentials !== undefined) {
		throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `${domain} wants the password sent to ${realm.origin}, where anybody on the way can read it`, {
			hint: `If you trust the way, give --insecure-registry ${domain}.`,
		});
	}
}

async function getToken(http: HttpClient, request: TokenRequest): Promise<Token> {
	const {realm, service, scopes, credentials, isOffline = false} = request;
	const url = new URL(realm);
	const username = credentials?.type === 'password' ? credentials.username : '';
	appendAll(url.searchParams, [
		...(username === '' ? [] : [['account', username] as const]),
		...(isOffline ? [['client_id', clientId] as const, ['offline_token', 'true'] as const] : []),
		...scopes.map(scope => ['scope', scope] as const),
		...(service === undefined ? [] : [['service', service] as const]),
	]);
	return sendForToken(http, request, {
		method: 'GET',
		url,
		...(credentials?.type === 'password' && {headers: {authorization: `Basic ${encodeBasic(credentials)}`}}),
	});
}

async function postForToken(http: HttpClient, request: TokenRequest): Promise<Token> {
	const {realm, service, scopes, credentials, isOffline = false} = request;
	const form = new URLSearchParams();
	appendAll(form, [
		...grantOf(credentials),
		['client_id', clientId],
		...(isOffline ? [['access_type', 'offline'] as const] : []),
		...(scopes.length === 0 ? [] : [['scope', scopes.join(' ')] as const]),
		...(service === undefined ? [] : [['service', service] as const]),
	]);
	return sendForToken(http, request, {
		method: 'POST',
		url: realm,
		headers: {'content-type': 'application/x-www-form-urlencoded; charset=utf-8'},
		body: new TextEncoder().encode(form.toString()),
	});
}

function grantOf(credentials: TokenRequest['credentials']): ReadonlyArray<readonly [string, string]> {
	switch (credentials?.type) {
		case undefined: {
			return [];
		}

		case 'password': {
			return [['grant_type', 'password'], ['username', credentials.username], ['password', credentials.password]];
		}

		case 'identity-token': {
			return [['grant_type', 'refresh_token'], ['refresh_token', credentials.token]];
		}
	}
}

function appendAll(parameters: URLSearchParams, pairs: ReadonlyArray<readonly [string, string]>): void {
	for (const [name, value] of pairs) {
		parameters.append(name, value);
	}
}

async function sendForToken(http: HttpClient, {domain, credentials, signal}: TokenRequest, request: HttpRequest): Promise<Token> {
	try {
		await using response = await http.request({...request, signal});
		const body = await readText(response.body);
		if (response.status < 200 || response.status > 299) {
			throw refusal(response, {
				request,
				domain,
				body,
				credentials,
			});
		}

		return readToken(body, domain);
	} catch (error) {
		throw prefixed(`failed to fetch ${credentials === undefined ? 'anonymous' : 'oauth'} token`, error);
	}
}

type RefusedTokenRequest = {
	readonly request: HttpRequest;
	readonly domain: string;
	readonly body: string;
	readonly credentials: TokenRequest['credentials'];
};

function refusal({status, statusText, headers}: HttpResponse, {request: {method, url}, domain, body, credentials}: RefusedTokenRequest): RegistryError {
	const secrets = credentials === undefined ? [] : secretsOf(credentials);
	return unexpectedStatus({
		method,
		address: `${describeUrl(url)}${url.search}`,
		domain,
		status,
		statusText,
		body,
		retryAfterSeconds: parseRetryAfter(headers['retry-after']),
		hasCredentials: credentials !== undefined,
		redact: text => redact(text, secrets),
	});
}

function readToken(body: string, domain: string): Token {
	const document = parseJson(body);
	const {token, access_token: accessToken, expires_in: expiry, refresh_token: identityToken} = is.plainObject(document) ? document : {};
	const chosen = [token, accessToken].find(candidate => is.nonEmptyString(candidate));
	// It becomes a header: no line may end in it.
	if (!is.string(chosen) || !/^[\u{21}-\u{7E}]+$/v.test(chosen)) {
		throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `the token server of ${domain} sent no token`);
	}

	const seconds = is.number(expiry) && expiry > 0 ? expiry : defaultExpirySeconds;
	return {
		token: chosen,
		expires: Date.now() + (seconds * 1000 * usedShare),
		...(is.nonEmptyString(identityToken) && {identityToken}),
	};
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
