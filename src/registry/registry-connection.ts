import type {HttpClient, HttpRequest, HttpResponse} from '../http.ts';
import {describeUrl, NetworkError} from '../http/network-error.ts';
import {parseRetryAfter, withRetries, type RetryOptions} from '../http/retry.ts';
import type {Authorizer} from './authorizer.ts';
import {prefixed, RegistryError, unexpectedStatus} from './registry-error.ts';
import {readText} from './response-body.ts';
import type {Scope} from './scope.ts';

/** What is asked of a registry. */
export type RegistryRequest = Pick<HttpRequest, 'body' | 'headers' | 'method' | 'signal'> & {
	/** Below the registry's address, such as `/v2/library/busybox/manifests/latest`; or an address that the registry gave. */
	readonly target: string | URL;
	readonly scopes: readonly Scope[];
	/** The statuses that answer the question. */
	readonly expect: readonly number[];
};

export type ConnectionOptions = {
	readonly http: HttpClient;
	readonly domain: string;
	readonly endpoint: URL;
	readonly authorizer: Authorizer;
	readonly retry: Omit<RetryOptions, 'domain' | 'signal'>;
};

// The first answer asks for a token, the second may refuse one that has run out, or ask for more.
const maximumRefusals = 3;

/** The way to one registry: who asks, and what the answers mean. */
export class RegistryConnection {
	readonly #options: ConnectionOptions;

	constructor(options: ConnectionOptions) {
		this.#options = options;
	}

	async #authorize(scopes: readonly Scope[], signal: AbortSignal | undefined): Promise<string | undefined> {
		try {
			return await this.#options.authorizer.authorize(scopes, signal);
		} catch (error) {
			throw prefixed('failed to authorize', error);
		}
	}

	async #send({method, url, headers, body, signal}: RegistryRequest & {readonly url: URL}, authorization: string | undefined): Promise<HttpResponse> {
		try {
			return await this.#options.http.request({
				method,
				url,
				headers: {...headers, ...(authorization !== undefined && {authorization})},
				...(body !== undefined && {body}),
				signal,
			});
		} catch (error) {
			throw prefixed('failed to do request', error);
		}
	}

	get domain(): string {
		return this.#options.domain;
	}

	/** What can be kept instead of a password; `undefined` if the registry gives no such thing, or was not asked for it. */
	get identityToken(): string | undefined {
		return this.#options.authorizer.identityToken;
	}

	/** What tells how often to try, for whoever does so. */
	retryOptions(signal: AbortSignal | undefined): RetryOptions {
		const {retry, domain} = this.#options;
		return {...retry, domain, signal};
	}

	/**
	Asks, again if need be. Only for requests whose body can be sent again.

	@throws {RegistryError}, {NetworkError}, the reason of the signal
	*/
	async ask(request: RegistryRequest): Promise<HttpResponse> {
		return withRetries(async () => this.askOnce(request), this.retryOptions(request.signal));
	}

	/**
	Asks, and has the answer read; both again if need be, also when the answer is cut off.

	@throws as `ask`; what `read` throws
	*/
	async askAndRead<Result>(request: RegistryRequest, read: (response: HttpResponse) => Promise<Result>): Promise<Result> {
		return withRetries(async () => {
			await using response = await this.askOnce(request);
			return await read(response);
		}, this.retryOptions(request.signal));
	}

	/**
	Asks, and again only to say who asks.

	@throws as `ask`
	*/
	async askOnce(request: RegistryRequest): Promise<HttpResponse> {
		const {endpoint, authorizer} = this.#options;
		const {method, scopes, body, signal} = request;
		const url = new URL(request.target, endpoint);
		// A registry may have uploads sent elsewhere, which is nobody's to know who asks.
		const isOwn = url.origin === endpoint.origin;
		for (let refusals = 0; ; refusals++) {
			const authorization = isOwn ? await this.#authorize(scopes, signal) : undefined;
			const response = await this.#send({...request, url}, authorization);
			if (request.expect.includes(response.status)) {
				return response;
			}

			await using refused = response;
			const isWorthwhile = refused.status === 401 && isOwn && refusals < maximumRefusals
				&& await authorizer.learn(refused, {scopes, authorization});
			// A stream has been sent, and cannot be sent again.
			if (!isWorthwhile || (body !== undefined && !(body instanceof Uint8Array))) {
				throw await this.errorOf(refused, {method, url});
			}
		}
	}

	/** The error that a response is. */
	async errorOf({status, statusText, headers, body}: HttpResponse, {method, url}: {readonly method: string; readonly url: URL}): Promise<RegistryError> {
		const {authorizer, domain} = this.#options;
		return unexpectedStatus({
			method,
			address: describeUrl(url),
			domain,
			status,
			statusText,
			body: await readReason(body),
			retryAfterSeconds: parseRetryAfter(headers['retry-after']),
			hasCredentials: authorizer.hasCredentials,
			redact: text => authorizer.redact(text),
		});
	}
}

/** What an error says. A server that says it badly has told the status nevertheless. */
async function readReason(body: HttpResponse['body']): Promise<string> {
	try {
		return await readText(body);
	} catch (error) {
		if (error instanceof NetworkError || error instanceof RegistryError) {
			return '';
		}

		throw error;
	}
}
