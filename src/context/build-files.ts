import {constants, lstatSync} from 'node:fs';
import {stat} from 'node:fs/promises';
import path from 'node:path';
import {errorCode, errorMessage, TsbuildError} from '../kernel/errors.ts';
import {withInternalVertex} from '../kernel/internal-vertex.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import {Descriptor} from '../linux/descriptor.ts';
import {readFileInRoot} from '../linux/resolve.ts';
import {readIgnoreFile} from './ignore-file.ts';
import {sizeOfTransfer} from './transfer.ts';

/** A file of instructions as it was read. */
export type BuildFile = {
	/** As the user knows it, for messages. */
	readonly name: string;
	readonly content: Uint8Array;
	/** What is in `<name>.dockerignore` beside it, which then counts instead of the context's `.dockerignore`. */
	readonly ignoreFile?: Uint8Array | undefined;
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

	return openDirectory(directory);
}

/** How the progress calls the reading of a Dockerfile; warnings about the file belong to it. */
export function definitionVertexName(file: string): string {
	return `[internal] load build definition from ${file}`;
}

/**
Reads the Dockerfile, and an ignore file of its own, and shows that: the given one, else `Dockerfile`, else `dockerfile` of the context. Links are not followed out of the directory that it is in.

@throws {TsbuildError} `ERR_TSBUILD_DOCKERFILE` when it cannot be read
*/
export async function loadDockerfile(context: Descriptor, file: string | undefined, progress: ProgressSink): Promise<BuildFile> {
	const directory = file === undefined ? context.path : path.dirname(path.resolve(file));
	const name = findName(directory, file === undefined ? 'Dockerfile' : path.basename(file));
	// BuildKit's frontend looks at the file after its transfer, which succeeds without one too.
	const reading = await withInternalVertex(progress, definitionVertexName(name), async report => {
		const [outcome] = await Promise.allSettled([readFile(directory, name)]);
		report({id: 'transferring dockerfile:', current: sizeOfTransfer(directory, [name, `${name}.dockerignore`, name.toLowerCase()]), completed: true});
		return outcome;
	});
	if (reading.status === 'rejected') {
		throw dockerfileError(name, reading.reason);
	}

	using root = openDirectory(directory);
	return {name, content: reading.value, ignoreFile: readIgnoreFile(root, `${name}.dockerignore`)};
}

/**
Reads the Dockerfile of files that had to be fetched, which is shown already: the given one, else `Dockerfile`, else `dockerfile`.

@throws {TsbuildError} `ERR_TSBUILD_DOCKERFILE` when it cannot be read
*/
export async function readDockerfileIn(root: Descriptor, file: string | undefined): Promise<BuildFile> {
	const name = file ?? findName(root.path, 'Dockerfile');
	try {
		return {name, content: readFileInRoot(root, name, {maximumSize: maximumFileSize})};
	} catch (error) {
		throw dockerfileError(name, error);
	}
}

/** Where there is no `Dockerfile`, it may be `dockerfile`. */
function findName(directory: string, name: string): string {
	const lowerCase = name.toLowerCase();
	const isOther = name === 'Dockerfile' && !isThere(directory, name) && isThere(directory, lowerCase);
	return isOther ? lowerCase : name;
}

function isThere(directory: string, name: string): boolean {
	return lstatSync(path.join(directory, name), {throwIfNoEntry: false}) !== undefined;
}

// A link is followed in the directory alone, as by BuildKit: the Dockerfile of a stranger's repository must not show other files of this machine.
async function readFile(directory: string, name: string): Promise<Uint8Array> {
	using root = openDirectory(directory);
	return readFileInRoot(root, name, {maximumSize: maximumFileSize});
}

function openDirectory(directory: string): Descriptor {
	return Descriptor.open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}

function dockerfileError(name: string, cause: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_DOCKERFILE', `failed to read dockerfile: ${reasonOf(name, cause)}`, {
		cause,
		hint: 'Name the Dockerfile with -f, or run tsbuild on the directory that holds one.',
	});
}

/** The words of BuildKit where it has some. */
function reasonOf(name: string, cause: unknown): string {
	const reasons: Readonly<Record<string, string>> = {
		ENOENT: `open ${name}: no such file or directory`,
		ENOTDIR: `open ${name}: no such file or directory`,
		ELOOP: 'too many links',
		ERR_TSBUILD_NOT_A_FILE: `${name} is not a regular file`,
	};
	return reasons[errorCode(cause) ?? ''] ?? errorMessage(cause);
}

function contextError(directory: string, reason: string, cause: unknown): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_CONTEXT', `unable to prepare context: path ${JSON.stringify(directory)} ${reason}`, {
		cause,
		...(cause === undefined && {hint: 'The context is a directory; the Dockerfile in it is named with -f.'}),
	});
}
