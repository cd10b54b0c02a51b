import {hash} from 'node:crypto';
import {posix} from 'node:path';
import type {
	CopyAction,
	ExecMount,
	ExecOperation,
	FileAction,
	FileOperation,
	Operation,
	SourceImageOperation,
} from '../../definition/operations.ts';
import {canonicalJson, type JsonValue} from '../../kernel/canonical-json.ts';
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
			const {kind, remote, ...others} = operation;
			return {title: `ADD ${kind}`, parts: {repository: shown(remote), commit: canonicalJson(others)}};
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
			...Object.fromEntries(mounts.map((mount, index) => [`--mount ${index + 1}`, shown(canonicalJson(mountText(mount)))])),
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

/** What of a mount counts. */
function mountText(mount: ExecMount): Readonly<Record<string, string | number | boolean | null>> {
	if (mount.type !== 'cache') {
		return mount;
	}

	const {type, input, source, target, readOnly} = mount;
	return {
		type, input, source, target, readOnly,
	};
}

function describeFile({actions, platform}: FileOperation): StepDescription {
	const copies = actions.filter(action => action.action === 'copy');
	return {
		title: [...copies.slice(0, 1).map(({destination}) => `COPY to ${destination}`), ...actions.filter(action => action.action !== 'copy').map(({action, path}) => `${action} ${path}`)].join(', '),
		parts: {
			...describeCopies(copies),
			...Object.fromEntries(actions.flatMap(action => describeMade(action))),
			platform: formatPlatform(platform),
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
		// The directory of a source counts by what is in it.
		sources: shown(copies.map(({source}) => posix.basename(source)).join(' ')),
		destination,
		'--chown': owner,
		'--chmod': mode,
		'--exclude': shown(exclude.join(' ')),
		'--parents': String(keepParents),
		'unpacking of archives': String(attemptUnpack),
		'way of copying': hidden(canonicalJson(copies.map(copy => wayOfCopying(copy)))),
	};
}

/** What no flag of an instruction says. */
function wayOfCopying(copy: CopyAction): JsonValue {
	const told = new Set(['action', 'source', 'destination', 'owner', 'mode', 'exclude', 'attemptUnpack', 'keepParents']);
	return Object.fromEntries(Object.entries(copy).filter(([name]) => !told.has(name)));
}

function describeMade(action: FileAction): ReadonlyArray<readonly [string, PartValue]> {
	switch (action.action) {
		case 'copy': {
			return [];
		}

		case 'make-directory': {
			const {path, mode, owner = ''} = action;
			return [['WORKDIR', path], ['mode of the directory', mode.toString(8)], ['owner of the directory', owner]];
		}

		case 'make-file': {
			const {path, content, mode, owner = ''} = action;
			return [[`text of ${path}`, hidden(content)], [`mode of ${path}`, mode.toString(8)], [`owner of ${path}`, owner]];
		}
	}
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
