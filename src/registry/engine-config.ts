import {readFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import is from '@sindresorhus/is';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the configuration of a Docker engine says about registries; tsbuild needs no engine, but where there is one, its users are used to that. */
export type EngineConfig = {
	/** Registries that are asked for images of Docker Hub before it, the first one first. */
	readonly mirrors: readonly URL[];
	/** As the flag `--insecure-registry` has them. */
	readonly insecureRegistries: readonly string[];
};

/**
Reads the `daemon.json` of the user's own engine, or else of the machine's.

@throws {TsbuildError} `ERR_TSBUILD_ENGINE_CONFIG`
@see https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
*/
export async function readEngineConfig({HOME: home = '', XDG_CONFIG_HOME: configHome = ''}: Environment): Promise<EngineConfig> {
	const config = configHome === '' ? path.join(home === '' ? os.homedir() : home, '.config') : configHome;
	for (const file of [path.join(config, 'docker/daemon.json'), '/etc/docker/daemon.json']) {
		const text = await readIfThere(file);
		if (text !== undefined) {
			return parseConfig(text, file);
		}
	}

	return {mirrors: [], insecureRegistries: []};
}

async function readIfThere(file: string): Promise<string | undefined> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') {
			return undefined;
		}

		throw configError(file, errorMessage(error), error);
	}
}

function parseConfig(text: string, file: string): EngineConfig {
	let document: unknown;
	try {
		document = JSON.parse(text.trim() === '' ? '{}' : text);
	} catch (error) {
		throw configError(file, errorMessage(error), error);
	}

	const config = is.plainObject(document) ? document : {};
	return {
		mirrors: textsOf(config['registry-mirrors']).map(mirror => parseMirror(mirror, file)),
		insecureRegistries: textsOf(config['insecure-registries']),
	};
}

function textsOf(value: unknown): readonly string[] {
	return is.array(value) ? value.filter(element => is.string(element)) : [];
}

// What dockerd takes for one, and nothing else.
// https://github.com/moby/moby/blob/v28.3.3/registry/config.go
function parseMirror(text: string, file: string): URL {
	const url = URL.parse(text);
	if (url === null || !/^https?:$/v.test(url.protocol) || url.pathname !== '/' || `${url.username}${url.search}${url.hash}` !== '') {
		throw configError(file, `invalid mirror ${JSON.stringify(text)}: it must be http://HOST:PORT or https://HOST:PORT`);
	}

	return url;
}

function configError(file: string, reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_ENGINE_CONFIG', `failed to read the configuration of the Docker engine ${file}: ${reason}`, {
		cause,
		hint: 'Correct the file: its registry-mirrors and insecure-registries count for tsbuild as well.',
	});
}
