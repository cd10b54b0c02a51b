import {once} from 'node:events';
import http from 'node:http';
import type {AddressInfo} from 'node:net';

/** What goes wrong with one request or its answer. */
export type Fault =
	/** An answer of the proxy's own; the server hears nothing of the request. */
	| {readonly type: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string}
	/** The connection ends after so many bytes of the answer's body. */
	| {readonly type: 'cut-answer'; readonly after: number}
	/** The connection ends after so many bytes of the request's body, which the server gets. */
	| {readonly type: 'cut-request'; readonly after: number}
	/** The connection ends when the server has done what it was asked. */
	| {readonly type: 'lose-answer'}
	/** The answer's body is shorter, and its length agrees with that. */
	| {readonly type: 'truncate'; readonly size: number}
	/** The byte at this place is another. */
	| {readonly type: 'corrupt'; readonly at: number}
	/** The answer claims another length than it has. */
	| {readonly type: 'claim-length'; readonly size: number}
	/** Nothing comes any more after so many bytes of the answer's body, and the connection stays open. */
	| {readonly type: 'stall'; readonly after: number}
	/** The answer comes a byte at a time. */
	| {readonly type: 'drip'; readonly milliseconds: number}
	/** No answer at all. */
	| {readonly type: 'silence'}
	/** The answer waits. */
	| {readonly type: 'delay'; readonly milliseconds: number};

export type ProxiedRequest = {
	readonly method: string;
	/** With the query. */
	readonly path: string;
	readonly headers: http.IncomingHttpHeaders;
	/** Of all requests so far, from 0. */
	readonly number: number;
};

/** Stands before a server, and spoils what the test chooses. */
export type FaultProxy = AsyncDisposable & {
	/** Address and port. */
	readonly host: string;
	/** What has been asked, in order. */
	readonly requests: readonly ProxiedRequest[];
};

/**
Starts a proxy before a server that speaks plain HTTP.

@param target - address and port of the server
@param chooseFault - asked for each request; `undefined` lets it pass as it is
*/
export async function startFaultProxy(target: string, chooseFault: (request: ProxiedRequest) => Fault | undefined): Promise<FaultProxy> {
	const requests: ProxiedRequest[] = [];
	const agent = new http.Agent({keepAlive: true});
	const server = http.createServer((request, response) => {
		const proxied = {
			method: request.method!,
			path: request.url!,
			headers: request.headers,
			number: requests.length,
		};
		requests.push(proxied);
		// What is cut on purpose fails on both sides.
		request.on('error', () => undefined);
		response.on('error', () => undefined);
		new ProxiedExchange(request, response, chooseFault(proxied)).run(target, agent);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		async [Symbol.asyncDispose]() {
			agent.destroy();
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}

/** One request on its way through the proxy. */
class ProxiedExchange {
	readonly #request: http.IncomingMessage;
	readonly #response: http.ServerResponse;
	readonly #fault: Fault | undefined;

	constructor(request: http.IncomingMessage, response: http.ServerResponse, fault: Fault | undefined) {
		this.#request = request;
		this.#response = response;
		this.#fault = fault;
	}

	/** Sends on what the client wants. */
	#forward(target: string, agent: http.Agent): void {
		const [hostname, port] = target.split(':', 2);
		const {method, url, headers} = this.#request;
		const upstream = http.request({
			agent,
			hostname,
			port,
			method,
			path: url,
			headers,
		});
		upstream.on('error', () => {
			this.#cut();
		});
		upstream.on('response', answer => {
			this.#answer(answer);
		});
		this.#sendBody(upstream);
	}

	#sendBody(upstream: http.ClientRequest): void {
		let rest = this.#fault?.type === 'cut-request' ? this.#fault.after : Infinity;
		this.#request.on('data', (chunk: Uint8Array) => {
			const part = chunk.subarray(0, Math.min(rest, chunk.length));
			rest -= part.length;
			const isLast = rest === 0;
			upstream.write(part, () => {
				if (!isLast) {
					return;
				}

				upstream.destroy();
				this.#cut();
			});
		});
		this.#request.on('end', () => {
			upstream.end();
		});
	}

	#answer(answer: http.IncomingMessage): void {
		answer.on('error', () => undefined);
		if (this.#fault?.type === 'lose-answer') {
			this.#cut();
			return;
		}

		if (this.#fault?.type === 'delay') {
			setTimeout(() => {
				void this.#copy(answer);
			}, this.#fault.milliseconds);
			return;
		}

		void this.#copy(answer);
	}

	async #copy(answer: http.IncomingMessage): Promise<void> {
		this.#response.writeHead(answer.statusCode!, {...answer.headers, ...this.#lengthHeader()});
		try {
			let position = 0;
			for await (const chunk of answer as AsyncIterable<Uint8Array>) {
				await this.#pass(chunk, position);
				position += chunk.length;
			}

			if (this.#fault?.type === 'stall') {
				return;
			}

			if (this.#fault?.type === 'claim-length') {
				this.#cut();
				return;
			}

			this.#response.end();
		} catch {
			this.#cut();
		}
	}

	#lengthHeader(): Readonly<Record<string, string>> {
		return this.#fault?.type === 'truncate' || this.#fault?.type === 'claim-length' ? {'content-length': String(this.#fault.size)} : {};
	}

	/** Passes on what is left of a chunk of the answer that begins at a place. */
	async #pass(chunk: Uint8Array, position: number): Promise<void> {
		const fault = this.#fault;
		switch (fault?.type) {
			case 'corrupt': {
				const place = fault.at - position;
				this.#response.write(place < 0 || place >= chunk.length ? chunk : chunk.map((byte, index) => index === place ? byte ^ 1 : byte));
				return;
			}

			case 'cut-answer':
			case 'stall': {
				const part = chunk.subarray(0, Math.max(0, fault.after - position));
				await new Promise(resolve => {
					this.#response.write(part, resolve);
				});
				if (fault.type === 'cut-answer' && position + chunk.length > fault.after) {
					this.#cut();
				}

				return;
			}

			case 'truncate': {
				this.#response.write(chunk.subarray(0, Math.max(0, fault.size - position)));
				return;
			}

			case 'drip': {
				for (const byte of chunk) {
					this.#response.write(Uint8Array.of(byte));
					await new Promise(resolve => {
						setTimeout(resolve, fault.milliseconds);
					});
				}

				return;
			}

			case undefined:
			case 'answer':
			case 'claim-length':
			case 'cut-request':
			case 'delay':
			case 'lose-answer':
			case 'silence': {
				this.#response.write(chunk);
			}
		}
	}

	#cut(): void {
		this.#request.socket.destroy();
	}

	run(target: string, agent: http.Agent): void {
		if (this.#fault?.type === 'answer') {
			const {status, headers = {}, body = ''} = this.#fault;
			this.#request.resume();
			this.#response.writeHead(status, headers).end(body);
		} else if (this.#fault?.type === 'silence') {
			this.#request.resume();
		} else {
			this.#forward(target, agent);
		}
	}
}
