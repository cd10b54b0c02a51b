import path from 'node:path';
import type {SecretSource} from '../context/secrets.ts';
import type {Environment} from './command.ts';
import {parseKeyValueRecord} from './csv.ts';
import {RequestError, UsageError} from './usage-error.ts';

type SecretFields = {
	readonly type?: string;
	readonly id?: string;
	readonly file?: string;
	readonly variable?: string;
};

/**
The secrets that `--secret` flags name, by their ids. Of equal ids the last counts.

@throws {UsageError} for a value that cannot be understood
@throws {RequestError} without an id
@see https://docs.docker.com/reference/cli/docker/buildx/build/#secret
*/
export function readSecretOptions(texts: readonly string[], environment: Environment): ReadonlyMap<string, SecretSource> {
	const secrets = texts.map(text => readFields(text));
	return new Map(secrets.map(fields => {
		const {id = ''} = fields;
		if (id === '') {
			throw new RequestError('secret missing ID');
		}

		return [id, sourceOf(id, fields, environment)];
	}));
}

function readFields(text: string): SecretFields {
	let fields: SecretFields = {};
	for (const {key, value, field} of parseKeyValueRecord(text)) {
		if (value === undefined) {
			throw new UsageError(`invalid field '${field}' must be a key=value pair`);
		}

		fields = {...fields, ...readField(key, value, field)};
	}

	return fields;
}

function readField(key: string, value: string, field: string): SecretFields {
	switch (key) {
		case 'type': {
			if (value !== 'file' && value !== 'env') {
				throw new UsageError(`unsupported secret type ${JSON.stringify(value)}`);
			}

			return {type: value};
		}

		case 'id': {
			return {id: value};
		}

		case 'source':
		case 'src': {
			return {file: value};
		}

		case 'env': {
			return {variable: value};
		}

		default: {
			throw new UsageError(`unexpected key '${key}' in '${field}'`);
		}
	}
}

/** Without a place, a variable of that name counts, else a file. */
function sourceOf(id: string, {type, file = '', variable = ''}: SecretFields, environment: Environment): SecretSource {
	const isVariable = type === 'env' && variable === '';
	const name = isVariable ? file : variable;
	if (name !== '') {
		return {type: 'variable', value: environment[name] ?? ''};
	}

	const place = isVariable ? '' : file;
	const value = environment[id];
	return place === '' && value !== undefined ? {type: 'variable', value} : {type: 'file', path: path.resolve(place === '' ? id : place)};
}
