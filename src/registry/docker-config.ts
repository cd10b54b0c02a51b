import {Buffer} from 'node:buffer';
import {randomUUID} from 'node:crypto';
import {
	chmod,
	mkdir,
	readFile,
	realpath,
	rename,
	rm,
	stat,
	writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import is from '@sindresorhus/is';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import type {Credentials} from './credentials.ts';

/**
The `config.json` of Docker, as far as it is about registries and proxies. What else is in it is kept.

@see https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties
*/
export type DockerConfig = {
	/** By registry: `https://index.docker.io/v1/`, `ghcr.io`. */
	readonly auths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
	/** The helper for all registries. */
	readonly credsStore: string | undefined;
	/** Helpers by registry. */
	readonly credHelpers: Readonly<Record<string, string>>;
	/** What containers and builds are told of proxies: by `default`, or the address of an engine, the `httpProxy`, `noProxy` and so on. */
	readonly proxies: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
	/** Everything that is in the file. */
	readonly document: Readonly<Record<string, unknown>>;
};

// Nobody has that many registries.
const maximumSize = 16 * 1024 * 1024;

/** Where a user has it: in `DOCKER_CONFIG`, or else in `~/.docker`. */
export function dockerConfigFile({DOCKER_CONFIG: directory = '', HOME: home = ''}: Readonly<Record<string, string | undefined>>): string {
	return path.join(directory === '' ? path.join(home === '' ? os.homedir() : home, '.docker') : directory, 'config.json');
}

/**
Reads such a file. One that is not there is empty.

@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export async function readDockerConfig(file: string): Promise<DockerConfig> {
	try {
		const {size} = await stat(file);
		return size > maximumSize ? refuse(file, 'it is too large') : parseDockerConfig(await readFile(file, 'utf8'), file);
	} catch (error) {
		const code = errorCode(error);
		if (code === 'ENOENT' || code === 'ENOTDIR') {
			return parseDockerConfig('{}', file);
		}

		throw error instanceof TsbuildError ? error : configError('read', {file, reason: errorMessage(error), cause: error});
	}
}

/**
Reads the text of such a file.

@param text - JSON
@param name - of it, for errors
@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export function parseDockerConfig(text: string, name: string): DockerConfig {
	const document = parseDocument(text.trim() === '' ? '{}' : text, name);
	const {auths = {}, credsStore, credHelpers = {}, proxies = {}} = document;
	return {
		auths: recordOf(auths, value => is.plainObject(value)),
		credsStore: is.nonEmptyString(credsStore) ? credsStore : undefined,
		credHelpers: recordOf(credHelpers, value => is.nonEmptyString(value)),
		proxies: recordOf(proxies, value => is.plainObject(value)),
		document,
	};
}

/**
What an entry of `auths` holds.

@returns `undefined` for an empty one, as beside a helper
@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export function readEntry(entry: Readonly<Record<string, unknown>>, registry: string): Credentials | undefined {
	const {auth, identitytoken: identityToken, registrytoken: registryToken} = entry;
	if (is.nonEmptyString(registryToken)) {
		return {type: 'registry-token', token: registryToken};
	}

	const {username, password} = is.nonEmptyString(auth) ? decodeAuth(auth, registry) : entry;
	if (is.nonEmptyString(identityToken)) {
		return {type: 'identity-token', username: is.string(username) ? username : '', token: identityToken};
	}

	return is.nonEmptyString(username) && is.string(password) ? {type: 'password', username, password} : undefined;
}

/** The entry for `auths` that holds credentials, as Docker writes it. */
export function formatEntry(credentials: Exclude<Credentials, {readonly type: 'registry-token'}>): Readonly<Record<string, string>> {
	const {type, username} = credentials;
	return type === 'identity-token' ? {auth: encode(`${username}:`), identitytoken: credentials.token} : {auth: encode(`${username}:${credentials.password}`)};
}

/**
Changes `auths` of such a file, and nothing else in it. The file appears whole, readable for its owner alone if it is new; where it is a link, that stays one.

@throws {TsbuildError} `ERR_TSBUILD_CREDENTIALS`
*/
export async function updateAuths(file: string, change: (auths: DockerConfig['auths']) => DockerConfig['auths']): Promise<void> {
	const {document, auths} = await readDockerConfig(file);
	// First, as Docker writes it, or where it was.
	const changed = 'auths' in document ? {...document, auths: change(auths)} : {auths: change(auths), ...document};
	const text = JSON.stringify(changed, undefined, '\t');
	try {
		await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
		await replaceFile(await resolveLink(file), text);
	} catch (error) {
		throw configError('write', {file, reason: errorMessage(error), cause: error});
	}
}

async function replaceFile(file: string, text: string): Promise<void> {
	const temporary = `${file}.${randomUUID()}`;
	try {
		const previous = await stat(file, {throwIfNoEntry: false});
		await writeFile(temporary, text, {mode: 0o600, flag: 'wx'});
		await chmod(temporary, previous === undefined ? 0o600 : previous.mode & 0o777);
		await rename(temporary, file);
	} finally {
		await rm(temporary, {force: true});
	}
}

async function resolveLink(file: string): Promise<string> {
	try {
		return await realpath(file);
	} catch {
		return file;
	}
}

function parseDocument(text: string, name: string): Readonly<Record<string, unknown>> {
	let document: unknown;
	try {
		document = JSON.parse(text);
	} catch {
		// The cause is not told: it shows a part of the text, in which passwords are.
		return refuse(name, 'it is no JSON');
	}

	return is.plainObject(document) ? document : refuse(name, 'it is no JSON object');
}

function recordOf<Value>(value: unknown, isValid: (value: unknown) => value is Value): Readonly<Record<string, Value>> {
	const entries = is.plainObject(value) ? Object.entries(value) : [];
	return Object.fromEntries(entries.filter((entry): entry is [string, Value] => isValid(entry[1])));
}

function decodeAuth(auth: string, registry: string): {readonly username: string; readonly password: string} {
	const text = Buffer.from(auth, 'base64').toString();
	const colon = text.indexOf(':');
	if (colon === -1) {
		throw new TsbuildError('ERR_TSBUILD_CREDENTIALS', `failed to read the credentials for ${registry}: invalid auth configuration file`, {
			hint: `Log in again: tsbuild login ${registry}.`,
		});
	}

	// Some programs pad what they encode.
	return {username: text.slice(0, colon), password: text.slice(colon + 1).split('\0', 1)[0]!};
}

function encode(text: string): string {
	return Buffer.from(text).toString('base64');
}

function refuse(file: string, reason: string): never {
	throw configError('read', {file, reason});
}

function configError(action: 'read' | 'write', {file, reason, cause}: {readonly file: string; readonly reason: string; readonly cause?: unknown}): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CREDENTIALS', `failed to ${action} the configuration of Docker ${file}: ${reason}`, {
		cause,
		hint: 'Correct the file, or name another directory with DOCKER_CONFIG.',
	});
}
