import {statSync} from 'node:fs';
import path from 'node:path';
import type {NamedContext} from '../build/named-context.ts';
import {parseGitReference} from '../kernel/git-reference.ts';
import {formatReference, parseReference} from '../kernel/reference.ts';
import {RequestError, UsageError} from './usage-error.ts';

const layoutScheme = 'oci-layout://';
const imageScheme = 'docker-image://';

/**
Reads `--build-context NAME=VALUE`: a directory, `docker-image://REFERENCE`, `oci-layout://DIRECTORY[:TAG][@DIGEST]`, a git repository, or the address of an archive.

@throws {UsageError} when it is no pair; {RequestError} when there is nothing of that kind
@see https://docs.docker.com/reference/cli/docker/buildx/build/#build-context
*/
export function readNamedContext(text: string): NamedContext {
	const equals = text.indexOf('=');
	if (equals <= 0) {
		throw new UsageError(`invalid context value: ${text}, expected key=value`);
	}

	const name = text.slice(0, equals);
	const value = text.slice(equals + 1);
	if (value.startsWith(layoutScheme)) {
		return readLayout(name, value.slice(layoutScheme.length));
	}

	if (value.startsWith(imageScheme)) {
		return {name, type: 'docker-image', reference: formatReference(parseReference(value.slice(imageScheme.length)))};
	}

	const reference = parseGitReference(value);
	if (reference !== undefined) {
		return {name, type: 'git', reference};
	}

	return /^https?:\/\//v.test(value) ? {name, type: 'http', url: value} : readDirectory(name, value);
}

function readLayout(name: string, text: string): NamedContext {
	const [location = '', digest] = text.split('@', 2);
	const {directory = location, tag} = /^(?<directory>.*):(?<tag>\w[\w\-.]{0,127})$/v.exec(location)?.groups ?? {};
	return {
		name,
		type: 'oci-layout',
		directory: path.resolve(directory),
		...(tag !== undefined && {tag}),
		...(digest !== undefined && {digest}),
	};
}

function readDirectory(name: string, value: string): NamedContext {
	const status = statSync(value, {throwIfNoEntry: false});
	if (status?.isDirectory() !== true) {
		const reason = status === undefined ? 'no such file or directory' : 'not a directory';
		throw new RequestError(`failed to get build context ${name}: stat ${value}: ${reason}`, {
			hint: 'A named context is a directory, docker-image://REFERENCE, oci-layout://DIRECTORY, a git repository or the address of an archive.',
		});
	}

	return {name, type: 'directory', path: value};
}
