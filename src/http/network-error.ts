import {TsbuildError, type TsbuildErrorOptions} from '../kernel/errors.ts';

/** How a request can fail before there is a whole answer. */
export type NetworkErrorCode =
	| 'ERR_TSBUILD_NETWORK_CUT'
	| 'ERR_TSBUILD_NETWORK_REDIRECT'
	| 'ERR_TSBUILD_NETWORK_TIMEOUT'
	| 'ERR_TSBUILD_NETWORK_TLS'
	| 'ERR_TSBUILD_NETWORK_UNREACHABLE';

/**
A request got no answer, or not all of it. The message is that of Go's HTTP client, which users know from Docker: `Head "https://...": dial tcp: lookup ...: no such host`.
*/
export class NetworkError extends TsbuildError {
	override readonly name = 'NetworkError';
	declare readonly code: NetworkErrorCode;

	constructor(code: NetworkErrorCode, message: string, options: TsbuildErrorOptions = {}) {
		super(code, message, options);
	}
}

/** What is left of an address in messages and logs: no user, no password, and no query, which may be a signature. */
export function describeUrl({origin, pathname}: URL): string {
	return `${origin}${pathname}`;
}
