import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import http from 'node:http';
import type {AddressInfo} from 'node:net';

/** What a registry says to one request. */
export type ScriptedAnswer = {
	/** 200 unless given. */
	readonly status?: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Uint8Array;
};

/** A request to it. */
export type ScriptedRequest = {
	readonly method: string;
	/** Begins with `/v2/`. */
	readonly path: string;
	readonly headers: http.IncomingHttpHeaders;
};

/** A server that answers as a test tells it, for answers that no real registry gives. */
export type ScriptedRegistry = AsyncDisposable & {
	/** Address and port, as in a reference. */
	readonly host: string;
	/** What was asked, as `GET /v2/...`. */
	readonly requests: readonly string[];
};

/** Starts a server on a free port. */
export async function startScriptedRegistry(answer: (request: ScriptedRequest) => ScriptedAnswer): Promise<ScriptedRegistry> {
	const requests: string[] = [];
	const server = http.createServer((request, response) => {
		const {method = '', url = '', headers} = request;
		requests.push(`${method} ${url}`);
		const {status = 200, headers: answered = {}, body = ''} = answer({method, path: url, headers});
		response.writeHead(status, {...(answered['transfer-encoding'] === undefined && {'content-length': Buffer.byteLength(body)}), ...answered});
		response.end(method === 'HEAD' ? undefined : body);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const {port} = server.address() as AddressInfo;
	return {
		host: `localhost:${port}`,
		requests,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}
