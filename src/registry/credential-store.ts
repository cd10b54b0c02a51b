import os from 'node:os';
import path from 'node:path';
import {
	eraseFromProgram,
	readFromProgram,
	storeInProgram,
	type CredentialProgramOptions,
} from './credential-program.ts';
import type {Credentials} from './credentials.ts';
import {
	dockerConfigFile,
	formatEntry,
	parseDockerConfig,
	readDockerConfig,
	readEntry,
	updateAuths,
	type DockerConfig,
} from './docker-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

// The name of Docker Hub among credentials, from the days of its first interface.
// https://github.com/docker/cli/blob/v28.3.3/cli/command/registry.go
const hubKey = 'https://index.docker.io/v1/';

/**
The credentials of a user, where Docker and Podman keep them: `DOCKER_AUTH_CONFIG`, `config.json` with the programs it names (`credsStore`, `credHelpers`), and `auth.json`, in this order.
*/
export class CredentialStore {
	readonly #environment: Environment;

	constructor(environment: Environment) {
		this.#environment = environment;
	}

	async #findIn(config: DockerConfig, domain: string): Promise<Credentials | undefined> {
		const program = findProgram(config, domain);
		const kept = program === undefined ? undefined : await readFromProgram(keyOf(domain), this.#programOptions(program));
		if (kept !== undefined) {
			return kept;
		}

		const entries = Object.entries(config.auths).filter(([key]) => isKeyOf(key, domain));
		const entry = entries.find(([key]) => key === keyOf(domain)) ?? entries[0];
		return entry === undefined ? undefined : readEntry(entry[1], domain);
	}

	/**
	Where credentials are, the first place first.

	@see https://man.archlinux.org/man/containers-auth.json.5
	*/
	#files(): readonly string[] {
		const {REGISTRY_AUTH_FILE: named = '', XDG_RUNTIME_DIR: runtime = '', XDG_CONFIG_HOME: configHome = ''} = this.#environment;
		return [
			...(named === '' ? [] : [named]),
			this.file,
			...(runtime === '' ? [] : [path.join(runtime, 'containers/auth.json')]),
			path.join(configHome === '' ? path.join(this.#home(), '.config') : configHome, 'containers/auth.json'),
		];
	}

	#home(): string {
		const {HOME: home = ''} = this.#environment;
		return home === '' ? os.homedir() : home;
	}

	#programOptions(program: string, signal?: AbortSignal): CredentialProgramOptions {
		return {program, environment: this.#environment, signal};
	}

	/** The file that `store` and `erase` change. */
	get file(): string {
		return dockerConfigFile(this.#environment);
	}

	/**
	What the user has for a registry.

	@param domain - as in a reference, such as `docker.io`
	@returns `undefined` if nothing
	@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
	*/
	async find(domain: string): Promise<Credentials | undefined> {
		const {DOCKER_AUTH_CONFIG: fromEnvironment = ''} = this.#environment;
		if (fromEnvironment !== '') {
			const found = await this.#findIn(parseDockerConfig(fromEnvironment, 'in DOCKER_AUTH_CONFIG'), domain);
			if (found !== undefined) {
				return found;
			}
		}

		for (const file of this.#files()) {
			const found = await this.#findIn(await readDockerConfig(file), domain);
			if (found !== undefined) {
				return found;
			}
		}

		return undefined;
	}

	/**
	Keeps credentials: with the program that is configured, else in the file.

	@returns are they where nobody can read them?
	@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
	*/
	async store(domain: string, credentials: Exclude<Credentials, {readonly type: 'registry-token'}>, signal?: AbortSignal): Promise<boolean> {
		const key = keyOf(domain);
		const program = findProgram(await readDockerConfig(this.file), domain);
		if (program !== undefined) {
			await storeInProgram(key, credentials, this.#programOptions(program, signal));
		}

		await updateAuths(this.file, auths => ({...auths, [key]: program === undefined ? formatEntry(credentials) : {}}));
		return program !== undefined;
	}

	/**
	Forgets what there is for a registry, in the helper and in the file.

	@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
	*/
	async erase(domain: string, signal?: AbortSignal): Promise<void> {
		const config = await readDockerConfig(this.file);
		const program = findProgram(config, domain);
		if (program !== undefined) {
			await eraseFromProgram(keyOf(domain), this.#programOptions(program, signal));
		}

		if (Object.keys(config.auths).some(key => isKeyOf(key, domain))) {
			await updateAuths(this.file, auths => Object.fromEntries(Object.entries(auths).filter(([key]) => !isKeyOf(key, domain))));
		}
	}
}

/** The registry that a user means: `https://host/v1/` is `host`, and Docker Hub has several names. */
export function readServer(server: string): string {
	const host = server.replace(/^https?:\/\//v, '').split('/', 1)[0]!.toLowerCase();
	return hubNames.has(host) ? 'docker.io' : host;
}

const hubNames: ReadonlySet<string> = new Set(['', 'docker.io', 'index.docker.io', 'registry-1.docker.io']);

function keyOf(domain: string): string {
	return domain === 'docker.io' ? hubKey : domain;
}

function isKeyOf(key: string, domain: string): boolean {
	return key !== '' && readServer(key) === domain.toLowerCase();
}

function findProgram({credHelpers, credsStore}: DockerConfig, domain: string): string | undefined {
	return Object.entries(credHelpers).find(([key]) => isKeyOf(key, domain))?.[1] ?? credsStore;
}
