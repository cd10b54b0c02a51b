import {randomUUID} from 'node:crypto';
import {writeFile} from 'node:fs/promises';
import path from 'node:path';
import {runCommand} from './run-program.ts';

/** PEM files. */
export type TestCertificate = {
	readonly certificate: string;
	readonly key: string;
};

/** Makes an authority that nobody knows, in a directory. */
export async function makeAuthority(directory: string): Promise<TestCertificate> {
	const files = {certificate: path.join(directory, 'authority.crt'), key: path.join(directory, 'authority.key')};
	await openssl(['req', '-x509', ...newKey, '-keyout', files.key, '-out', files.certificate, '-days', '2', '-subj', '/CN=authority of a test']);
	return files;
}

export type CertificateOptions = {
	/** As OpenSSL writes them: `IP:127.0.0.1` unless given. */
	readonly names?: string;
	/** Is its time over? */
	readonly hasExpired?: boolean;
};

/** Makes a certificate that an authority has signed, for a server or a client. */
export async function makeCertificate(authority: TestCertificate, directory: string, {names = 'IP:127.0.0.1', hasExpired = false}: CertificateOptions = {}): Promise<TestCertificate> {
	const name = `certificate-${randomUUID()}`;
	const files = {certificate: path.join(directory, `${name}.crt`), key: path.join(directory, `${name}.key`)};
	const request = path.join(directory, `${name}.csr`);
	const extensions = path.join(directory, `${name}.cnf`);
	await writeFile(extensions, `subjectAltName = ${names}\n`);
	await openssl(['req', ...newKey, '-keyout', files.key, '-out', request, '-subj', '/CN=certificate of a test']);
	const signer = ['-CA', authority.certificate, '-CAkey', authority.key, '-set_serial', '1'];
	await openssl(['x509', '-req', '-in', request, '-out', files.certificate, ...signer, '-days', hasExpired ? '-1' : '2', '-extfile', extensions]);
	return files;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

async function openssl(parameters: readonly string[]): Promise<void> {
	await runCommand('sh', ['-c', 'exec openssl "$@" 2>/dev/null', 'openssl', ...parameters]);
}
