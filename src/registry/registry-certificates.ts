import {readdir, readFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type {TlsSettings} from '../http/connections.ts';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/**
What a user keeps for a registry, where Docker and Podman have it: `*.crt` are authorities to trust, `*.cert` with its `*.key` is what the client shows of itself.

@param host - with the port if it is not that of HTTPS
@param environment - says where the user's own are
@returns `undefined` if there is nothing
@throws {TsbuildError} `ERR_TSBUILD_CERTIFICATE`
@see https://docs.docker.com/engine/security/certificates/
*/
export async function readRegistryCertificates(host: string, environment: Environment): Promise<TlsSettings | undefined> {
	const names = [host, host === 'registry-1.docker.io' ? 'docker.io' : `${host}:443`];
	const directories = rootsOf(environment).flatMap(root => names.map(name => path.join(root, name)));
	// A redirect may lead to any host, also to one that would be another directory.
	const settings = await Promise.all(directories.filter(directory => path.basename(path.dirname(directory)) === 'certs.d').map(async directory => readDirectory(directory)));
	const authorities = settings.flatMap(found => found.authorities);
	const clients = settings.flatMap(found => found.clients);
	return authorities.length === 0 && clients.length === 0 ? undefined : {authorities, clients};
}

function rootsOf({HOME: home = '', XDG_CONFIG_HOME: configHome = ''}: Environment): readonly string[] {
	const config = configHome === '' ? path.join(home === '' ? os.homedir() : home, '.config') : configHome;
	return [path.join(config, 'docker/certs.d'), path.join(config, 'containers/certs.d'), '/etc/docker/certs.d', '/etc/containers/certs.d'];
}

async function readDirectory(directory: string): Promise<Required<Pick<TlsSettings, 'authorities' | 'clients'>>> {
	const names = await namesIn(directory);
	const read = async (name: string) => readPem(path.join(directory, name));
	const keys = new Set(names.filter(name => name.endsWith('.key')));
	return {
		authorities: await Promise.all(names.filter(name => name.endsWith('.crt')).map(async name => read(name))),
		clients: await Promise.all(names.filter(name => name.endsWith('.cert')).map(async name => {
			const key = name.replace(/cert$/v, 'key');
			if (!keys.has(key)) {
				throw certificateError(`missing key ${key} for client certificate ${name}`, 'CA certificates must use the extension .crt.');
			}

			return {certificate: await read(name), key: await read(key)};
		})),
	};
}

async function namesIn(directory: string): Promise<readonly string[]> {
	try {
		const names = await readdir(directory);
		return names.toSorted();
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return [];
		}

		throw certificateError(errorMessage(error), 'Let the user of tsbuild read the directory.', error);
	}
}

async function readPem(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		throw certificateError(errorMessage(error), 'Let the user of tsbuild read the file.', error);
	}
}

function certificateError(reason: string, hint: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CERTIFICATE', `failed to read the certificates of a registry: ${reason}`, {cause, hint});
}
