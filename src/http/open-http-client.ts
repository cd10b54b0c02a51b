import {HttpClient} from '../http.ts';
import {readProxySettings} from './proxies.ts';
import {readTrustedCertificates} from './trusted-certificates.ts';

/** How long a server may keep silent. */
const idleMilliseconds = 60_000;

/** Who asks the web, and how it is reached. */
export type OpenHttpClientOptions = {
	/** `SSL_CERT_FILE`, `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly userAgent: string;
};

/** Makes a client for the web, with the proxies and the trusted certificates of a user. */
export function openHttpClient({environment, userAgent}: OpenHttpClientOptions): HttpClient {
	return new HttpClient({
		userAgent,
		idleMilliseconds,
		proxies: readProxySettings(environment),
		authorities: async () => readTrustedCertificates(environment),
		tlsSettings: async () => ({}),
	});
}
