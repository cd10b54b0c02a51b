import {readFile} from 'node:fs/promises';
import {errorMessage, TsbuildError} from '../kernel/errors.ts';

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
@throws {TsbuildError} `ERR_TSBUILD_CERTIFICATE` when the file that is named cannot be read
*/
export async function readTrustedCertificates({SSL_CERT_FILE: file = ''}: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
	return file === '' ? readSystemCertificates() : readNamedCertificates(file);
}

async function readNamedCertificates(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_CERTIFICATE', `failed to read the certificates that SSL_CERT_FILE names: ${errorMessage(error)}`, {
			cause: error,
			hint: 'Without the variable, those of the system count.',
		});
	}
}

async function readSystemCertificates(): Promise<string | undefined> {
	for (const file of systemFiles) {
		try {
			return await readFile(file, 'utf8');
		} catch {
			// The next one: each distribution has its own.
		}
	}

	return undefined;
}
