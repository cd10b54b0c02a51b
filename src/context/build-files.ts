import {constants} from 'node:fs';
import {open, stat} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {readFileInRoot, statInRoot} from '../linux/resolve.ts';

/** A file of instructions as it was read. */
export type BuildFile = {
	/** As the user knows it, for messages. */
	readonly name: string;
	readonly content: Uint8Array;
};

// BuildKit's frontend reads a Dockerfile as one message of at most 16 MiB, less what gRPC needs.
const maximumFileSize = 16 * 1024 * 1024;

/**
Opens the directory of a build context.

@throws {TsbuildError} `ERR_TSBUILD_CONTEXT` when it is no directory
*/
export async function openContextDirectory(directory: string): Promise<Descriptor> {
	const stats = await stat(directory).catch((error: unknown) => {
		throw contextError(directory, errorCode(error) === 'ENOENT' ? 'not found' : errorMessage(error), error);
	});
	if (!stats.isDirectory()) {
		throw contextError(directory, 'not found', undefined);
	}

	return Descriptor.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}

/**
Reads the Dockerfile: the given one, else `Dockerfile`, else `dockerfile` of the context. One inside the context is not followed out of it through links.

@throws {TsbuildError} `ERR_TSBUILD_DOCKERFILE` when it cannot be read
*/
export async function readDockerfile(context: Descriptor, file: string | undefined): Promise<BuildFile> {
	if (file !== undefined) {
		return {name: path.basename(file), content: await readHostFile(path.resolve(file))};
	}

	const name = ['Dockerfile', 'dockerfile'].find(candidate => statInRoot(context, candidate) !== undefined) ?? 'Dockerfile';
	try {
		return {name, content: readFileInRoot(context, name, {maximumSize: maximumFileSize})};
	} catch (error) {
		throw dockerfileError(name, error);
	}
}

async function readHostFile(file: string): Promise<Uint8Array> {
	try {
		await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
		const stats = await handle.stat();
		if (!stats.isFile()) {
			throw new TsbuildError('ERR_TSBUILD_DOCKERFILE', `failed to read dockerfile: ${path.basename(file)} is not a regular file`);
		}

		if (stats.size > maximumFileSize) {
			throw new TsbuildError('ERR_TSBUILD_DOCKERFILE', `failed to read dockerfile: ${path.basename(file)} is larger than ${maximumFileSize} bytes`);
		}

		return await handle.readFile();
	} catch (error) {
		throw error instanceof TsbuildError ? error : dockerfileError(path.basename(file), error);
	}
}

function dockerfileError(name: string, cause: unknown): TsbuildError {
	const reason = errorCode(cause) === 'ENOENT' ? 'no such file or directory' : errorMessage(cause);
	return new TsbuildError('ERR_TSBUILD_DOCKERFILE', `failed to read dockerfile: open ${name}: ${reason}`, {
		cause,
		hint: 'Name the Dockerfile with -f, or run tsbuild on the directory that holds one.',
	});
}

function contextError(directory: string, reason: string, cause: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTEXT', `unable to prepare context: path ${JSON.stringify(directory)} ${reason}`, {cause});
}
