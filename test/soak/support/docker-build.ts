import {request} from 'node:http';
import {text} from 'node:stream/consumers';
import type {HistoryEntry} from '../../../src/kernel/oci-types.ts';

/** What the engine made of a Dockerfile: the image, or its error. */
export type DockerBuild = {
	readonly error: string;
} | {
	/** `Config` of the image, with Docker's empty values. */
	readonly config: Readonly<Record<string, unknown>>;
	readonly author: string;
	/** The oldest first. */
	readonly history: readonly HistoryEntry[];
};

/**
Builds a context by the BuildKit of a Docker engine.

@param socket Of the engine.
@param context A tar archive.
@param dockerfile Its path there.
@see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild
*/
export async function buildByDocker(socket: string, context: Uint8Array, dockerfile: string): Promise<DockerBuild> {
	const answer = await call(socket, `/build?version=2&dockerfile=${encodeURIComponent(dockerfile)}`, context);
	const lines = answer.trim().split('\n').map(line => JSON.parse(line) as {id?: string; aux?: {ID: string}; error?: string; message?: string});
	const error = lines.find(line => line.error !== undefined || line.message !== undefined);
	if (error !== undefined) {
		return {error: (error.error ?? error.message)!};
	}

	const {ID: id} = lines.find(line => line.id === 'moby.image.id')!.aux!;
	const [image, history] = await Promise.all([call(socket, `/images/${id}/json`), call(socket, `/images/${id}/history`)]);
	const {Config: config, Author: author} = JSON.parse(image) as {Config: Readonly<Record<string, unknown>>; Author: string};
	const entries = JSON.parse(history) as ReadonlyArray<{CreatedBy: string; Size: number}>;
	return {config, author, history: entries.map(({CreatedBy}) => ({created_by: CreatedBy})).toReversed()};
}

async function call(socketPath: string, path: string, body?: Uint8Array): Promise<string> {
	const {promise, resolve, reject} = Promise.withResolvers<string>();
	request({
		socketPath,
		path: `/v1.41${path}`,
		method: body === undefined ? 'GET' : 'POST',
		...(body !== undefined && {headers: {'content-type': 'application/x-tar', 'content-length': body.length}}),
	}, response => {
		resolve(text(response));
	}).once('error', reject).end(body);
	return promise;
}
