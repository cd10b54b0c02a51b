import {Buffer} from 'node:buffer';
import {once} from 'node:events';
import {createServer, type IncomingMessage} from 'node:http';
import type {AddressInfo} from 'node:net';

/** What a web server has under a path. */
export type WebFile = {
	readonly content?: string | Uint8Array;
	readonly headers?: Readonly<Record<string, string>>;
	readonly status?: number;
	/** The connection ends after so many bytes of the content. */
	readonly cutAfter?: number;
};

/** A web server on this machine. Files can be added and replaced while it runs. */
export type WebServer = AsyncDisposable & {
	/** `127.0.0.1:40123` */
	readonly host: string;
	readonly files: Map<string, WebFile>;
	/** `GET /path`, each with the header `Authorization` if there was one. */
	readonly requests: string[];
};

/** Starts a server that answers conditions (`If-None-Match`, `If-Modified-Since`) as the standard has it. */
export async function startWebServer(files: Readonly<Record<string, WebFile>> = {}): Promise<WebServer> {
	const known = new Map(Object.entries(files));
	const requests: string[] = [];
	const server = createServer((request, response) => {
		const {method = '', url = '', headers: {authorization}} = request;
		requests.push([method, url, ...(authorization === undefined ? [] : [authorization])].join(' '));
		const file = known.get(url) ?? {status: 404};
		const content = Buffer.from(file.content ?? '');
		const status = isUnchanged(request, file) ? 304 : file.status ?? 200;
		response.writeHead(status, {...file.headers, ...(status !== 304 && {'content-length': content.length})});
		if (method === 'HEAD' || status === 304) {
			response.end();
		} else if (file.cutAfter === undefined) {
			response.end(content);
		} else {
			response.write(content.subarray(0, file.cutAfter), () => {
				response.destroy();
			});
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
		files: known,
		requests,
		async [Symbol.asyncDispose]() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}

function isUnchanged({headers: asked}: IncomingMessage, {headers = {}}: WebFile): boolean {
	return asked['if-none-match'] === undefined
		? asked['if-modified-since'] !== undefined && asked['if-modified-since'] === headers['last-modified']
		: asked['if-none-match'] === headers.etag;
}
