import {readFile} from 'node:fs/promises';

// Where distributions keep the authorities that the machine trusts; Node.js would take a list of its own.
// https://go.dev/src/crypto/x509/root_linux.go
const systemFiles = [
	'/etc/ssl/certs/ca-certificates.crt',
	'/etc/pki/tls/certs/ca-bundle.crt',
	'/etc/ssl/ca-bundle.pem',
	'/etc/pki/tls/cacert.pem',
	'/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
	'/etc/ssl/cert.pem',
] as const;

/**
The certificates of the authorities that this machine trusts, in PEM: of `SSL_CERT_FILE` if it is set, else of the system.

@returns `undefined` when the system has none: then those of Node.js count
*/
export async function readTrustedCertificates({SSL_CERT_FILE: file = ''}: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
	for (const candidate of file === '' ? systemFiles : [file]) {
		try {
			return await readFile(candidate, 'utf8');
		} catch {
			// The next one; a missing file trusts nobody less.
		}
	}

	return undefined;
}
