import {TsbuildError} from './errors.ts';
import {parseGoBoolean} from './go-boolean.ts';

/** A place in a git repository. */
export type GitReference = {
	/** What git is given, without fragment and query. */
	readonly remote: string;
	/** A branch, a tag or a commit; empty for the default branch. */
	readonly name: string;
	/** Inside the repository; empty for all of it. */
	readonly subdirectory: string;
	/** The first digits at least of the commit that it has to be. */
	readonly checksum?: string;
	readonly keepsGitDirectory?: boolean;
	readonly hasSubmodules?: boolean;
	/** The time that the files get. */
	readonly time?: 'checkout' | 'commit';
};

type Mutable<Type> = {-readonly [Key in keyof Type]: Type[Key]};

const protocols: ReadonlySet<string> = new Set(['http', 'https', 'ssh', 'git']);

// https://github.com/moby/buildkit/blob/v0.32.2/util/sshutil/scpurl.go
const scpForm = /^(?<user>[\w\-]+)@(?<host>[\w\-.]+):(?<path>[^#?]*)(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/v;

const urlForm = /^(?<protocol>[\dA-Za-z]+):\/\/(?<place>[^#?]*)(?:\?(?<query>[^#]*))?(?:#(?<fragment>.*))?$/v;

const hint = 'It is like https://HOST/PATH.git#BRANCH:DIRECTORY, or https://HOST/PATH.git?tag=v1&subdir=DIRECTORY.';

// What a name may not have anywhere. https://git-scm.com/docs/git-check-ref-format
const forbiddenInNames = /[\p{Control} *:?\[\\^~]/v;

/**
Reads a source that is a git repository: `https://host/path.git`, `ssh://`, `git://` or `user@host:path`, with `#name:subdirectory` or a query (`?branch=`, `tag`, `ref`, `subdir`, `commit`, `keep-git-dir`, `submodules`, `mtime`).

@returns `undefined` for anything else
@throws {TsbuildError} `ERR_TSBUILD_GIT_REFERENCE`
@see https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository
@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/dfgitutil/git_ref.go
*/
export function parseGitReference(text: string): GitReference | undefined {
	const parts = splitReference(text);
	if (parts === undefined) {
		return undefined;
	}

	try {
		return readParts(parts);
	} catch (error) {
		throw error instanceof TsbuildError ? new TsbuildError(error.code, `failed to parse git ref ${text}: ${error.message}`, {cause: error, hint}) : error;
	}
}

/** Whether git speaks SSH with a repository: `ssh://host/path` or `user@host:path`. */
export function isSshRemote(remote: string): boolean {
	return remote.startsWith('ssh://') || scpForm.test(remote);
}

/** Whether a source is a git repository, be it well-formed otherwise or not. */
export function isGitReference(text: string): boolean {
	return splitReference(text) !== undefined;
}

type Parts = {readonly remote: string; readonly query: string; readonly fragment: string};

function splitReference(text: string): Parts | undefined {
	const url = urlForm.exec(text)?.groups;
	if (url === undefined) {
		const {user, host, path, query = '', fragment = ''} = scpForm.exec(text)?.groups ?? {};
		return user === undefined ? undefined : {remote: `${user}@${host}:${path}`, query, fragment};
	}

	const {protocol = '', place = '', query = '', fragment = ''} = url;
	const scheme = protocol.toLowerCase();
	// Anything may be behind http; a repository says so.
	const isRepository = protocols.has(scheme) && (!scheme.startsWith('http') || (place.includes('/') && place.endsWith('.git')));
	return isRepository ? {remote: `${scheme}://${place}`, query, fragment} : undefined;
}

function readParts({remote, query, fragment}: Parts): GitReference {
	const colon = fragment.indexOf(':');
	const name = decode(colon === -1 ? fragment : fragment.slice(0, colon));
	const reference: Mutable<GitReference> = {remote, name, subdirectory: colon === -1 ? '' : decode(fragment.slice(colon + 1))};
	applyQuery(reference, query);
	checkNames(reference);
	return reference;
}

function applyQuery(reference: Mutable<GitReference>, query: string): void {
	const values = new URLSearchParams(query);
	for (const key of new Set(values.keys())) {
		const [value = '', ...others] = values.getAll(key);
		if (others.length > 0) {
			throw invalid(`query "${key}" has multiple values`);
		}

		if (value === '' && key !== 'submodules' && key !== 'keep-git-dir') {
			throw invalid(`query "${key}" has no value`);
		}

		applyValue(reference, key, value);
	}

	applyTagAndBranch(reference, values.get('tag') ?? '', values.get('branch') ?? '');
	if (reference.checksum !== undefined && reference.name === '') {
		reference.name = reference.checksum;
	}
}

function applyValue(reference: Mutable<GitReference>, key: string, value: string): void {
	switch (key) {
		case 'ref': {
			reference.name = agreed('ref', reference.name, value);
			return;
		}

		case 'subdir': {
			reference.subdirectory = agreed('subdir', reference.subdirectory, value);
			return;
		}

		case 'checksum':
		case 'commit': {
			reference.checksum = value;
			return;
		}

		case 'keep-git-dir': {
			reference.keepsGitDirectory = readFlag(key, value);
			return;
		}

		case 'submodules': {
			reference.hasSubmodules = readFlag(key, value);
			return;
		}

		case 'mtime': {
			if (value !== 'checkout' && value !== 'commit') {
				throw invalid(`invalid mtime value: "${value}"`);
			}

			reference.time = value;
			return;
		}

		case 'branch':
		case 'tag': {
			return;
		}

		default: {
			throw invalid(`unexpected query "${key}"`);
		}
	}
}

function applyTagAndBranch(reference: Mutable<GitReference>, tag: string, branch: string): void {
	if (tag !== '' && branch !== '') {
		throw invalid('branch conflicts with tag');
	}

	if (tag !== '') {
		reference.name = agreed('ref', reference.name, withPrefix(tag, 'refs/tags/'));
	}

	if (branch !== '') {
		reference.name = agreed('ref', reference.name, withPrefix(branch, 'refs/heads/'));
	}
}

function withPrefix(name: string, prefix: string): string {
	return name.startsWith(prefix) ? name : prefix + name;
}

function agreed(what: string, first: string, second: string): string {
	if (first !== '' && first !== second) {
		throw invalid(`${what} conflicts: "${first}" vs "${second}"`);
	}

	return second;
}

function readFlag(key: string, value: string): boolean {
	const flag = value === '' ? true : parseGoBoolean(value);
	if (flag === undefined) {
		throw invalid(`invalid ${key} value: "${value}"`);
	}

	return flag;
}

/** What git would take for an option, or for more than one name, is none. */
function checkNames({remote, name}: GitReference): void {
	if (name.startsWith('-') || forbiddenInNames.test(name) || name.includes('..')) {
		throw invalid(`invalid ref "${name}"`);
	}

	const address = remote.replace(/^\w+:\/\//v, '');
	if (address.startsWith('-') || address.includes('@-') || /[\p{Control} ]/v.test(remote)) {
		throw invalid('invalid address of a repository');
	}
}

function decode(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		throw invalid(`invalid URL escape in "${text}"`);
	}
}

function invalid(message: string): TsbuildError {
	return new TsbuildError('ERR_TSBUILD_GIT_REFERENCE', message);
}
