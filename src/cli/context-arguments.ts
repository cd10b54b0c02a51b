import {existsSync} from 'node:fs';
import type {BuildOptions} from '../build/build-options.ts';
import type {ContextSource, DockerfileSource} from '../context/context-source.ts';
import {parseGitReference} from '../kernel/git-reference.ts';
import type {CommandContext} from './command.ts';
import {RequestError, UsageError} from './usage-error.ts';

const standardInput = '-';

/** What the command line says of the files of a build. */
export type ContextArguments = {
	readonly positional: readonly string[];
	/** `-f`. */
	readonly file: string | undefined;
	readonly input: CommandContext['input'];
};

/**
Where the build context and the Dockerfile are: a directory, `-` for standard input, a git repository, or an address of the web; `-f` names a file, `-` or an address.

@throws {UsageError} without a context, or with several; {RequestError} when both are to come from standard input
*/
export function readContextArguments({positional, file, input}: ContextArguments): Pick<BuildOptions, 'context' | 'dockerfile'> {
	const [text] = positional;
	if (text === undefined || positional.length > 1) {
		throw new UsageError(`tsbuild: 'tsbuild build' requires 1 argument

Usage:  tsbuild build [OPTIONS] PATH | URL | -

Run 'tsbuild build --help' for more information`);
	}

	if (text === '') {
		throw new RequestError('please specify build context (e.g. "." for the current directory)');
	}

	if (text === standardInput && file === standardInput) {
		throw new RequestError('invalid argument: can\'t use stdin for both build context and dockerfile');
	}

	return {context: readContext(text, input), ...(file !== undefined && {dockerfile: readDockerfile(file, input)})};
}

function readContext(text: string, read: CommandContext['input']): ContextSource {
	if (text === standardInput) {
		return {type: 'stream', read};
	}

	if (existsSync(text)) {
		return {type: 'directory', path: text};
	}

	// The short form of GitHub's repositories is for contexts alone.
	const reference = parseGitReference(text.startsWith('github.com/') ? `https://${text.replace(/(?<!\.git)(?=#|$)/v, '.git')}` : text);
	if (reference !== undefined) {
		return {type: 'git', reference};
	}

	return isWebAddress(text) ? {type: 'http', url: text} : {type: 'directory', path: text};
}

function readDockerfile(file: string, read: CommandContext['input']): DockerfileSource {
	if (file === standardInput) {
		return {type: 'stream', read};
	}

	return isWebAddress(file) ? {type: 'http', url: file} : {type: 'path', path: file};
}

function isWebAddress(text: string): boolean {
	return /^https?:\/\//v.test(text);
}
