import {HttpClient} from '../http.ts';
import {parseAddressList, type AddressList} from '../http/address-list.ts';
import type {TlsSettings} from '../http/connections.ts';
import type {ProxySettings} from '../http/proxies.ts';
import {Authorizer} from './authorizer.ts';
import type {CredentialLookup} from './credentials.ts';
import {findEndpoint, hostOf} from './endpoint.ts';
import {RegistryConnection} from './registry-connection.ts';
import type {RetryNotice, RetryPolicy} from './retry.ts';

export type RegistryConnectionOptions = {
	readonly credentials: CredentialLookup;
	/** Registries whose certificate does not count and which may speak plain HTTP: `host`, `host:port`, or a network such as `10.0.0.0/8`. */
	readonly insecureRegistries?: readonly string[];
	/** What a user keeps for a host; `undefined` if nothing. */
	readonly certificates: (host: string) => Promise<TlsSettings | undefined>;
	/** The authorities that are trusted everywhere, in PEM; without them those of Node.js. */
	readonly authorities: () => Promise<string | undefined>;
	readonly proxies: ProxySettings;
	/** Told of every wait before something is tried again. */
	readonly onRetry: (notice: RetryNotice) => void;
	readonly userAgent: string;
	/** How long a connection may stand still: by default a minute. */
	readonly idleMilliseconds?: number;
	readonly retryPolicy?: RetryPolicy;
	/** Asks for an identity token with each token. */
	readonly isOffline?: boolean;
};

const defaultIdleMilliseconds = 60_000;

const defaultRetryPolicy: RetryPolicy = {attempts: 5, firstMilliseconds: 500, maximumMilliseconds: 5 * 60_000};

/** The ways to all registries. Each is found when it is first used. */
export class RegistryConnections implements Disposable {
	readonly #options: RegistryConnectionOptions;
	readonly #insecure: AddressList;
	readonly #http: HttpClient;
	readonly #connections = new Map<string, Promise<RegistryConnection>>();

	constructor(options: RegistryConnectionOptions) {
		this.#options = options;
		this.#insecure = parseAddressList(options.insecureRegistries ?? []);
		const {proxies, authorities, userAgent, idleMilliseconds = defaultIdleMilliseconds} = options;
		this.#http = new HttpClient({
			proxies,
			authorities,
			tlsSettings: async host => ({...await options.certificates(host), isVerified: !this.#isInsecure(host)}),
			userAgent,
			idleMilliseconds,
		});
	}

	async #find(domain: string): Promise<RegistryConnection> {
		const {credentials, certificates, onRetry, retryPolicy = defaultRetryPolicy, isOffline = false} = this.#options;
		const isInsecure = this.#isInsecure(hostOf(domain));
		const endpoint = await findEndpoint(domain, {
			http: this.#http,
			isInsecure,
			hasCertificates: await certificates(hostOf(domain)) !== undefined,
		});
		return new RegistryConnection({
			http: this.#http,
			domain,
			endpoint,
			authorizer: new Authorizer({
				http: this.#http,
				domain,
				credentials,
				isInsecureAllowed: isInsecure,
				isOffline,
			}),
			retry: {policy: retryPolicy, onRetry},
		});
	}

	#isInsecure(host: string): boolean {
		const {hostname, port} = new URL(`https://${host}`);
		return this.#insecure.includes(hostname, port === '' ? '443' : port);
	}

	/**
	The way to a registry.

	@param domain - as in a reference
	@throws {TsbuildError} `ERR_TSBUILD_CERTIFICATE`
	*/
	async to(domain: string): Promise<RegistryConnection> {
		let connection = this.#connections.get(domain);
		if (connection === undefined) {
			connection = this.#find(domain);
			this.#connections.set(domain, connection);
		}

		return connection;
	}

	[Symbol.dispose](): void {
		this.#http[Symbol.dispose]();
	}
}
