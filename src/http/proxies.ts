import {TsbuildError} from '../kernel/errors.ts';
import {isLoopback} from './loopback.ts';
import {parseAddressList, type AddressList} from './address-list.ts';

/** The proxies that requests go through. */
export type ProxySettings = {
	/** For `http:` addresses. */
	readonly http?: string;
	/** For `https:` addresses. */
	readonly https?: string;
	/** Hosts that are reached without. */
	readonly except?: readonly string[];
};

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case. */
export function readProxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
	const read = (name: string) => [environment[name], environment[name.toLowerCase()]].find(value => value !== undefined && value !== '');
	const http = read('HTTP_PROXY');
	const https = read('HTTPS_PROXY');
	const except = read('NO_PROXY');
	return {
		...(http !== undefined && {http: withScheme(http)}),
		...(https !== undefined && {https: withScheme(https)}),
		...(except !== undefined && {except: except.split(',')}),
	};
}

/**
Tells which proxy an address needs: none for the machine itself and what `NO_PROXY` names.

`example.com` in `NO_PROXY` also means all names below it.

@returns a function that throws `TsbuildError` `ERR_TSBUILD_PROXY` for a proxy that cannot be used
@see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
*/
export function proxyChooser({http, https, except = []}: ProxySettings): (url: URL) => URL | undefined {
	const exceptions = listExceptions(except);
	return ({protocol, hostname, port}) => {
		const proxy = protocol === 'https:' ? https : http;
		const actualPort = port === '' ? defaultPorts[protocol] ?? '' : port;
		return proxy === undefined || isLoopback(hostname) || exceptions.includes(hostname, actualPort) ? undefined : parseProxy(proxy);
	};
}

const defaultPorts: Readonly<Record<string, string>> = {'http:': '80', 'https:': '443'};

function listExceptions(entries: readonly string[]): AddressList {
	return parseAddressList(entries.flatMap(entry => /^[\d*.\[]/v.test(entry.trim()) ? [entry] : [entry, `.${entry.trim()}`]));
}

/** Neither the error nor its cause may show the text: it may have a password. */
function parseProxy(text: string): URL {
	const url = URL.parse(text);
	if (url === null || !/^https?:$/v.test(url.protocol)) {
		throw new TsbuildError('ERR_TSBUILD_PROXY', `failed to use a proxy: ${url === null ? 'invalid URL' : `unsupported scheme ${JSON.stringify(url.protocol.slice(0, -1))}`}`, {
			hint: 'HTTP_PROXY and HTTPS_PROXY name a proxy as http://HOST:PORT, or as http://USER:PASSWORD@HOST:PORT.',
		});
	}

	return url;
}

function withScheme(proxy: string): string {
	return proxy.includes('://') ? proxy : `http://${proxy}`;
}
