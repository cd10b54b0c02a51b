import {once} from 'node:events';
import http from 'node:http';
import net, {type AddressInfo} from 'node:net';

/** What a proxy was asked. */
export type ProxyQuestion = {
	/** `CONNECT registry.example:443`, or `GET http://registry/`. */
	readonly line: string;
	/** Who asks. */
	readonly authorization: string | undefined;
};

/** A proxy as HTTP_PROXY and HTTPS_PROXY name one. */
export type WebProxy = AsyncDisposable & {
	readonly url: string;
	/** In order. */
	readonly questions: readonly ProxyQuestion[];
};

export type WebProxyOptions = {
	/** Address and port of the server that is meant by a host and port. */
	readonly findTarget: (host: string) => string;
	/** Answers this to everything. */
	readonly refusal?: 407 | 403 | 502;
};

/** Starts a proxy. */
export async function startWebProxy({findTarget, refusal}: WebProxyOptions): Promise<WebProxy> {
	const questions: ProxyQuestion[] = [];
	const note = ({method, url, headers}: http.IncomingMessage) => {
		questions.push({line: `${method} ${url}`, authorization: headers['proxy-authorization']});
	};

	const agent = new http.Agent();
	const server = http.createServer((request, response) => {
		note(request);
		if (refusal !== undefined) {
			response.writeHead(refusal).end();
			return;
		}

		const {method, headers, url = ''} = request;
		const {pathname, search, host} = new URL(url);
		const [hostname, port] = findTarget(host).split(':', 2);
		const forwarded = http.request({
			agent, hostname, port, method, headers, path: `${pathname}${search}`,
		}, answer => {
			response.writeHead(answer.statusCode!, answer.headers);
			answer.pipe(response);
		});
		request.pipe(forwarded);
	});
	server.on('connect', (request, client) => {
		note(request);
		client.on('error', () => undefined);
		if (refusal !== undefined) {
			client.end(`HTTP/1.1 ${refusal} ${http.STATUS_CODES[refusal]}\r\n\r\n`);
			return;
		}

		const [hostname, port] = findTarget(request.url!).split(':', 2);
		const upstream = net.connect(Number(port), hostname);
		upstream.on('error', () => undefined);
		client.write('HTTP/1.1 200 OK\r\n\r\n');
		client.pipe(upstream).pipe(client);
		client.on('close', () => {
			upstream.destroy();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		questions,
		async [Symbol.asyncDispose]() {
			agent.destroy();
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}
