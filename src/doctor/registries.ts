import {errorMessage, TsbuildError} from '../kernel/errors.ts';
import {findHostProgram} from '../linux/host-program.ts';
import {dockerConfigFile, readDockerConfig, type DockerConfig} from '../registry/docker-config.ts';
import type {Finding, Patient} from './finding.ts';

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'] as const;

/** Whether the user's credentials can be read, and the proxies on the way to a registry. Nobody is asked for anything. */
export async function examineRegistries({environment}: Patient): Promise<readonly Finding[]> {
	return [await examineCredentials(environment), ...examineProxies(environment)];
}

async function examineCredentials(environment: Patient['environment']): Promise<Finding> {
	const topic = 'credentials';
	const file = dockerConfigFile(environment);
	try {
		const config = await readDockerConfig(file);
		const missing = programsOf(config).filter(program => findHostProgram(program, environment.PATH) === undefined);
		if (missing.length > 0) {
			return {
				status: 'warning', topic, summary: `${file} names ${missing.join(', ')}, which is not found`, advice: 'Install it, or remove credsStore and credHelpers from the file.',
			};
		}

		const count = Object.keys(config.auths).length;
		return {status: 'ok', topic, summary: count === 0 ? `none in ${file}` : `for ${count} ${count === 1 ? 'registry' : 'registries'} in ${file}`};
	} catch (error) {
		const hint = error instanceof TsbuildError ? error.hint : undefined;
		return {
			status: 'warning', topic, summary: errorMessage(error), advice: hint ?? `Let the user read ${file}.`,
		};
	}
}

function programsOf({credsStore, credHelpers}: DockerConfig): readonly string[] {
	const names = [...(credsStore === undefined ? [] : [credsStore]), ...Object.values(credHelpers)];
	return [...new Set(names)].map(name => `docker-credential-${name}`);
}

/** Their addresses without the passwords that may be in them. */
function examineProxies(environment: Patient['environment']): readonly Finding[] {
	const topic = 'proxy';
	return proxyVariables.flatMap((name): readonly Finding[] => {
		const value = environment[name] ?? environment[name.toLowerCase()] ?? '';
		if (value === '') {
			return [];
		}

		const host = hostOf(value);
		return [host === undefined
			? {
				status: 'warning', topic, summary: `${name} is no address of a proxy`, advice: 'Write it as http://HOST:PORT, or unset it.',
			}
			: {status: 'ok', topic, summary: `${name} is ${host}`}];
	});
}

function hostOf(address: string): string | undefined {
	const url = URL.parse(address.includes('://') ? address : `http://${address}`);
	return url === null || url.host === '' ? undefined : url.host;
}
