import type {HttpResponse} from '../http.ts';
import {readBytes} from '../http/read-bytes.ts';
import {RegistryError} from './registry-error.ts';

// Tokens have a few kilobytes, errors less.
const maximumText = 1024 * 1024;

/** Of an answer whose body does not matter, what does. */
export async function discardBody(response: HttpResponse): Promise<HttpResponse> {
	await response[Symbol.asyncDispose]();
	return response;
}

/**
A body as text: at most a megabyte.

@throws {RegistryError} `ERR_TSBUILD_REGISTRY_PROTOCOL`
*/
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
	const bytes = await readBytes(body, maximumText);
	if (bytes === undefined) {
		throw new RegistryError('ERR_TSBUILD_REGISTRY_PROTOCOL', `failed to read the answer of a registry: it is longer than ${maximumText} bytes`);
	}

	return new TextDecoder().decode(bytes);
}
