import type {HttpClient, HttpResponse} from '../http.ts';
import {parseChallenges, type Challenge} from './challenge.ts';
import {
	encodeBasic,
	redact,
	secretsOf,
	type CredentialLookup,
	type Credentials,
} from './credentials.ts';
import {RegistryError} from './registry-error.ts';
import {mergeScopes, type Scope} from './scope.ts';
import {TokenCache} from './token-cache.ts';
import {fetchToken, type Token} from './token-request.ts';

export type AuthorizerOptions = {
	readonly http: HttpClient;
	/** As users call the registry. */
	readonly domain: string;
	readonly credentials: CredentialLookup;
	/** May a password go over a connection that anybody can read? */
	readonly isInsecureAllowed: boolean;
	/** Asks for an identity token with each token. */
	readonly isOffline?: boolean;
};

/** How the registry wants to be told who asks. */
type Scheme =
	| {readonly type: 'header'; readonly header: string}
	| {readonly type: 'bearer'; readonly realm: URL; readonly service: string | undefined; readonly scopes: readonly Scope[]};

type BearerScheme = Extract<Scheme, {readonly type: 'bearer'}>;

/** A request that was answered with 401. */
export type RefusedRequest = {
	readonly scopes: readonly Scope[];
	/** Its `Authorization`. */
	readonly authorization: string | undefined;
};

/**
Tells one registry who asks: finds out how it wants to be told, asks for tokens, and keeps them until they run out.
*/
export class Authorizer {
	readonly #options: AuthorizerOptions;
	readonly #secrets = new Set<string>();
	readonly #tokens = new TokenCache(async scopes => this.#fetchToken(scopes));
	#credentials: Promise<Credentials | undefined> | undefined;
	// Nothing is known of it before the first answer.
	#scheme: Scheme | undefined;
	#identityToken: string | undefined;
	#hasCredentials = false;

	constructor(options: AuthorizerOptions) {
		this.#options = options;
	}

	async #schemeFor({scheme, parameters}: Challenge): Promise<Scheme | undefined> {
		const credentials = await this.#findCredentials();
		if (scheme === 'basic') {
			return credentials?.type === 'password' ? {type: 'header', header: `Basic ${encodeBasic(credentials)}`} : undefined;
		}

		if (scheme !== 'bearer') {
			return undefined;
		}

		if (credentials?.type === 'registry-token') {
			return {type: 'header', header: `Bearer ${credentials.token}`};
		}

		const realm = URL.parse(parameters.realm ?? '');
		if (realm === null || !/^https?:$/v.test(realm.protocol)) {
			return undefined;
		}

		realm.username = '';
		realm.password = '';
		return {
			type: 'bearer',
			realm,
			service: parameters.service,
			scopes: mergeScopes([parameters.scope ?? '']),
		};
	}

	/** The registry may ask for more than what was thought of. If it got all of that, there is no more to give. */
	#takeBearer(scheme: BearerScheme, {parameters: {error}}: Challenge, {scopes, authorization}: RefusedRequest): void {
		const known = this.#scheme?.type === 'bearer' ? mergeScopes([...this.#scheme.scopes, ...scopes]) : [];
		const wanted = mergeScopes([...known, ...scheme.scopes]);
		if (authorization !== undefined && error === 'insufficient_scope' && scheme.scopes.every(scope => isCovered(scope, known))) {
			throw new RegistryError('ERR_TSBUILD_REGISTRY_DENIED', `server message: ${error}: authorization failed`, {status: 401, hint: this.#deniedHint()});
		}

		// What the request itself asks for is in its own scopes: kept is only what the registry wants besides.
		const additional = scheme.scopes.filter(scope => !isCovered(scope, scopes));
		this.#scheme = {...scheme, scopes: mergeScopes([...(this.#scheme?.type === 'bearer' ? this.#scheme.scopes : []), ...additional])};
		if (authorization !== undefined) {
			this.#tokens.forget(wanted);
		}
	}

	#deniedHint(): string {
		const {domain} = this.#options;
		const command = `tsbuild login${domain === 'docker.io' ? '' : ` ${domain}`}`;
		return this.#hasCredentials
			? `Check the name of the repository, and that the user of '${command}' may use it.`
			: `Check the name of the repository. If it is not public, log in first: ${command}.`;
	}

	async #findCredentials(): Promise<Credentials | undefined> {
		this.#credentials ??= this.#options.credentials(this.#options.domain);
		const credentials = await this.#credentials;
		this.#hasCredentials = credentials !== undefined;
		this.#hide(credentials === undefined ? [] : secretsOf(credentials));
		return credentials;
	}

	async #fetchToken(scopes: readonly Scope[]): Promise<Token> {
		const {http, domain, isInsecureAllowed, isOffline = false} = this.#options;
		const {realm, service} = this.#scheme as BearerScheme;
		const credentials = await this.#findCredentials();
		const token = await fetchToken(http, {
			domain,
			realm,
			service,
			scopes,
			credentials: credentials?.type === 'registry-token' ? undefined : credentials,
			isOffline,
			isInsecureAllowed,
		});
		this.#hide([token.token, token.identityToken ?? '']);
		this.#identityToken = token.identityToken ?? this.#identityToken;
		return token;
	}

	#hide(secrets: readonly string[]): void {
		for (const secret of secrets) {
			this.#secrets.add(secret);
		}
	}

	/** Has anything been found that tells who the user is? */
	get hasCredentials(): boolean {
		return this.#hasCredentials;
	}

	/** What came with a token, and can be kept instead of the password. */
	get identityToken(): string | undefined {
		return this.#identityToken;
	}

	/**
	The value of `Authorization` for a request; `undefined` while the registry has not asked for any.

	@throws {RegistryError} when no token can be had
	*/
	async authorize(scopes: readonly Scope[], signal?: AbortSignal): Promise<string | undefined> {
		const scheme = this.#scheme;
		if (scheme?.type !== 'bearer') {
			return scheme?.header;
		}

		const {token} = await this.#tokens.get(mergeScopes([...scheme.scopes, ...scopes]), signal);
		return `Bearer ${token}`;
	}

	/**
	Learns from an answer with status 401.

	@returns may it be worth while to ask again?
	@throws {RegistryError} `ERR_TSBUILD_REGISTRY_DENIED` when it is known that no token would help; `ERR_TSBUILD_CREDENTIALS`
	*/
	async learn({headers}: Pick<HttpResponse, 'headers'>, refused: RefusedRequest): Promise<boolean> {
		for (const challenge of parseChallenges(headers['www-authenticate'] ?? '')) {
			const scheme = await this.#schemeFor(challenge);
			if (scheme?.type === 'header') {
				this.#scheme = scheme;
				return refused.authorization !== scheme.header;
			}

			if (scheme?.type === 'bearer') {
				this.#takeBearer(scheme, challenge, refused);
				return true;
			}
		}

		return false;
	}

	/** The text without what must not be seen, which a server may have sent back. */
	redact(text: string): string {
		return redact(text, this.#secrets);
	}
}

function isCovered(scope: Scope, by: readonly Scope[]): boolean {
	return mergeScopes([...by, scope]).join(' ') === mergeScopes(by).join(' ');
}
