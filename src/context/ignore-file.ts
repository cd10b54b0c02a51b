import path from 'node:path';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import {withInternalVertex} from '../kernel/internal-vertex.ts';
import type {ProgressSink} from '../kernel/progress-event.ts';
import type {Descriptor} from '../linux/descriptor.ts';
import {readFileInRoot} from '../linux/resolve.ts';
import {sizeOfTransfer} from './transfer.ts';

const fileName = '.dockerignore';

// Patterns are for people to write; a larger file is none.
const maximumFileSize = 16 * 1024 * 1024;

/** Which context an ignore file belongs to. */
export type LoadIgnoreFileOptions = {
	/** `context` is the build context, any other a named context. */
	readonly name: string;
	readonly progress: ProgressSink;
};

/**
Reads what a context leaves out, from its `.dockerignore`, and shows that. Links are not followed out of the context.

@throws {TsbuildError} `ERR_TSBUILD_IGNORE_FILE` when a pattern is none
@see https://docs.docker.com/build/concepts/context/#dockerignore-files
*/
export async function loadIgnoreFile(context: Descriptor, {name, progress}: LoadIgnoreFileOptions): Promise<readonly string[]> {
	const label = name === 'context' ? 'internal' : `context ${name}`;
	const content = await withInternalVertex(progress, `[${label}] load .dockerignore`, async report => {
		const bytes = readIgnoreFile(context, fileName);
		report({id: `transferring ${name}:`, current: sizeOfTransfer(context.path, [fileName]), completed: true});
		return bytes;
	});
	return content === undefined ? [] : parseIgnorePatterns(content);
}

/**
The patterns of an ignore file: lines without comments, cleaned, those with `!` marked so. A byte order mark is no part of the first.

@throws {TsbuildError} `ERR_TSBUILD_IGNORE_FILE` for a `!` that stands alone
@see https://github.com/moby/patternmatcher/blob/main/ignorefile/ignorefile.go
*/
export function parseIgnorePatterns(content: Uint8Array): readonly string[] {
	return new TextDecoder().decode(content)
		.split('\n')
		.filter(line => !line.startsWith('#'))
		.map(line => line.trim())
		.filter(line => line !== '')
		.map(line => (line.startsWith('!') ? `!${cleanPattern(line.slice(1).trim())}` : cleanPattern(line)));
}

function cleanPattern(pattern: string): string {
	if (pattern === '') {
		throw new TsbuildError('ERR_TSBUILD_IGNORE_FILE', 'illegal exclusion pattern: "!"', {hint: 'Write the path to bring back behind the ! in .dockerignore.'});
	}

	const clean = path.posix.normalize(pattern).replace(/(?<=.)\/$/v, '');
	return clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
}

/**
Reads an ignore file, not through a link out of its directory; gives nothing when there is none.

@throws {TsbuildError} `ERR_TSBUILD_NOT_A_FILE`, `ERR_TSBUILD_FILE_TOO_LARGE`
*/
export function readIgnoreFile(directory: Descriptor, name: string): Uint8Array | undefined {
	try {
		return readFileInRoot(directory, name, {maximumSize: maximumFileSize});
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}
