import {STATUS_CODES} from 'node:http';
import is from '@sindresorhus/is';
import type {TsbuildErrorOptions} from '../kernel/errors.ts';
import {isLoopback} from './loopback.ts';
import {describeUrl, NetworkError, type NetworkErrorCode} from './network-error.ts';
import {explainTls, type RefusedCertificate} from './tls-failure.ts';

/** The request that failed. */
export type FailedRequest = {
	readonly method: string;
	readonly url: URL;
	/** What it went through, if anything. */
	readonly proxy?: URL | undefined;
};

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
	/** The name that was looked up. */
	readonly hostname?: string;
	/** What a proxy answered. */
	readonly statusCode?: number;
	/** Of the server, where it is the matter. */
	readonly certificate?: RefusedCertificate;
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
		const {code, address, port, cert, hostname, statusCode} = current as Error & Partial<Record<'address' | 'cert' | 'code' | 'hostname' | 'port' | 'statusCode', unknown>>;
		facts = {
			code: typeof code === 'string' ? code : facts.code,
			message: current.message === '' ? facts.message : current.message,
			...(typeof address === 'string' && typeof port === 'number' && {address, port}),
			...(typeof hostname === 'string' && {hostname}),
			...(typeof statusCode === 'number' && {statusCode}),
			...(is.plainObject(cert) && {certificate: {names: is.string(cert.subjectaltname) ? cert.subjectaltname : ''}}),
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

function explain(facts: SystemFacts, request: FailedRequest): Explanation {
	const {code, message, certificate} = facts;
	if (code === 'ERR_PROXY_TUNNEL') {
		return explainTunnel(facts, request);
	}

	const unreachable = explainUnreachable(facts, request.url);
	if (unreachable !== undefined) {
		return request.proxy === undefined ? unreachable : blameProxy(unreachable, request.proxy);
	}

	const failure = explainTls({code, message, certificate}, request.url);
	if (failure !== undefined) {
		return {code: 'ERR_TSBUILD_NETWORK_TLS', ...failure};
	}

	return {
		code: 'ERR_TSBUILD_NETWORK_CUT',
		reason: cutReasons[code] ?? message,
		hint: `The server at ${request.url.host}, or something on the way to it, ends connections too early. Try again later.`,
	};
}

function explainUnreachable({code, address, port, hostname}: SystemFacts, url: URL): Explanation | undefined {
	if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
		return {
			code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
			reason: `dial tcp: lookup ${hostname ?? url.hostname}: ${code === 'ENOTFOUND' ? 'no such host' : 'Temporary failure in name resolution'}`,
			hint: 'Check the name of the host, and the network connection.',
		};
	}

	const connectReason = connectReasons[code];
	if (connectReason === undefined) {
		return undefined;
	}

	return {
		code: 'ERR_TSBUILD_NETWORK_UNREACHABLE',
		reason: `dial tcp ${formatAddress(address ?? url.hostname, port ?? defaultPort(url))}: connect: ${connectReason}`,
		hint: isLoopback(url.hostname)
			? `Check that a server listens at ${url.host}.`
			: `Check that a server listens at ${url.host}, and whether the connection needs a proxy (HTTPS_PROXY).`,
	};
}

/** With a proxy, nobody else is connected to. */
function blameProxy({code, reason}: Explanation, {host}: URL): Explanation {
	return {
		code,
		reason: `proxyconnect tcp: ${reason}`,
		hint: `Check the proxy ${host} of HTTP_PROXY and HTTPS_PROXY; NO_PROXY names hosts that need none.`,
	};
}

const proxyAuthenticationRequired = 407;
const firstServerError = 500;

/** A proxy does not connect to the server. What is its own trouble, or that of the way behind it, may pass. */
function explainTunnel({statusCode}: SystemFacts, {url, proxy}: FailedRequest): Explanation {
	const reason = statusCode === undefined ? 'unexpected EOF' : `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim();
	const host = proxy?.host ?? '';
	return {
		code: statusCode === undefined || statusCode >= firstServerError ? 'ERR_TSBUILD_NETWORK_CUT' : 'ERR_TSBUILD_NETWORK_UNREACHABLE',
		reason: `proxyconnect tcp: ${host}: ${reason}`,
		hint: statusCode === proxyAuthenticationRequired
			? `The proxy wants to know who asks: HTTPS_PROXY=http://USER:PASSWORD@${host}.`
			: `The proxy ${host} of HTTPS_PROXY does not connect to ${url.host}; NO_PROXY names hosts that need none.`,
	};
}

// Node tells no difference between an end that comes too early and a reset.
const cutReasons: Readonly<Record<string, string>> = {
	ECONNRESET: 'unexpected EOF: the connection was closed',
	ERR_HTTP_CONTENT_LENGTH_MISMATCH: 'unexpected EOF: the connection was closed',
	EPIPE: 'write: broken pipe',
};

function formatAddress(address: string, port: number): string {
	return address.includes(':') && !address.startsWith('[') ? `[${address}]:${port}` : `${address}:${port}`;
}

function defaultPort({protocol, port}: URL): number {
	if (port !== '') {
		return Number(port);
	}

	return protocol === 'https:' ? 443 : 80;
}
