import {posix} from 'node:path';
import {parseDigest, type Digest} from '../../../src/kernel/digest.ts';
import {isGitReference} from '../../../src/kernel/git-reference.ts';
import {DockerfileError} from '../errors.ts';

/** Whether a source of ADD is a file on the web. */
export function isHttpSource(source: string): boolean {
	return /^https?:\/\//v.test(source) && !isGitReference(source);
}

/**
What the file of a URL is called: the last part of its path, or `__unnamed__` when there is none.

@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/dockerfile2llb/convert_copy.go
*/
export function fileNameOf(url: string): string {
	const name = posix.basename(decodePath(URL.parse(url)?.pathname ?? ''));
	return ['', '.', '..'].includes(name) || name.includes('\0') ? '__unnamed__' : name;
}

function decodePath(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return '';
	}
}

/**
The value of `--checksum`, for an operation.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_VALUE` in the words of https://pkg.go.dev/github.com/opencontainers/go-digest
*/
export function readChecksum(text = ''): {readonly checksum?: Digest} {
	if (text === '') {
		return {};
	}

	const {algorithm, hex} = /^(?<algorithm>[\da-z]+(?:[+\-._][\da-z]+)*):(?<hex>[\w\-=]+)$/v.exec(text)?.groups ?? {};
	if (algorithm === undefined || hex === undefined) {
		throw invalidChecksum('invalid checksum digest format');
	}

	const length = checksumLengths.get(algorithm);
	if (length === undefined) {
		throw invalidChecksum('unsupported digest algorithm');
	}

	if (hex.length !== length) {
		throw invalidChecksum('invalid checksum digest length');
	}

	if (!/^[\da-f]+$/v.test(hex)) {
		throw invalidChecksum('invalid checksum digest format');
	}

	return {checksum: parseDigest(text)};
}

const checksumLengths: ReadonlyMap<string, number> = new Map([['sha256', 64], ['sha512', 128]]);

function invalidChecksum(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_VALUE', message, {hint: 'A checksum is sha256: followed by 64 hexadecimal digits.'});
}
