import {Buffer} from 'node:buffer';
import {readFile, stat} from 'node:fs/promises';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';

/** Where the content of a secret is. */
export type SecretSource =
	| {readonly type: 'file'; readonly path: string}
	| {readonly type: 'variable'; readonly value: string};

// BuildKit's limit: https://github.com/moby/buildkit/blob/v0.32.2/session/secrets/secrets.go
const maximumSize = 500 * 1024;

/**
Makes sure that the files of secrets are there, and are no larger than a secret may be.

@throws {TsbuildError} `ERR_TSBUILD_SECRET`
*/
export async function checkSecrets(sources: ReadonlyMap<string, SecretSource>): Promise<void> {
	for (const [id, source] of sources) {
		if (source.type === 'file' && await sizeOf(source.path) > maximumSize) {
			throw tooBig(id);
		}
	}
}

/**
The content of a secret; `undefined` when there is none of this id. It is read anew each time, and kept nowhere.

@throws {TsbuildError} `ERR_TSBUILD_SECRET` when its file cannot be read or is too large
*/
export async function readSecret(sources: ReadonlyMap<string, SecretSource>, id: string): Promise<Uint8Array | undefined> {
	const source = sources.get(id);
	if (source === undefined) {
		return undefined;
	}

	const content = source.type === 'variable' ? Buffer.from(source.value) : await readSecretFile(source.path);
	if (content.length > maximumSize) {
		throw tooBig(id);
	}

	return content;
}

async function sizeOf(path: string): Promise<number> {
	try {
		const {size} = await stat(path);
		return size;
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_SECRET', `failed to stat ${path}: stat ${path}: ${reasonOf(error)}`, {cause: error});
	}
}

async function readSecretFile(path: string): Promise<Uint8Array> {
	try {
		return await readFile(path);
	} catch (error) {
		throw new TsbuildError('ERR_TSBUILD_SECRET', `failed to read secret ${path}: ${reasonOf(error)}`, {cause: error});
	}
}

function reasonOf(error: unknown): string {
	return errorCode(error) === 'ENOENT' ? 'no such file or directory' : errorMessage(error);
}

function tooBig(id: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_SECRET', `secret ${id} too big. max size 500KiB`);
}
