import is from '@sindresorhus/is';
import {NetworkError} from '../http/network-error.ts';
import {StatusError, type StatusErrorOptions} from '../http/status-error.ts';

/** What a registry can answer instead of what was asked for. */
export type RegistryErrorCode =
	| 'ERR_TSBUILD_REGISTRY_DENIED'
	| 'ERR_TSBUILD_REGISTRY_NOT_FOUND'
	| 'ERR_TSBUILD_REGISTRY_PROTOCOL'
	| 'ERR_TSBUILD_REGISTRY_RATE_LIMIT'
	| 'ERR_TSBUILD_REGISTRY_STATUS'
	| 'ERR_TSBUILD_REGISTRY_TOO_LARGE'
	| 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED';

/** A registry does not do what it was asked. */
export class RegistryError extends StatusError {
	override readonly name = 'RegistryError';
	declare readonly code: RegistryErrorCode;

	constructor(code: RegistryErrorCode, message: string, options: StatusErrorOptions = {}) {
		super(code, message, options);
	}
}

/** The same error in other words. */
export function withMessage(error: RegistryError, message: string): RegistryError {
	const {code, hint, status, retryAfterSeconds} = error;
	return new RegistryError(code, message, {
		cause: error,
		status,
		retryAfterSeconds,
		...(hint !== undefined && {hint}),
	});
}

/** The same error, with words before its message about what was being done; other errors as they are. */
export function prefixed(prefix: string, error: unknown): unknown {
	if (error instanceof RegistryError) {
		return withMessage(error, `${prefix}: ${error.message}`);
	}

	if (error instanceof NetworkError) {
		const {code, message, hint} = error;
		return new NetworkError(code, `${prefix}: ${message}`, {cause: error, ...(hint !== undefined && {hint})});
	}

	return error;
}

/** An answer with a status that was not to be expected. */
export type UnexpectedAnswer = {
	readonly method: string;
	/** Without anything secret. */
	readonly address: string;
	/** The registry's, as users call it. */
	readonly domain: string;
	readonly status: number;
	readonly statusText: string;
	readonly body: string;
	readonly retryAfterSeconds?: number | undefined;
	/** Were there credentials to show? */
	readonly hasCredentials: boolean;
	/** Takes out what must not be seen: a server may send back what it was told. */
	readonly redact: (text: string) => string;
};

/**
The error for an answer, in the words of containerd: the status, and below it what the registry says.

@see https://github.com/containerd/containerd/blob/v2.1.0/core/remotes/docker/fetcher.go
*/
export function unexpectedStatus(answer: UnexpectedAnswer): RegistryError {
	const {method, address, status, statusText, body, retryAfterSeconds, redact} = answer;
	const said = redact(readErrorBody(body));
	return new RegistryError(codeOf(status), `unexpected status from ${method} request to ${address}: ${redact(statusText)}${said === '' ? '' : `\n${said}`}`, {
		status,
		retryAfterSeconds,
		...hintFor({...answer, isSilentPlain: said === '' && address.startsWith('http:')}),
	});
}

function codeOf(status: number): RegistryErrorCode {
	switch (status) {
		case 401: {
			return 'ERR_TSBUILD_REGISTRY_UNAUTHORIZED';
		}

		case 403: {
			return 'ERR_TSBUILD_REGISTRY_DENIED';
		}

		case 404: {
			return 'ERR_TSBUILD_REGISTRY_NOT_FOUND';
		}

		case 413: {
			return 'ERR_TSBUILD_REGISTRY_TOO_LARGE';
		}

		case 429: {
			return 'ERR_TSBUILD_REGISTRY_RATE_LIMIT';
		}

		default: {
			return 'ERR_TSBUILD_REGISTRY_STATUS';
		}
	}
}

type HintFacts = Pick<UnexpectedAnswer, 'domain' | 'hasCredentials' | 'retryAfterSeconds' | 'status'> & {
	/** Was it asked in plain HTTP, and answered nothing that a registry would? */
	readonly isSilentPlain: boolean;
};

function hintFor(facts: HintFacts): {readonly hint?: string} {
	const hint = chooseHint(facts);
	return hint === undefined ? {} : {hint};
}

function chooseHint({status, domain, hasCredentials, retryAfterSeconds, isSilentPlain}: HintFacts): string | undefined {
	if (status === 400 && isSilentPlain) {
		const remedy = `put the certificate of its authority into /etc/docker/certs.d/${domain}/ca.crt, or give --insecure-registry ${domain}`;
		return `Registries on this machine are spoken to in plain HTTP. If ${domain} speaks TLS, ${remedy}.`;
	}

	const server = domain === 'docker.io' ? '' : ` ${domain}`;
	if (status === 401) {
		return hasCredentials
			? `The credentials that are kept for ${domain} do not count, or no longer. Log in again: tsbuild logout${server}, tsbuild login${server}.`
			: `Log in first: tsbuild login${server}.`;
	}

	if (status === 403) {
		return `Check that the user of 'tsbuild login${server}' may do this, and the name of the repository.`;
	}

	if (status === 407) {
		return 'A proxy on the way wants to know who asks: HTTP_PROXY=http://USER:PASSWORD@HOST:PORT.';
	}

	if (status === 413) {
		return `${domain}, or a proxy before it, takes no upload of this size: make the layer smaller, or let its administrator raise the limit.`;
	}

	if (status === 429) {
		return retryAfterSeconds === undefined || retryAfterSeconds < 1
			? `${domain} limits how much it is asked: try again later, or as a user who may ask more (tsbuild login${server}).`
			: `${domain} asks to be left alone for ${formatSeconds(retryAfterSeconds)}: try again then, or as a user who may ask more (tsbuild login${server}).`;
	}

	if (status >= 500) {
		return `${domain} has a problem of its own: try again later.`;
	}

	return status < 400 ? `What answers at ${domain} is no registry: check its name and port.` : undefined;
}

function formatSeconds(seconds: number): string {
	return seconds < 120 ? `${Math.ceil(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

// A terminal obeys control characters, and a page of HTML tells nobody anything.
const maximumSaid = 1000;

/**
What the body of an error says: `denied: requested access to the resource is denied`, one line for each error.

@see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
*/
function readErrorBody(body: string): string {
	const lines = parseErrors(body).map(({code, message}) => {
		const name = code.toLowerCase().replaceAll('_', ' ');
		return message === '' || message.toLowerCase() === name ? name : `${name}: ${message}`;
	});
	return lines.join('\n').replaceAll(/[^\P{Control}\n]/gv, '').slice(0, maximumSaid).trim();
}

function parseErrors(body: string): ReadonlyArray<{readonly code: string; readonly message: string}> {
	let document: unknown;
	try {
		document = JSON.parse(body);
	} catch {
		return [];
	}

	const errors: readonly unknown[] = is.plainObject(document) && is.array(document.errors) ? document.errors : [];
	return errors.filter(error => is.plainObject(error)).map(({code, message}) => ({
		code: is.string(code) ? code : 'UNKNOWN',
		message: is.string(message) ? message : '',
	}));
}
