import {hash} from 'node:crypto';
import {posix} from 'node:path';
import type {
	CopyAction,
	ExecMount,
	ExecOperation,
	FileAction,
	FileOperation,
	Operation,
	SourceGitOperation,
	SourceImageOperation,
} from '../../definition/operations.ts';
import {canonicalJson} from '../../kernel/canonical-json.ts';
import {formatPlatform} from '../../kernel/platform.ts';

/** What a part of a step is: its text, or only a digest of that where it is long or could be a secret. */
export type PartValue = string | {readonly digest: string};

/** A step in words. */
export type StepDescription = {
	/** What is done, without what it is done with: by this an edited Dockerfile and the one before are laid side by side. */
	readonly title: string;
	/** By their names: all that the step's key holds besides its inputs. */
	readonly parts: Readonly<Record<string, PartValue>>;
};

// A text that is longer tells nobody what has changed in it.
const longestValue = 200;

// So much is not guessed, and is short.
const digestLength = 16;

// `sha256:` and twelve digits, as Docker shows them.
const imageDigestLength = 19;

// What people call variables that hold secrets.
const secretName = /api_?key|auth|cred|_?key$|login|pass|private|pwd|secret|session|signature|token/iv;

// As the flags of a mount have them: https://docs.docker.com/reference/dockerfile/#run---mount
const mountAttributes: Readonly<Record<string, string>> = {readOnly: 'readonly', isRequired: 'required', environmentName: 'env'};

// User information in an address. https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
const addressWithUser = /:\/\/[^\s\/]*@/v;

/** Describes an operation. Operations that differ in what counts for their cache keys have different descriptions. */
export function describeStep(operation: Operation): StepDescription {
	switch (operation.kind) {
		case 'source-image': {
			const {reference, platform} = operation;
			return {title: `FROM ${withoutDigest(reference)}`, parts: {image: imageText(operation), platform: formatPlatform(platform)}};
		}

		case 'source-local':
		case 'source-given': {
			return {title: `${operation.kind} ${operation.name}`, parts: {}};
		}

		case 'source-http': {
			return {title: `ADD ${operation.fileName}`, parts: {address: shown(operation.url), '--checksum': operation.checksum ?? ''}};
		}

		case 'source-git': {
			return {title: `ADD ${operation.kind}`, parts: describeCheckout(operation)};
		}

		case 'exec': {
			return describeExec(operation);
		}

		case 'file': {
			return describeFile(operation);
		}

		case 'merge': {
			return {title: '--link', parts: {}};
		}
	}
}

function describeCheckout({remote, name, subdirectory, keepsGitDirectory, hasSubmodules, time}: SourceGitOperation): Readonly<Record<string, PartValue>> {
	return {
		repository: shown(remote),
		reference: shown(name),
		subdirectory: shown(subdirectory),
		'--keep-git-dir': String(keepsGitDirectory),
		submodules: String(hasSubmodules),
		'time of the files': time,
	};
}

/** An image with the beginning of its manifest's digest. */
export function imageText({reference, manifestDigest}: SourceImageOperation): string {
	return `${withoutDigest(reference)}@${manifestDigest.slice(0, imageDigestLength)}`;
}

/** Whether the value of a variable is better not shown. */
export function isSecretLike(name: string, value: string): boolean {
	return secretName.test(name) || addressWithUser.test(value);
}

function describeExec({args, env, cwd, user, network, security, mounts, platform, extraHosts = [], ulimits = [], sharedMemory}: ExecOperation): StepDescription {
	const command = commandText(args);
	return {
		title: `RUN ${command}`,
		parts: {
			command: shown(command),
			...Object.fromEntries(env.map(variable => describeVariable(variable))),
			WORKDIR: cwd,
			USER: user,
			'--network': network,
			'--security': security,
			...describeMounts(mounts),
			platform: formatPlatform(platform),
			...Object.fromEntries(extraHosts.map(({name}) => [`--add-host ${name}`, ''])),
			...Object.fromEntries(ulimits.map(({name, soft, hard}) => [`--ulimit ${name}`, `${soft}:${hard}`])),
			...(sharedMemory !== undefined && {'--shm-size': String(sharedMemory)}),
		},
	};
}

/** The words of the shell form are the last argument. */
function commandText(args: readonly string[]): string {
	const [shell = '', option = '', text] = args;
	return option === '-c' && args.length === 3 && shell.endsWith('sh') ? text! : args.join(' ');
}

