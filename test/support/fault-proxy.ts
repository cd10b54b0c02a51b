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
	/** The connection ends after so many bytes of the request's body, and the server gets those as a whole request: what it answers to that holds for the address of this one from then on, as with a server that keeps what it got. */
	| {readonly type: 'keep-part'; readonly size: number}
	/** The connection ends when the server has done what it was asked. */
	| {readonly type: 'lose-answer'}
	/** The answer's body is shorter, and its length agrees with that. */
	| {readonly type: 'truncate'; readonly size: number}
	/** The byte at this place of the answer's body is another. */
	| {readonly type: 'corrupt'; readonly at: number}
	/** The byte at this place of the request's body is another. */
	| {readonly type: 'corrupt-request'; readonly at: number}
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
	const upstream: ProxiedServer = {target, agent, moved: new Map()};
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
		new ProxiedExchange(upstream, {request, response, fault: chooseFault(proxied)}).run();
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

/** Where requests go. */
type ProxiedServer = {
	readonly target: string;
	readonly agent: http.Agent;
	/** Paths that mean others by now. */
	readonly moved: Map<string, string>;
};

type Exchanged = {
	readonly request: http.IncomingMessage;
	readonly response: http.ServerResponse;
	readonly fault: Fault | undefined;
};

/** One request on its way through the proxy. */
class ProxiedExchange {
	readonly #server: ProxiedServer;
	readonly #request: http.IncomingMessage;
	readonly #response: http.ServerResponse;
	readonly #fault: Fault | undefined;

	constructor(server: ProxiedServer, {request, response, fault}: Exchanged) {
		this.#server = server;
		this.#request = request;
		this.#response = response;
		this.#fault = fault;
	}

	/** Sends on what the client wants. */
	#forward(): void {
		const {target, agent, moved} = this.#server;
		const [hostname, port] = target.split(':', 2);
		const {method, url = '', headers} = this.#request;
		// The digest that ends an upload is added to its address.
		const [address, digest] = url.split('&digest=', 2);
		const upstream = http.request({
			agent,
			hostname,
			port,
			method,
			path: digest === undefined ? moved.get(url) ?? url : `${moved.get(address!) ?? address!}&digest=${digest}`,
			headers: {...headers, ...(this.#fault?.type === 'keep-part' && {'content-length': String(this.#fault.size)})},
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
		let position = 0;
		const end = this.#sentSize();
		this.#request.on('data', (chunk: Uint8Array) => {
			if (position >= end) {
				return;
			}

			const part = this.#spoilSent(chunk, position).subarray(0, end - position);
			position += chunk.length;
			const isLast = position >= end;
			upstream.write(part, () => {
				if (!(isLast && this.#fault?.type === 'cut-request')) {
					return;
				}

				upstream.destroy();
				this.#cut();
			});
			if (isLast && this.#fault?.type === 'keep-part') {
				upstream.end();
			}
		});
		this.#request.on('end', () => {
			if (position < end) {
				upstream.end();
			}
		});
	}

	/** How much of the request's body the server gets. */
	#sentSize(): number {
		if (this.#fault?.type === 'cut-request') {
			return this.#fault.after;
		}

		return this.#fault?.type === 'keep-part' ? this.#fault.size : Infinity;
	}

	#spoilSent(chunk: Uint8Array, position: number): Uint8Array {
		return this.#fault?.type === 'corrupt-request' ? changeByte(chunk, this.#fault.at - position) : chunk;
	}

	#answer(answer: http.IncomingMessage): void {
		answer.on('error', () => undefined);
		if (this.#fault?.type === 'lose-answer') {
			this.#cut();
			return;
		}

		if (this.#fault?.type === 'keep-part') {
			const {pathname, search} = new URL(answer.headers.location!, 'http://localhost');
			this.#server.moved.set(this.#request.url!, `${pathname}${search}`);
			answer.resume();
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
				if (this.#response.destroyed) {
					return;
				}

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
				this.#response.write(changeByte(chunk, fault.at - position));
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
					if (this.#response.destroyed) {
						return;
					}

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
			case 'corrupt-request':
			case 'cut-request':
			case 'delay':
			case 'keep-part':
			case 'lose-answer':
			case 'silence': {
				this.#response.write(chunk);
			}
		}
	}

	#cut(): void {
		this.#request.socket.destroy();
	}

	run(): void {
		if (this.#fault?.type === 'answer') {
			const {status, headers = {}, body = ''} = this.#fault;
			this.#request.resume();
			this.#response.writeHead(status, headers).end(body);
		} else if (this.#fault?.type === 'silence') {
			this.#request.resume();
		} else {
			this.#forward();
		}
	}
}

/** The chunk with another byte at this place, if it has that place. */
function changeByte(chunk: Uint8Array, place: number): Uint8Array {
	return place < 0 || place >= chunk.length ? chunk : chunk.map((byte, index) => index === place ? byte ^ 1 : byte);
}
