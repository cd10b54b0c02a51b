import {errorCode, errorMessage} from '../kernel/errors.ts';
import {dockerConfigFile, readDockerConfig, type DockerConfig} from '../registry/docker-config.ts';
import type {CommandContext} from './command.ts';

type Arguments = ReadonlyMap<string, string>;

// The names of proxies in the configuration of Docker, and as build arguments.
// https://docs.docker.com/engine/cli/proxy/
const proxyNames: ReadonlyArray<readonly [string, string]> = [
	['httpProxy', 'HTTP_PROXY'],
	['httpsProxy', 'HTTPS_PROXY'],
	['noProxy', 'NO_PROXY'],
	['ftpProxy', 'FTP_PROXY'],
	['allProxy', 'ALL_PROXY'],
];

/**
Adds the proxies that the user's configuration of Docker has for builds to the build arguments; those that are given already stay. A configuration that cannot be read is told and left aside, as docker does.
*/
export async function withProxyArguments(buildArgs: Arguments, {environment, writeError}: Pick<CommandContext, 'environment' | 'writeError'>): Promise<Arguments> {
	try {
		const {proxies} = await readDockerConfig(dockerConfigFile(environment));
		return new Map([...argumentsFor(proxies.default ?? {}), ...buildArgs]);
	} catch (error) {
		if (errorCode(error) !== 'ERR_TSBUILD_CREDENTIALS') {
			throw error;
		}

		writeError(`WARNING: ${errorMessage(error)}\n`);
		return buildArgs;
	}
}

function argumentsFor(proxies: DockerConfig['proxies'][string]): ReadonlyArray<readonly [string, string]> {
	return proxyNames.flatMap(([key, name]) => {
		const value = proxies[key];
		return typeof value === 'string' && value !== '' ? [[name, value] as const] : [];
	});
}
