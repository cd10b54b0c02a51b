import path from 'node:path';
import {errorCode, TsbuildError} from '../kernel/errors.ts';
import type {Descriptor} from '../linux/descriptor.ts';
import {readFileInRoot} from '../linux/resolve.ts';

/** The patterns of an ignore file, and how large it was. */
export type IgnoreFile = {
	readonly patterns: readonly string[];
	/** Bytes; 0 when there is none. */
	readonly size: number;
};

// Patterns are for people to write; a larger file is none.
const maximumFileSize = 16 * 1024 * 1024;

/**
Reads what the build context leaves out: from `<Dockerfile>.dockerignore` beside a Dockerfile of the context, else from `.dockerignore`. Links are not followed out of the context.

@throws {TsbuildError} `ERR_TSBUILD_IGNORE_FILE` when a pattern is none
@see https://docs.docker.com/build/concepts/context/#dockerignore-files
*/
export function readIgnoreFile(context: Descriptor, dockerfile: string): IgnoreFile {
	const content = readIfThere(context, `${dockerfile}.dockerignore`) ?? readIfThere(context, '.dockerignore');
	return content === undefined ? {patterns: [], size: 0} : {patterns: parseIgnorePatterns(new TextDecoder().decode(content)), size: content.length};
}

/**
The patterns of an ignore file: lines without comments, cleaned, those with `!` marked so.

@throws {TsbuildError} `ERR_TSBUILD_IGNORE_FILE` for a `!` that stands alone
@see https://github.com/moby/patternmatcher/blob/main/ignorefile/ignorefile.go
*/
export function parseIgnorePatterns(text: string): readonly string[] {
	return text
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

function readIfThere(context: Descriptor, name: string): Uint8Array | undefined {
	try {
		return readFileInRoot(context, name, {maximumSize: maximumFileSize});
	} catch (error) {
		if (errorCode(error) === 'ENOENT') {
			return undefined;
		}

		throw error;
	}
}
