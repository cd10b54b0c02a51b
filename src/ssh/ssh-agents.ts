import {Buffer} from 'node:buffer';
import {open, stat} from 'node:fs/promises';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {formatGoList} from '../kernel/go-format.ts';
import type {SshAgent} from './agent.ts';
import {createForwardedAgent} from './forwarded-agent.ts';
import {createKeyAgent} from './key-agent.ts';
import {parsePrivateKey, type PrivateKey} from './private-key.ts';

/** What `--ssh` names: the socket of an agent, or files of keys. */
export type SshSource = {
	/** What RUN --mount=type=ssh knows it by. */
	readonly id: string;
	/** Empty for the agent of the user. */
	readonly paths: readonly string[];
};

// As BuildKit: https://github.com/moby/buildkit/blob/v0.32.2/session/sshforward/sshprovider/agentprovider.go
const maximumKeySize = 100 * 1024;

/**
Makes the agents of a build, by their ids. Keys are read now; a socket is connected to when a step does.

@param sources from the command line
@param userSocket the socket of the user's agent (`SSH_AUTH_SOCK`)
@throws {TsbuildError} `ERR_TSBUILD_SSH` in the words of BuildKit for a path that is neither, an encrypted key, or an id that is given twice
*/
export async function openSshAgents(sources: readonly SshSource[], userSocket: string | undefined): Promise<ReadonlyMap<string, SshAgent>> {
	const agents = new Map<string, SshAgent>();
	for (const source of sources) {
		if (agents.has(source.id)) {
			throw new TsbuildError('ERR_TSBUILD_SSH', `duplicate agent ID ${JSON.stringify(source.id)}`);
		}

		agents.set(source.id, await openSource(source, userSocket));
	}

	return agents;
}

async function openSource({id, paths}: SshSource, userSocket = ''): Promise<SshAgent> {
	const isOfUser = paths.every(path => path === '');
	try {
		if (isOfUser && userSocket === '') {
			throw new TsbuildError('ERR_TSBUILD_SSH', 'invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set', {hint: 'Start an agent, or name a key: --ssh default=FILE.'});
		}

		return await explained(`failed to convert agent config for ID: ${JSON.stringify(id)}`, async () => openAgent(isOfUser ? [userSocket] : paths));
	} catch (error) {
		throw withContext(`failed to convert agent config {${id} ${formatGoList(paths)} false}`, error);
	}
}

async function openAgent(paths: readonly string[]): Promise<SshAgent> {
	const sockets: string[] = [];
	const keys: PrivateKey[] = [];
	for (const path of paths) {
		if (sockets.length > 0) {
			throw new TsbuildError('ERR_TSBUILD_SSH', 'only single socket allowed');
		}

		if (await isSocket(path)) {
			sockets.push(path);
		} else {
			keys.push(await readKey(path));
		}
	}

	const [socket] = sockets;
	if (socket !== undefined && keys.length > 0) {
		throw new TsbuildError('ERR_TSBUILD_SSH', 'invalid combination of keys and sockets');
	}

	return socket === undefined ? createKeyAgent(keys) : createForwardedAgent(socket);
}

async function isSocket(path: string): Promise<boolean> {
	try {
		const state = await stat(path);
		return state.isSocket();
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_SSH', `stat ${path}: ${reasonOf(error)}`, {cause: error});
	}
}

async function readKey(path: string): Promise<PrivateKey> {
	const text = await readStart(path);
	return explained(`failed to parse ${path}`, async () => parsePrivateKey(text));
}

async function readStart(path: string): Promise<string> {
	try {
		await using file = await open(path);
		const {buffer, bytesRead} = await file.read(Buffer.alloc(maximumKeySize));
		return buffer.toString('latin1', 0, bytesRead);
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_SSH', `failed to read ${path}: ${reasonOf(error)}`, {cause: error});
	}
}

async function explained<Value>(what: string, action: () => Promise<Value>): Promise<Value> {
	try {
		return await action();
	} catch (error) {
		throw withContext(what, error);
	}
}

function withContext(what: string, error: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SSH', `${what}: ${errorMessage(error)}`, {cause: error});
}

function reasonOf(error: unknown): string {
	return errorCode(error) === 'ENOENT' ? 'no such file or directory' : errorMessage(error);
}
