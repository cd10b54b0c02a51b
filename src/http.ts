import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import type {IncomingHttpHeaders} from 'node:http';
import {Readable} from 'node:stream';
import got, {type Request} from 'got';
import {Connections, type ConnectionOptions} from './http/connections.ts';
import {IdleWatch} from './http/idle-watch.ts';
import {networkError, toNetworkError, type FailedRequest} from './http/network-failure.ts';

export type HttpRequest = {
	readonly method: 'DELETE' | 'GET' | 'HEAD' | 'PATCH' | 'POST' | 'PUT';
	readonly url: URL;
	readonly headers?: Readonly<Record<string, string>>;
	/** A stream is sent once; bytes also to where a redirect leads. */
	readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
	/** What leads elsewhere is followed, unless it is for whoever asks to say: a signature counts for one address only. */
	readonly followsRedirects?: boolean;
	readonly signal?: AbortSignal | undefined;
};

/** An answer, of any status. Whoever does not read its body to the end disposes of it. */
export type HttpResponse = AsyncDisposable & {
	readonly status: number;
	/** With the words for it: `404 Not Found`. */
	readonly statusText: string;
	readonly headers: Readonly<IncomingHttpHeaders>;
	/** Where it came from, after redirects. */
	readonly url: URL;
	/**
	As it was sent: not decompressed.

	@throws {NetworkError} when it ends before its end
	*/
	readonly body: AsyncIterable<Uint8Array>;
};

export type HttpClientOptions = ConnectionOptions & {
	readonly userAgent: string;
	/** How long a connection may stand still. */
	readonly idleMilliseconds: number;
};

// That of Go's client. https://pkg.go.dev/net/http#Client
const maximumRedirects = 10;

const redirectHint = 'Check the address: the server, or a proxy before it, sends whoever asks to where nothing is.';

const maximumDrained = 16 * 1024;

// https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
Sends requests and follows redirects. Credentials go to the host they were meant for and to no other. Nothing is tried twice, and no status is an error: whoever asks knows better.
*/
export class HttpClient implements Disposable {
	readonly #options: HttpClientOptions;
	readonly #connections: Connections;

	constructor(options: HttpClientOptions) {
		this.#options = options;
		this.#connections = new Connections(options);
	}

	async #send(request: HttpRequest): Promise<HttpResponse> {
		request.signal?.throwIfAborted();
		const {agents, proxy} = await this.#connections.routeTo(request.url);
		const watch = new IdleWatch(this.#options.idleMilliseconds);
		const exchange = new Exchange({...request, proxy}, watch, this.#options.idleMilliseconds);
		const {method, url, headers, body} = request;
		const stream = got.stream(url, {
			method,
			headers: {'user-agent': this.#options.userAgent, ...lengthOf(body), ...headers},
			...(method !== 'GET' && method !== 'HEAD' && {body: exchange.streamBody(body)}),
			agent: agents,
			signal: request.signal === undefined ? watch.signal : AbortSignal.any([watch.signal, request.signal]),
			followRedirect: false,
			throwHttpErrors: false,
			decompress: false,
			retry: {limit: 0},
		});
		return exchange.answer(stream);
	}

	/**
	Asks a server; resolves as soon as it begins to answer.

	@throws {NetworkError} `ERR_TSBUILD_NETWORK_UNREACHABLE`, `ERR_TSBUILD_NETWORK_TLS`, `ERR_TSBUILD_NETWORK_TIMEOUT`, `ERR_TSBUILD_NETWORK_CUT`, `ERR_TSBUILD_NETWORK_REDIRECT`; `ERR_TSBUILD_CERTIFICATE`, `ERR_TSBUILD_PROXY`; what `body` throws; the reason of `signal`
	*/
	async request(request: HttpRequest): Promise<HttpResponse> {
		let current = request;
		for (let count = 0; count <= maximumRedirects; count++) {
			const response = await this.#send(current);
			const next = nextRequest(current, response);
			if (next === undefined) {
				return response;
			}

			await response[Symbol.asyncDispose]();
			current = next;
		}

		throw networkError(request, {
			code: 'ERR_TSBUILD_NETWORK_REDIRECT',
			reason: `stopped after ${maximumRedirects} redirects`,
			hint: redirectHint,
		});
	}

	[Symbol.dispose](): void {
		this.#connections[Symbol.dispose]();
	}
}

/** One request and its answer. */
class Exchange {
	readonly #request: FailedRequest & Pick<HttpRequest, 'signal'>;
	readonly #watch: IdleWatch;
	readonly #idleMilliseconds: number;
	#sourceError: {readonly error: unknown} | undefined;
	#body: Readable | undefined;

	constructor(request: FailedRequest & Pick<HttpRequest, 'signal'>, watch: IdleWatch, idleMilliseconds: number) {
		this.#request = request;
		this.#watch = watch;
		this.#idleMilliseconds = idleMilliseconds;
	}

	/** To read what is left is cheaper than a new connection. */
	#isShort({'content-length': length}: IncomingHttpHeaders): boolean {
		return this.#request.method === 'HEAD' || (length !== undefined && Number(length) <= maximumDrained);
	}

	/**
	What is sent. The connection is waited for while it has a chunk, not while the chunk is made.

	@yields the body
	*/
	async * #watchBody(body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
		try {
			this.#watch.pause(0);
			for await (const chunk of body) {
				this.#watch.resume();
				yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
				this.#watch.pause(chunk.length);
			}

			this.#watch.restart();
			this.#watch.resume();
		} catch (error) {
			this.#sourceError = {error};
			throw error;
		}
	}

