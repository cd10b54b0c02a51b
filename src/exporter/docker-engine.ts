import {once} from 'node:events';
import http, {type ClientRequest, type IncomingMessage} from 'node:http';
import net from 'node:net';
import {pipeline} from 'node:stream/promises';
import is from '@sindresorhus/is';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';

/** How far the engine is with a layer. */
export type EngineProgress = {
	/** Short ID of the layer. */
	readonly id: string;
	/** Bytes. */
	readonly current: number;
	/** Bytes; 0 when not known. */
	readonly total: number;
};

type LoadOptions = {
	/** Path of the engine's socket. */
	readonly socket: string;
	readonly onProgress: (progress: EngineProgress) => void;
	readonly signal: AbortSignal;
};

// The engine tells its progress in lines of a few hundred bytes.
const maximumLineLength = 1024 * 1024;

const absentCodes: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED']);

/** Does somebody listen on the socket? An engine that does not let us in is there. */
export async function isEngineThere(socket: string): Promise<boolean> {
	const connection = net.connect(socket);
	try {
		await once(connection, 'connect');
		return true;
	} catch (error) {
		return !absentCodes.has(errorCode(error));
	} finally {
		connection.destroy();
	}
}

/**
Sends an archive to a Docker engine, as `docker load` does.

@throws {TsbuildError} `ERR_TSBUILD_DOCKER_ENGINE` when there is none, or when it refuses the archive; what `archive` throws; the reason of `signal`
@see https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Image/operation/ImageLoad
*/
export async function loadArchive(archive: AsyncIterable<Uint8Array>, {socket, onProgress, signal}: LoadOptions): Promise<void> {
	const request = http.request({
		socketPath: socket, method: 'POST', path: '/images/load?quiet=0', headers: {'Content-Type': 'application/x-tar'}, signal,
	});
	try {
		const response = await send(archive, request);
		await readResult(response, onProgress);
	} catch (error) {
		signal.throwIfAborted();
		throw explainFailure(error, socket);
	} finally {
		request.destroy();
	}
}

/** The answer may come before everything is sent: then the rest is not wanted. */
async function send(archive: AsyncIterable<Uint8Array>, request: ClientRequest): Promise<IncomingMessage> {
	const responded = once(request, 'response') as Promise<[IncomingMessage]>;
	const sending = pipeline(archive, request);
	// What goes wrong there is told by the request.
	sending.catch(() => undefined);
	const [response] = await responded;
	return response;
}

async function readResult(response: IncomingMessage, onProgress: LoadOptions['onProgress']): Promise<void> {
	const isAccepted = response.statusCode === 200;
	for await (const line of linesOf(response)) {
		const message: unknown = parseLine(line);
		if (!is.plainObject(message)) {
			continue;
		}

		const reason = isAccepted ? message.error : message.message;
		if (is.string(reason)) {
			throw engineError(reason);
		}

		tellProgress(message, onProgress);
	}

	if (!isAccepted) {
		throw engineError(`it answers with status ${response.statusCode}`);
	}
}

function tellProgress({id, progressDetail}: Readonly<Record<string, unknown>>, onProgress: LoadOptions['onProgress']): void {
	if (!is.string(id) || !is.plainObject(progressDetail) || !is.number(progressDetail.current)) {
		return;
	}

	const {current, total} = progressDetail;
	onProgress({id, current, total: is.number(total) ? total : 0});
}

async function * linesOf(response: IncomingMessage): AsyncGenerator<string> {
	let rest = '';
	for await (const text of response.setEncoding('utf8') as AsyncIterable<string>) {
		const lines = `${rest}${text}`.split('\n');
		rest = lines.pop()!;
		yield * lines;
		if (rest.length > maximumLineLength) {
			throw engineError('its answer is no list of messages');
		}
	}

	yield rest;
}

function parseLine(line: string): unknown {
	try {
		return JSON.parse(line);
	} catch {
		return undefined;
	}
}

function engineError(reason: string, cause?: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_DOCKER_ENGINE', `failed to load image into Docker: ${reason}`, cause === undefined ? {} : {cause});
}

/** In the words of docker. */
function explainFailure(error: unknown, socket: string): TsbuildError {
	if (error instanceof TsbuildError) {
		return error;
	}

	const code = errorCode(error);
	if (absentCodes.has(code)) {
		return new TsbuildError('ERR_TSBUILD_DOCKER_ENGINE', `Cannot connect to the Docker daemon at unix://${socket}. Is the docker daemon running?`, {
			cause: error, hint: 'Without --load the image is kept in the local store alone.',
		});
	}

	if (code === 'EACCES') {
		return new TsbuildError('ERR_TSBUILD_DOCKER_ENGINE', `permission denied while trying to connect to the Docker daemon socket at unix://${socket}`, {
			cause: error, hint: 'Join the group of the socket, or build as root.',
		});
	}

	return engineError(errorMessage(error), error);
}
