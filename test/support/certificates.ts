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

/** Makes a certificate that an authority has signed, for servers at 127.0.0.1 or for clients. */
export async function makeCertificate(name: string, authority: TestCertificate, directory: string): Promise<TestCertificate> {
	const files = {certificate: path.join(directory, `${name}.crt`), key: path.join(directory, `${name}.key`)};
	const request = path.join(directory, `${name}.csr`);
	const extensions = path.join(directory, `${name}.cnf`);
	await writeFile(extensions, 'subjectAltName = IP:127.0.0.1\n');
	await openssl(['req', ...newKey, '-keyout', files.key, '-out', request, '-subj', `/CN=${name}`]);
	await openssl(['x509', '-req', '-in', request, '-out', files.certificate, '-CA', authority.certificate, '-CAkey', authority.key, '-set_serial', '1', '-days', '2', '-extfile', extensions]);
	return files;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const;

async function openssl(parameters: readonly string[]): Promise<void> {
	await runCommand('sh', ['-c', 'exec openssl "$@" 2>/dev/null', 'openssl', ...parameters]);
}