	async * #readBody(stream: Request): AsyncGenerator<Uint8Array, void, undefined> {
		try {
			this.#watch.resume();
			for await (const chunk of stream as AsyncIterable<Buffer>) {
				this.#watch.pause(chunk.length);
				yield chunk;
				this.#watch.resume();
			}
		} catch (error) {
			throw this.#explain(error);
		} finally {
			this.#watch[Symbol.dispose]();
		}
	}

	#explain(error: unknown): unknown {
		if (this.#request.signal?.aborted) {
			return this.#request.signal.reason;
		}

		if (this.#sourceError !== undefined) {
			return this.#sourceError.error;
		}

		if (this.#watch.signal.aborted) {
			return networkError(this.#request, {
				code: 'ERR_TSBUILD_NETWORK_TIMEOUT',
				reason: `i/o timeout: no progress for ${this.#idleMilliseconds / 1000} seconds`,
				cause: error,
				hint: 'The server, or the way to it, does not answer. Try again later.',
			});
		}

		return toNetworkError(error, this.#request);
	}

	streamBody(body: HttpRequest['body']): Readable | string {
		if (body === undefined) {
			return '';
		}

		this.#body = Readable.from(this.#watchBody(body instanceof Uint8Array ? [body] : body), {objectMode: false});
		return this.#body;
	}

	async answer(stream: Request): Promise<HttpResponse> {
		try {
			this.#watch.resume();
			// Later errors are those of the body, which tells whoever reads it.
			stream.on('error', () => undefined);
			await once(stream, 'response');
			this.#watch.restart();
		} catch (error) {
			this.#watch[Symbol.dispose]();
			this.#body?.destroy();
			throw this.#explain(error);
		}

		const {statusCode, statusMessage = '', headers} = stream.response!;
		const body = this.#readBody(stream);
		return {
			status: statusCode,
			statusText: `${statusCode} ${statusMessage}`.trim(),
			headers,
			url: this.#request.url,
			body,
			[Symbol.asyncDispose]: async () => {
				if (this.#isShort(headers)) {
					await drain(body);
				}

				this.#watch[Symbol.dispose]();
				stream.destroy();
				// An answer may come before all was sent: the rest is not wanted.
				this.#body?.destroy();
			},
		};
	}
}

/** Some servers take nothing whose length they are not told. */
function lengthOf(body: HttpRequest['body']): Readonly<Record<string, string>> {
	return body instanceof Uint8Array ? {'content-length': String(body.length)} : {};
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
	try {
		await Array.fromAsync(body, ({length}) => length);
	} catch {
		// What came of the answer is all that was wanted.
	}
}

/** The request that a redirect asks for, if the response is one that can be followed. */
function nextRequest(request: HttpRequest, {status, headers: {location}}: HttpResponse): HttpRequest | undefined {
	if (location === undefined || request.followsRedirects === false || !redirectStatuses.has(status)) {
		return undefined;
	}

	const url = URL.parse(location, request.url.href);
	if (url === null || !/^https?:$/v.test(url.protocol)) {
		throw networkError(request, {
			code: 'ERR_TSBUILD_NETWORK_REDIRECT',
			reason: 'failed to follow a redirect: it leads to no http or https address',
			hint: redirectHint,
		});
	}

	const next = {...request, url, headers: headersFor(request, url)};
	if (request.method === 'GET' || request.method === 'HEAD') {
		return next;
	}

	// https://www.rfc-editor.org/rfc/rfc9110#status.307 keeps method and body; a stream that has been sent is gone.
	return status >= 307 && (request.body === undefined || request.body instanceof Uint8Array) ? next : undefined;
}

function headersFor({url: from, headers = {}}: HttpRequest, to: URL): Readonly<Record<string, string>> {
	const isSameHost = from.host === to.host && (from.protocol === to.protocol || to.protocol === 'https:');
	return isSameHost ? headers : Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'));
}
