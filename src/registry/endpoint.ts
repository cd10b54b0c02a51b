import type {HttpClient} from '../http.ts';
import {isLoopback} from '../http/loopback.ts';
import {errorCode} from '../kernel/errors.ts';
import {discardBody} from './response-body.ts';

/** How a registry is reached. */
export type EndpointOptions = {
	readonly http: HttpClient;
	/** Is the registry one whose certificate does not count, and which may speak plain HTTP? */
	readonly isInsecure: boolean;
	/** Are there certificates for it? Then it speaks TLS, wherever it is. */
	readonly hasCertificates: boolean;
	readonly signal?: AbortSignal | undefined;
};

/** The host that answers for a registry: `docker.io` is only a name. */
export function hostOf(domain: string): string {
	return domain === 'docker.io' ? 'registry-1.docker.io' : domain;
}

/**
The address that a registry's paths begin with.

HTTPS, but HTTP on the machine itself, as BuildKit has it. Of an insecure registry it is found out: HTTPS, and if nobody speaks that there, HTTP.

@see https://github.com/moby/buildkit/blob/v0.32.2/util/resolver/resolver.go
*/
export async function findEndpoint(domain: string, {http, isInsecure, hasCertificates, signal}: EndpointOptions): Promise<URL> {
	const host = hostOf(domain);
	const secure = new URL(`https://${host}`);
	const plain = new URL(`http://${host}`);
	if (isInsecure) {
		return await speaksTls(http, secure, signal) ? secure : plain;
	}

	return !hasCertificates && isLoopback(plain.hostname) ? plain : secure;
}

async function speaksTls(http: HttpClient, secure: URL, signal: AbortSignal | undefined): Promise<boolean> {
	try {
		await discardBody(await http.request({method: 'GET', url: new URL('/v2/', secure), signal}));
		return true;
	} catch (error) {
		signal?.throwIfAborted();
		// A certificate that cannot be used is no reason to speak without any.
		if (errorCode(error) === 'ERR_TSBUILD_CERTIFICATE') {
			throw error;
		}

		return false;
	}
}
