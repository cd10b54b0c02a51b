import type {HttpResponse} from '../http.ts';
import {errorCode} from '../kernel/errors.ts';
import {Attempts} from '../http/retry.ts';
import type {BlobDescriptor, Repository, RequestOptions} from './registry-client.ts';
import type {RegistryConnection} from './registry-connection.ts';
import {prefixed, RegistryError} from './registry-error.ts';
import {pullScope} from './scope.ts';
import {contentError, Verification} from './verification.ts';

export type ReadBlobOptions = RequestOptions & {
	readonly repository: Repository;
	readonly descriptor: BlobDescriptor;
};

// Less than this is no progress that would begin a new count of attempts.
const minimumProgress = 64 * 1024;

/**
See `RegistryClient.readBlob`.

@param connections - the ways to it; where one ends, the next goes on
@param options - what is read
@yields the bytes, in order
*/
export async function * readBlob(connections: readonly RegistryConnection[], options: ReadBlobOptions): AsyncGenerator<Uint8Array, void, undefined> {
	const verification = new Verification(options.descriptor);
	let held: Uint8Array | undefined;
	for await (const chunk of readResumed(connections, options)) {
		verification.add(chunk);
		if (held !== undefined) {
			yield held;
		}

		held = chunk;
	}

	verification.finish();
	if (held !== undefined) {
		yield held;
	}
}

/**
All bytes, over as many connections as that takes.

@yields them, not verified
*/
async function * readResumed(connections: readonly RegistryConnection[], options: ReadBlobOptions): AsyncGenerator<Uint8Array, void, undefined> {
	const {descriptor: {digest, size}, signal} = options;
	const mirrors = connections.slice(0, -1).values();
	const last = connections.at(-1)!;
	const attempts = new Attempts(last.retryOptions(signal));
	let connection = mirrors.next().value ?? last;
	let received = 0;
	let counted = 0;
	for (;;) {
		try {
			for await (const chunk of readFrom(connection, options, received)) {
				received += chunk.length;
				yield chunk;
			}

			if (received >= size) {
				return;
			}

			throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to read ${digest}: unexpected EOF after ${received} of ${size} bytes`, {status: 502});
		} catch (error) {
			if (received - counted >= minimumProgress) {
				counted = received;
				attempts.reset();
			}

			if (connection === last) {
				await attempts.waitAfter(error);
			}

			signal?.throwIfAborted();
			connection = mirrors.next().value ?? last;
		}
	}
}

async function * readFrom(connection: RegistryConnection, options: ReadBlobOptions, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
	await using response = await requestFrom(connection, options, offset);
	checkLength(response, options.descriptor);
	let surplus = surplusOf(response, offset);
	for await (const chunk of response.body) {
		const skipped = Math.min(surplus, chunk.length);
		surplus -= skipped;
		if (skipped < chunk.length) {
			yield chunk.subarray(skipped);
		}
	}
}

async function requestFrom(connection: RegistryConnection, {repository, descriptor: {digest, size}, signal}: ReadBlobOptions, offset: number): Promise<HttpResponse> {
	try {
		return await connection.askOnce({
			method: 'GET',
			target: `/v2/${repository.path}/blobs/${digest}`,
			headers: {accept: '*/*', ...(offset > 0 && {range: `bytes=${offset}-`})},
			scopes: [pullScope(repository)],
			expect: offset > 0 ? [200, 206] : [200],
			signal,
		});
	} catch (error) {
		if (error instanceof RegistryError && error.status === 416) {
			throw contentError(digest, `the registry has ${offset} bytes of it instead of ${size}`);
		}

		throw errorCode(error) === 'ERR_TSBUILD_REGISTRY_NOT_FOUND'
			? prefixed(`failed to read ${digest} of ${repository.domain}/${repository.path}: not found`, error)
			: error;
	}
}

/** What is known to be of another length need not be read first. */
function checkLength({status, headers}: HttpResponse, {digest, size}: BlobDescriptor): void {
	const text = status === 206 ? /\/(?<total>\d+)$/v.exec(headers['content-range'] ?? '')?.groups?.total : headers['content-length'];
	if (text !== undefined && Number(text) !== size) {
		throw contentError(digest, `the registry has ${text} bytes of it instead of ${size}`);
	}
}

/**
How many bytes come that are there already: a server may not know ranges.

@see https://www.rfc-editor.org/rfc/rfc9110#name-range
*/
function surplusOf({status, headers}: HttpResponse, offset: number): number {
	if (status !== 206) {
		return offset;
	}

	const {first} = /^bytes (?<first>\d+)-/v.exec(headers['content-range'] ?? '')?.groups ?? {};
	if (first === undefined || Number(first) > offset) {
		throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to resume at byte ${offset}: the registry sends the range ${JSON.stringify(headers['content-range'] ?? '')}`);
	}

	return offset - Number(first);
}
