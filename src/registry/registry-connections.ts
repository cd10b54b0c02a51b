import {HttpClient} from '../http.ts';
import {parseAddressList, type AddressList} from '../http/address-list.ts';
import type {TlsSettings} from '../http/connections.ts';
import type {ProxySettings} from '../http/proxies.ts';
import type {RetryNotice, RetryPolicy} from '../http/retry.ts';
import {Authorizer} from './authorizer.ts';
import type {CredentialLookup} from './credentials.ts';
import {findEndpoint, hostOf} from './endpoint.ts';
import type {EngineConfig} from './engine-config.ts';
import {RegistryConnection} from './registry-connection.ts';

export type RegistryConnectionOptions = {
	readonly credentials: CredentialLookup;
	/** Registries whose certificate does not count and which may speak plain HTTP: `host`, `host:port`, or a network such as `10.0.0.0/8`. */
	readonly insecureRegistries?: readonly string[];
	/** Asked when the first registry is. */
	readonly engineConfig: () => Promise<EngineConfig>;
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

type Place = {
	readonly endpoint: URL;
	readonly isInsecure: boolean;
	readonly retryPolicy: RetryPolicy;
};

/** The ways to all registries. Each is found when it is first used. */
export class RegistryConnections implements Disposable {
	readonly #options: RegistryConnectionOptions;
	readonly #http: HttpClient;
	readonly #connections = new Map<string, Promise<RegistryConnection>>();
	#engineConfig: Promise<EngineConfig> | undefined;
	#insecure: Promise<AddressList> | undefined;

	constructor(options: RegistryConnectionOptions) {
		this.#options = options;
		const {proxies, authorities, userAgent, idleMilliseconds = defaultIdleMilliseconds} = options;
		this.#http = new HttpClient({
			proxies,
			authorities,
			tlsSettings: async host => ({...await options.certificates(host), isVerified: !await this.#isInsecure(host)}),
			userAgent,
			idleMilliseconds,
		});
	}

	async #find(domain: string): Promise<RegistryConnection> {
		const {certificates, retryPolicy = defaultRetryPolicy} = this.#options;
		const isInsecure = await this.#isInsecure(hostOf(domain));
		const endpoint = await findEndpoint(domain, {
			http: this.#http,
			isInsecure,
			hasCertificates: await certificates(hostOf(domain)) !== undefined,
		});
		return this.#connect(domain, {endpoint, isInsecure, retryPolicy});
	}

	/** A mirror that fails is not worth waiting for: there is the registry itself. */
	async #findMirror(endpoint: URL): Promise<RegistryConnection> {
		const {retryPolicy = defaultRetryPolicy} = this.#options;
		const isInsecure = await this.#isInsecure(endpoint.host);
		return this.#connect(endpoint.host, {endpoint, isInsecure, retryPolicy: {...retryPolicy, attempts: 1}});
	}

	#connect(domain: string, {endpoint, isInsecure, retryPolicy}: Place): RegistryConnection {
		const {credentials, onRetry, isOffline = false} = this.#options;
		const authorizer = new Authorizer({
			http: this.#http,
			domain,
			credentials,
			isInsecureAllowed: isInsecure,
			isOffline,
		});
		return new RegistryConnection({
			http: this.#http,
			domain,
			endpoint,
			authorizer,
			retry: {policy: retryPolicy, onRetry},
		});
	}

	async #known(name: string, find: () => Promise<RegistryConnection>): Promise<RegistryConnection> {
		let connection = this.#connections.get(name);
		if (connection === undefined) {
			connection = find();
			this.#connections.set(name, connection);
		}

		return connection;
	}

	async #readEngineConfig(): Promise<EngineConfig> {
		this.#engineConfig ??= this.#options.engineConfig();
		return this.#engineConfig;
	}

	async #listInsecure(): Promise<AddressList> {
		const {insecureRegistries} = await this.#readEngineConfig();
		return parseAddressList([...insecureRegistries, ...this.#options.insecureRegistries ?? []]);
	}

	async #isInsecure(host: string): Promise<boolean> {
		const {hostname, port} = new URL(`https://${host}`);
		this.#insecure ??= this.#listInsecure();
		const insecure = await this.#insecure;
		return insecure.includes(hostname, port === '' ? '443' : port);
	}

	/**
	The way to a registry.

	@param domain - as in a reference
	@throws {TsbuildError} `ERR_TSBUILD_CERTIFICATE`, `ERR_TSBUILD_ENGINE_CONFIG`
	*/
	async to(domain: string): Promise<RegistryConnection> {
		return this.#known(domain, async () => this.#find(domain));
	}

	/**
	The ways to what is only read: mirrors, and at last the registry itself.

	@param domain - as in a reference
	@throws {TsbuildError} as `to`
	*/
	async toRead(domain: string): Promise<readonly RegistryConnection[]> {
		const {mirrors} = await this.#readEngineConfig();
		const places = domain === 'docker.io' ? mirrors : [];
		return Promise.all([
			...places.map(async mirror => this.#known(mirror.origin, async () => this.#findMirror(mirror))),
			this.to(domain),
		]);
	}

	[Symbol.dispose](): void {
		this.#http[Symbol.dispose]();
	}
}
