import {TsbuildError, type TsbuildErrorOptions} from '../kernel/errors.ts';

/** How a request can fail before there is a whole answer. */
export type NetworkErrorCode = `ERR_TSBUILD_NETWORK_${'CUT' | 'REDIRECT' | 'TIMEOUT' | 'TLS' | 'UNREACHABLE'}`;

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

/** The request that failed. */
export type FailedRequest = {
	readonly method: string;
	readonly url: URL;
};

/** What is left of an address in messages and logs: no user, no password, and no query, which may be a signature. */
export function describeUrl({origin, pathname}: URL): string {
	return `${origin}${pathname}`;
}

/** A `NetworkError` for what Node's sockets and TLS threw. */
export function toNetworkError(thrown: unknown, request: FailedRequest): NetworkError {
	const facts = findFacts(thrown);
	const {code, reason, hint} = explain(facts, request);
	return networkError(request, {
		code,
		reason,
		cause: thrown,
		...(hint !== undefined && {hint}),
	});
}

/** A `NetworkError` of our own making. */
export function networkError({method, url}: FailedRequest, {code, reason, ...options}: TsbuildErrorOptions & {readonly code: NetworkErrorCode; readonly reason: string}): NetworkError {
	return new NetworkError(code, `${method.charAt(0)}${method.slice(1).toLowerCase()} "${describeUrl(url)}": ${reason}`, options);
}

type SystemFacts = {
	readonly code: string;
	readonly message: string;
	readonly address?: string;
	readonly port?: number;
};

type Explanation = {
	readonly code: NetworkErrorCode;
	readonly reason: string;
	readonly hint?: string;
};

/** The innermost error that has a code: got wraps errors, and Node has one for each address that it tried. */
function findFacts(thrown: unknown): SystemFacts {
	let facts: SystemFacts = {code: '', message: 'unknown error'};
	for (let current = thrown; current instanceof Error; current = innerError(current)) {
		const {code, address, port} = current as Partial<Record<'address' | 'code', unknown>> & {readonly port?: unknown};
		facts = {
			code: typeof code === 'string' ? code : facts.code,
			message: current.message === '' ? facts.message : current.message,
			...(typeof address === 'string' && typeof port === 'number' && {address, port}),
		};
	}

	return facts;
}

function innerError(error: Error): unknown {
	if (error instanceof AggregateError) {
		const {errors} = error;
		// Of an address of each family, the one that users know.
		return errors.find(inner => inner instanceof Error && 'address' in inner && !String(inner.address).includes(':')) ?? errors[0];
	}

	return error.cause;
}

const connectReasons: Readonly<Record<string, string>> = {
	ECONNREFUSED: 'connection refused',
	EHOSTUNREACH: 'no route to host',
	ENETUNREACH: 'network is unreachable',
	EADDRNOTAVAIL: 'cannot assign requested address',
	ETIMEDOUT: 'connection timed out',
};

const certificateReasons: Readonly<Record<string, string>> = {
	CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
	CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
	DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority',
	SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority',
	UNABLE_TO_GET_ISSUER_CERT: 'certificate signed by unknown authority',
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
};

function explain({code, message, address, port}: SystemFacts, {url}: FailedRequest): Explanation {
	if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
		return {
			code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
			reason: `dial tcp: lookup ${url.hostname}: ${code === 'ENOTFOUND' ? 'no such host' : 'Temporary failure in name resolution'}`,
			hint: 'Check the name of the host, and the network connection.',
		};
	}

	const connectReason = connectReasons[code];
	if (connectReason !== undefined) {
		return {
			code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
			reason: `dial tcp ${formatAddress(address ?? url.hostname, port ?? defaultPort(url))}: connect: ${connectReason}`,
			hint: `Check that a server listens at ${url.host}, and whether the connection needs a proxy (HTTPS_PROXY).`,
		};
	}

	return explainTls(code, url) ?? {code: 'ERR_TSBUILD_NETWORK_CUT', reason: cutReasons[code] ?? message};
}

// Node tells no difference between an end that comes too early and a reset.
const cutReasons: Readonly<Record<string, string>> = {
	ECONNRESET: 'unexpected EOF: the connection was closed',
	ERR_HTTP_CONTENT_LENGTH_MISMATCH: 'unexpected EOF: the connection was closed',
	EPIPE: 'write: broken pipe',
};

function explainTls(code: string, url: URL): Explanation | undefined {
	const certificateReason = certificateReasons[code];
	if (certificateReason !== undefined) {
		return {
			code: 'ERR_TSBUILD_NETWORK_TLS',
			reason: `tls: failed to verify certificate: x509: ${certificateReason}`,
			hint: `If you trust the server, put the certificate of its authority into /etc/docker/certs.d/${url.host}/ca.crt, or give --insecure-registry ${url.host}.`,
		};
	}

	if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
		return {
			code: 'ERR_TSBUILD_NETWORK_TLS',
			reason: `tls: failed to verify certificate: x509: certificate is not valid for ${url.hostname}`,
			hint: 'Use the name that the certificate of the server was made for.',
		};
	}

	if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
		return {
			code: 'ERR_TSBUILD_NETWORK_TLS',
			reason: 'http: server gave HTTP response to HTTPS client',
			hint: `If the server is meant to speak plain HTTP, give --insecure-registry ${url.host}.`,
		};
	}

	if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
		return {
			code: 'ERR_TSBUILD_NETWORK_TLS',
			reason: `remote error: tls: handshake failure (${code})`,
			hint: `A server that asks for a client certificate needs client.cert and client.key in /etc/docker/certs.d/${url.host}.`,
		};
	}

	return undefined;
}

function formatAddress(address: string, port: number): string {
	return address.includes(':') && !address.startsWith('[') ? `[${address}]:${port}` : `${address}:${port}`;
}

function defaultPort({protocol, port}: URL): number {
	if (port !== '') {
		return Number(port);
	}

	return protocol === 'https:' ? 443 : 80;
}
