import {isIP} from 'node:net';
import {bareAddress} from './loopback.ts';

/** A server's certificate that is for other names. */
export type RefusedCertificate = {
	/** As Node.js writes them: `DNS:example.com, IP Address:192.0.2.1`. Nobody has vouched for them. */
	readonly names: string;
};

type FailedConnection = {
	/** Of Node.js or OpenSSL. */
	readonly code: string;
	/** That of Node.js. */
	readonly message: string;
	readonly certificate?: RefusedCertificate | undefined;
};

/** Why there is no connection by TLS, and what helps. */
export type TlsFailure = {
	/** In the words of Go, which users know from Docker. */
	readonly reason: string;
	readonly hint: string;
};

// https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes
const unknownAuthority = 'certificate signed by unknown authority';
const outdated = 'certificate has expired or is not yet valid';
const certificateReasons: Readonly<Record<string, string>> = {
	CERT_HAS_EXPIRED: outdated,
	CERT_NOT_YET_VALID: outdated,
	DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
	SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
	UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
};

// What servers that speak no TLS answer looks like to OpenSSL.
const plainCodes: ReadonlySet<string> = new Set(['ERR_SSL_PACKET_LENGTH_TOO_LONG', 'ERR_SSL_WRONG_VERSION_NUMBER']);

/**
Explains a failure of TLS.

@returns `undefined` when it is none
*/
export function explainTls({code: thrownCode, message, certificate}: FailedConnection, url: URL): TlsFailure | undefined {
	const code = thrownCode === 'EPROTO' ? findSslCode(message) : thrownCode;
	const certificateReason = certificateReasons[code];
	if (certificateReason !== undefined) {
		return {
			reason: `tls: failed to verify certificate: x509: ${certificateReason}`,
			hint: certificateReason === outdated
				? `Renew the certificate of the server, or set the clock of this machine, which says ${new Date().toISOString()}.`
				: `If you trust the server, put the certificate of its authority into /etc/docker/certs.d/${url.host}/ca.crt, or give --insecure-registry ${url.host}.`,
		};
	}

	if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
		return {
			reason: `tls: failed to verify certificate: x509: ${describeNames(certificate?.names ?? '', bareAddress(url.hostname))}`,
			hint: 'Use the name that the certificate of the server was made for.',
		};
	}

	if (plainCodes.has(code)) {
		return {
			reason: 'http: server gave HTTP response to HTTPS client',
			hint: `If the server is meant to speak plain HTTP, give --insecure-registry ${url.host}.`,
		};
	}

	return /^ERR_(?:SSL|TLS)_/v.test(code) ? explainHandshake(code, url) : undefined;
}

/** For what fails while it is written, Node.js does not make its usual code of OpenSSL's reason. */
function findSslCode(message: string): string {
	const {reason = 'handshake failure'} = /:SSL routines:\w*:(?<reason>[\w ]+):/v.exec(message)?.groups ?? {};
	return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

// A terminal need not show more.
const maximumNames = 10;

/** The words of Go for a certificate with these names. */
function describeNames(text: string, wanted: string): string {
	const isAddress = isIP(wanted) !== 0;
	const pattern = isAddress ? /(?:^|, )IP Address:(?<name>[\d.:A-Fa-f]+)/gv : /(?:^|, )DNS:(?<name>[\w*\-.]+)/gv;
	const names = text.matchAll(pattern).map(({groups}) => groups!.name!).toArray();
	if (names.length > 0) {
		return `certificate is valid for ${names.slice(0, maximumNames).join(', ')}, not ${wanted}`;
	}

	return isAddress
		? `cannot validate certificate for ${wanted} because it doesn't contain any IP SANs`
		: `certificate is not valid for any names, but wanted to match ${wanted}`;
}

/** The server ends the handshake; the code has the name of its alert. */
function explainHandshake(code: string, url: URL): TlsFailure {
	const {alert = 'handshake failure'} = /ALERT_(?<alert>\w+)$/v.exec(code)?.groups ?? {};
	return {
		reason: `remote error: tls: ${alert.toLowerCase().replaceAll('_', ' ')}`,
		hint: `A server that asks for a client certificate needs client.cert and client.key in /etc/docker/certs.d/${url.host}.`,
	};
}
