import {abortable} from '../kernel/abortable.ts';
import type {Scope} from './scope.ts';
import type {Token} from './token-request.ts';

/** Tokens by what they allow. Whoever wants one that is on its way waits for that one. */
export class TokenCache {
	/** Asks for a new token. */
	readonly #fetch: (scopes: readonly Scope[]) => Promise<Token>;
	readonly #tokens = new Map<string, Promise<Token>>();

	constructor(fetch: (scopes: readonly Scope[]) => Promise<Token>) {
		this.#fetch = fetch;
	}

	async #renew(key: string, scopes: readonly Scope[]): Promise<Token> {
		const token = this.#fetch(scopes);
		this.#tokens.set(key, token);
		try {
			return await token;
		} catch (error) {
			this.#tokens.delete(key);
			throw error;
		}
	}

	/**
	A token that has not run out.

	@throws what `fetch` throws; the reason of `signal`
	*/
	async get(scopes: readonly Scope[], signal?: AbortSignal): Promise<Token> {
		const key = keyOf(scopes);
		const known = this.#tokens.get(key);
		const token = known === undefined ? undefined : await abortable(known, signal);
		if (token !== undefined && token.expires > Date.now()) {
			return token;
		}

		// Meanwhile another may have asked for a new one.
		const current = this.#tokens.get(key);
		return abortable(current === undefined || current === known ? this.#renew(key, scopes) : current, signal);
	}

	/** The registry does not accept that token. */
	forget(scopes: readonly Scope[]): void {
		this.#tokens.delete(keyOf(scopes));
	}
}

function keyOf(scopes: readonly Scope[]): string {
	return scopes.join(' ');
}
