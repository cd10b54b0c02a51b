import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import {TsbuildError} from '../kernel/errors.ts';
import {proxyChooser, type ProxySettings} from './proxies.ts';

/** How to speak TLS with one host, besides what holds for all. */
export type TlsSettings = {
	/** Authorities to trust besides those of the machine, in PEM. */
	readonly authorities?: readonly string[];
	/** What this client shows of itself, in PEM. */
	readonly clients?: ReadonlyArray<{readonly certificate: string; readonly key: string}>;
	/** `false`: whoever answers is believed. */
	readonly isVerified?: boolean;
};

export type ConnectionOptions = {
	readonly proxies: ProxySettings;
	/** The authorities that are trusted everywhere, in PEM; without them those of Node.js. Asked when TLS is first spoken. */
	readonly authorities: () => Promise<string | undefined>;
	/** Asked once for each host and port. */
	readonly tlsSettings: (host: string) => Promise<TlsSettings>;
};

/** The way to a server. */
export type Route = {
	readonly agents: {readonly http: http.Agent} | {readonly https: https.Agent};
	/** What it goes through, if anything. */
	readonly proxy: URL | undefined;
};

/** Open connections by server, kept for the next request. */
export class Connections implements Disposable {
	readonly #options: ConnectionOptions;
	readonly #chooseProxy: (url: URL) => URL | undefined;
	readonly #routes = new Map<string, Promise<Route>>();
	#authorities: Promise<string | undefined> | undefined;
	readonly #closing = new AbortController();

	constructor(options: ConnectionOptions) {
		this.#options = options;
		this.#chooseProxy = proxyChooser(options.proxies);
	}

	async #createRoute(url: URL): Promise<Route> {
		const proxy = this.#chooseProxy(url);
		const options = {
			keepAlive: true,
			...(proxy !== undefined && {proxyEnv: {HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href}}),
		};
		const agents = url.protocol === 'https:'
			? {https: new https.Agent({...options, ...await this.#tlsOptions(url)})}
			: {http: new http.Agent(options)};
		this.#closing.signal.addEventListener('abort', () => {
			Object.values(agents)[0]?.destroy();
		});
		return {agents, proxy};
	}

	async #tlsOptions(url: URL): Promise<tls.ConnectionOptions> {
		const {authorities = [], clients = [], isVerified = true} = await this.#options.tlsSettings(url.host);
		this.#authorities ??= this.#options.authorities();
		const machine = await this.#authorities;
		const common = machine === undefined ? tls.rootCertificates : [machine];
		try {
			return {
				rejectUnauthorized: isVerified,
				secureContext: tls.createSecureContext({
					ca: [...common, ...authorities],
					cert: clients.map(({certificate}) => certificate),
					key: clients.map(({key}) => key),
				}),
			};
		} catch (error) {
			throw new TsbuildError('ERR_TSBUILD_CERTIFICATE', `failed to use the certificates for ${url.host}`, {
				cause: error,
				hint: 'Certificates and keys are PEM files, and a key belongs to the certificate beside it.',
			});
		}
	}

	/**
	The way to the server of an address.

	@throws {TsbuildError} `ERR_TSBUILD_CERTIFICATE` when a certificate or key for it is none; `ERR_TSBUILD_PROXY`; what `tlsSettings` throws
	*/
	async routeTo(url: URL): Promise<Route> {
		let route = this.#routes.get(url.origin);
		if (route === undefined) {
			route = this.#createRoute(url);
			this.#routes.set(url.origin, route);
		}

		return route;
	}

	[Symbol.dispose](): void {
		this.#closing.abort();
	}
}