function describeVariable(variable: string): readonly [string, PartValue] {
	const equals = variable.indexOf('=');
	const [name, value] = [variable.slice(0, equals), variable.slice(equals + 1)];
	return [`ARG or ENV ${name}`, isSecretLike(name, value) ? hidden(value) : shown(value)];
}

/** By where they are, which says more than their numbers when one is put in between. */
function describeMounts(mounts: readonly ExecMount[]): Readonly<Record<string, PartValue>> {
	const byPlace = Map.groupBy(mounts, mount => placeOf(mount));
	return Object.fromEntries(byPlace.entries().map(([place, there]) => [`--mount ${place}`, shown(there.map(mount => mountText(mount)).join(' and '))]));
}

/** Where a mount is: its path, or the variable that it is in. */
export function placeOf(mount: ExecMount): string {
	return mount.type === 'secret' && mount.target === undefined ? `$${mount.environmentName}` : mount.target!;
}

/** What of a mount counts, in the manner of the flag. */
function mountText(mount: ExecMount): string {
	const {type, target, ...others} = mount;
	const uncounted = new Set(type === 'cache' ? ['input', 'id', 'sharing', 'content'] : ['input']);
	const attributes = Object.entries(others).filter(([name]) => !uncounted.has(name)).map(([name, value]) => `${mountAttributes[name] ?? name}=${name === 'mode' ? modeText(Number(value)) : value}`);
	return [`type=${type}`, ...attributes].join(',');
}

function describeFile({actions}: FileOperation): StepDescription {
	const copies = actions.filter(action => action.action === 'copy');
	return {
		title: [...copies.slice(0, 1).map(({destination}) => `COPY to ${destination}`), ...actions.filter(action => action.action !== 'copy').map(({action, path}) => `${action} ${path}`)].join(', '),
		parts: {
			...describeCopies(copies),
			...Object.fromEntries(actions.flatMap(action => describeMade(action))),
		},
	};
}

function describeCopies(copies: readonly CopyAction[]): Readonly<Record<string, PartValue>> {
	const [first] = copies;
	if (first === undefined) {
		return {};
	}

	const {destination, owner = '', mode = '', exclude, attemptUnpack, keepParents} = first;
	return {
		sources: shown(copies.map(copy => sourceText(copy)).join(' ')),
		destination,
		'--chown': owner,
		'--chmod': mode,
		'--exclude': shown(exclude.join(' ')),
		'--parents': String(keepParents),
		'unpacking of archives': String(attemptUnpack),
		'way of copying': hidden([...new Set(copies.map(copy => wayOfCopying(copy)))].join('\n')),
	};
}

/** The directory of a source counts by what is in it, and what `--parents` keeps of its path by itself. */
function sourceText({source, include}: CopyAction): string {
	const name = posix.basename(source);
	return include.length === 0 ? name : `${name === '' ? '' : `${name}/./`}${include.join(' ')}`;
}

/** What no flag of an instruction says, as JSON. */
function wayOfCopying(copy: CopyAction): string {
	const told = new Set(['action', 'input', 'source', 'destination', 'owner', 'mode', 'include', 'exclude', 'attemptUnpack', 'keepParents']);
	return canonicalJson(Object.fromEntries(Object.entries(copy).filter(([name]) => !told.has(name))));
}

function describeMade(action: FileAction): ReadonlyArray<readonly [string, PartValue]> {
	switch (action.action) {
		case 'copy': {
			return [];
		}

		case 'make-directory': {
			const {path, mode, owner = ''} = action;
			return [['WORKDIR', path], ['mode of the directory', modeText(mode)], ['owner of the directory', owner]];
		}

		case 'make-file': {
			const {path, content, mode, owner = ''} = action;
			return [[`text of ${path}`, hidden(content)], [`mode of ${path}`, modeText(mode)], [`owner of ${path}`, owner]];
		}
	}
}

function modeText(mode: number): string {
	return mode.toString(8).padStart(4, '0');
}

function withoutDigest(reference: string): string {
	return reference.split('@', 1)[0]!;
}

function shown(value: string): PartValue {
	return value.length > longestValue || addressWithUser.test(value) ? hidden(value) : value;
}

function hidden(value: string): PartValue {
	return {digest: hash('sha256', value).slice(0, digestLength)};
}
