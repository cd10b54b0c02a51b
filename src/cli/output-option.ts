import fs from 'node:fs';
import process from 'node:process';
import type {
	ArchiveOutput,
	EngineOutput,
	FilesOutput,
	OutputOption,
	RepositoryOutput,
} from '../exporter/output-option.ts';
import {formatReference, hasTag, parseReference} from '../kernel/reference.ts';
import type {Environment} from './command.ts';
import {parseKeyValueRecord} from './csv.ts';
import {
	notThereYet,
	readBooleanAttribute,
	readImageAttributes,
	type OutputAttributes,
} from './output-attributes.ts';
import {RequestError, UsageError} from './usage-error.ts';

/** What an output means depends on. */
export type OutputContext = {
	readonly environment: Environment;
	/** Images are pushed, also when their output does not say so. */
	readonly isPushed: boolean;
	/** Attributes of every image. */
	readonly annotations: OutputAttributes;
};

/**
Reads one value of `-o`: `type=oci,dest=app.tar`, a bare path (a local directory), or `-` (a tar on standard output).

@returns `undefined` for an empty value, which asks for nothing
*/
export function parseOutputOption(text: string, context: OutputContext): OutputOption | undefined {
	if (text === '') {
		return undefined;
	}

	if (text === '-') {
		return {type: 'tar', destination: '-'};
	}

	const fields = parseKeyValueRecord(text);
	// As with buildx, `-o a=b` is the directory `a=b`.
	if (fields.length === 1 && fields[0]!.field === text && !text.startsWith('type=')) {
		return checkDestination({type: 'local', destination: text});
	}

	const bare = fields.find(({value}) => value === undefined);
	if (bare !== undefined) {
		throw new UsageError(`invalid value ${bare.field}`, {hint: 'An output is a list of key=value pairs, for example type=oci,dest=app.tar.'});
	}

	return fromAttributes(new Map([...fields.map(({key, value}) => [key, value!] as const), ...context.annotations]), context);
}

function fromAttributes(attributes: OutputAttributes, {environment, isPushed}: OutputContext): OutputOption {
	const type = attributes.get('type') ?? 'local';
	switch (type) {
		case 'local':
		case 'tar': {
			return readFilesOutput(type, attributes.get('dest'));
		}

		case 'oci': {
			return readArchive(readBooleanAttribute(attributes, 'tar', true) ? 'oci' : 'oci-directory', attributes);
		}

		case 'docker': {
			return attributes.has('dest') ? readArchive(type, attributes) : readEngineOutput(attributes, environment);
		}

		case 'image': {
			return readRepositoryOutput(isPushed ? new Map([...attributes, ['push', 'true']]) : attributes);
		}

		case 'registry': {
			return readRepositoryOutput(new Map([...attributes, ['push', 'true']]));
		}

		case 'cacheonly': {
			return {type};
		}

		default: {
			throw new RequestError(`failed to solve: exporter ${JSON.stringify(type)} could not be found`, {hint: 'The outputs are image, registry, docker, oci, tar, local and cacheonly.'});
		}
	}
}

function readFilesOutput(type: FilesOutput['type'], destination: string | undefined): FilesOutput {
	if (type === 'local' && destination === undefined) {
		throw new RequestError('dest is required for local exporter');
	}

	return checkDestination({type, destination: destination ?? '-'});
}

function readArchive(type: ArchiveOutput['type'], attributes: OutputAttributes): ArchiveOutput {
	const destination = attributes.get('dest');
	if (type === 'oci-directory' && destination === undefined) {
		throw new RequestError('dest is required for oci exporter with tar=false');
	}

	return checkDestination({type, destination: destination ?? '-', ...readImageAttributes(attributes, {defaultCompression: 'gzip'})});
}

/** Layers that go to an engine on this machine need not be compressed. */
function readEngineOutput(attributes: OutputAttributes, environment: Environment): EngineOutput {
	const context = attributes.get('context');
	if (context !== undefined && context !== 'default') {
		throw notThereYet('context', context);
	}

	return {type: 'docker-engine', ...readEngineSocket(environment), ...readImageAttributes(attributes, {defaultCompression: 'none'})};
}

// https://docs.docker.com/reference/cli/docker/#environment-variables
function readEngineSocket({DOCKER_HOST: host = ''}: Environment): Pick<EngineOutput, 'socket' | 'isRequired'> {
	if (host === '') {
		return {socket: '/var/run/docker.sock', isRequired: false};
	}

	const socket = /^unix:\/\/(?<path>\/.+)$/v.exec(host)?.groups?.path;
	if (socket === undefined) {
		throw new RequestError(`DOCKER_HOST=${host} cannot be used: only engines behind a socket can be loaded into`, {hint: 'Set DOCKER_HOST to unix:///path, or write an archive for docker load with -o type=docker,dest=FILE.'});
	}

	return {socket, isRequired: true};
}

function readRepositoryOutput(attributes: OutputAttributes): RepositoryOutput {
	const isPushed = readBooleanAttribute(attributes, 'push', false);
	const isByDigest = readBooleanAttribute(attributes, 'push-by-digest', false);
	const danglingPrefix = attributes.get('dangling-name-prefix');
	if (isPushed && isByDigest) {
		checkWithoutTag(attributes.get('name')?.split(',') ?? []);
	}

	return {
		type: 'image',
		isStored: readBooleanAttribute(attributes, 'store', true),
		isNameCanonical: readBooleanAttribute(attributes, 'name-canonical', false),
		...(danglingPrefix !== undefined && {danglingPrefix}),
		...(isPushed && {push: {byDigest: isByDigest, isInsecure: readBooleanAttribute(attributes, 'registry.insecure', false)}}),
		...readImageAttributes(attributes, {defaultCompression: isPushed ? 'gzip' : 'none'}),
	};
}

/**
Checks names that are pushed by digest: there is no tag to push.

@throws {RequestError} in the words of BuildKit
*/
export function checkWithoutTag(names: readonly string[]): void {
	const tagged = names.find(name => hasTag(name));
	if (tagged !== undefined) {
		throw new RequestError(`failed to solve: can't push tagged ref ${formatReference(parseReference(tagged))} by digest`, {hint: 'Leave the tag out.'});
	}
}

function checkDestination<Output extends ArchiveOutput | FilesOutput>(output: Output): Output {
	const {type, destination} = output;
	if (destination === '-') {
		if (process.stdout.isTTY) {
			throw new RequestError('dest file is required when standard output is a terminal', {hint: 'Add dest=FILE, or pipe the output into a file.'});
		}

		return output;
	}

	const stats = fs.statSync(destination, {throwIfNoEntry: false});
	if (stats !== undefined && stats.isDirectory() !== isDirectoryOutput(type)) {
		throw new RequestError(stats.isDirectory() ? `destination file ${destination} is a directory` : `destination directory ${destination} is a file`);
	}

	return output;
}

function isDirectoryOutput(type: OutputOption['type']): boolean {
	return type === 'local' || type === 'oci-directory';
}
