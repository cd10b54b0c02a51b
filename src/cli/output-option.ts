import fs from 'node:fs';
import process from 'node:process';
import type {OutputOption} from '../build.ts';
import {parseKeyValueRecord} from './csv.ts';
import {readImageAttributes} from './output-attributes.ts';
import {RequestError, UsageError} from './usage-error.ts';

/**
Reads one value of `-o`: `type=oci,dest=app.tar`, a bare path (a local directory), or `-` (a tar on standard output).

@returns `undefined` for an empty value and for `type=cacheonly`, which write nothing
*/
export function parseOutputOption(text: string): OutputOption | undefined {
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

	const attributes = new Map(fields.map(({key, value}) => [key, value!]));
	return fromAttributes(attributes);
}

function fromAttributes(attributes: ReadonlyMap<string, string>): OutputOption | undefined {
	const type = attributes.get('type') ?? 'local';
	const destination = attributes.get('dest');
	switch (type) {
		case 'local': {
			if (destination === undefined) {
				throw new RequestError('dest is required for local exporter');
			}

			return checkDestination({type, destination});
		}

		case 'tar': {
			return checkDestination({type, destination: destination ?? '-'});
		}

		case 'oci': {
			const isDirectory = attributes.get('tar') === 'false';
			if (isDirectory && destination === undefined) {
				throw new RequestError('dest is required for oci exporter with tar=false');
			}

			return checkDestination({type: isDirectory ? 'oci-directory' : 'oci', destination: destination ?? '-', ...readImageAttributes(attributes)});
		}

		case 'cacheonly': {
			return undefined;
		}

		case 'image':
		case 'registry':
		case 'docker': {
			throw new RequestError(`output type=${type} is not there yet`, {hint: 'The outputs are oci, tar, local and cacheonly; -t keeps the image in the local store.'});
		}

		default: {
			throw new RequestError(`failed to solve: exporter ${JSON.stringify(type)} could not be found`, {hint: 'The outputs are oci, tar, local and cacheonly.'});
		}
	}
}

function checkDestination<Output extends OutputOption>(output: Output): Output {
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
