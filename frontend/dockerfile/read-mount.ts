import {suggestion} from '../../src/kernel/suggestion.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';

const mountTypes = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const sharingModes = ['shared', 'private', 'locked'] as const;

export type MountType = typeof mountTypes[number];

/** The value of a `--mount` flag. What was not given is missing. */
export type RunMount = {
	readonly type: MountType;
	readonly isReadOnly: boolean;
	readonly from?: string;
	readonly source?: string;
	readonly target?: string;
	readonly id?: string;
	readonly sharing?: typeof sharingModes[number];
	/** Name of the variable that holds a secret. */
	readonly environmentName?: string;
	readonly isRequired?: boolean;
	/** Bytes. */
	readonly size?: number;
	/** Permission bits. */
	readonly mode?: number;
	readonly uid?: number;
	readonly gid?: number;
};

type Field = {readonly key: string; readonly value: string; readonly text: string; readonly mount: Partial<RunMount>};

const keys = ['type', 'from', 'source', 'target', 'readonly', 'id', 'sharing', 'required', 'size', 'mode', 'uid', 'gid', 'src', 'dst', 'destination', 'ro', 'rw', 'readwrite', 'env'];

// Sizes as Docker reads them. https://pkg.go.dev/github.com/docker/go-units#RAMInBytes
const sizeUnits = ['', 'k', 'm', 'g', 't', 'p'];

/**
Reads the value of a `--mount` flag; `expand` resolves the variables of its parts, but for `from`, which must be known before any variable is.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
@see https://docs.docker.com/reference/dockerfile/#run---mount
*/
export function readMount(text: string, expand: (value: string) => string): RunMount {
	let mount: Partial<RunMount> = {};
	for (const field of splitFields(text)) {
		const separator = field.indexOf('=');
		const key = (separator === -1 ? field : field.slice(0, separator)).toLowerCase();
		mount = {
			...mount, ...(separator === -1
				? readBareKey(key, field, mount)
				: readField({
					key, value: key === 'from' ? field.slice(separator + 1) : expand(field.slice(separator + 1)), text: field, mount,
				})),
		};
	}

	return checkMount(mount);
}

/**
What the value of a `--mount` flag takes files from: the last `from`, or nothing.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for a variable in it
*/
export function readMountSources(text: string): readonly string[] {
	const fields = splitFields(text).map(field => /^(?<key>[^=]+)=(?<value>.*)$/sv.exec(field)?.groups ?? {});
	const valueOf = (name: string) => fields.findLast(({key}) => key?.toLowerCase() === name)?.value ?? '';
	const from = valueOf('from');
	if (/\$./v.test(from)) {
		throw invalid('\'from\' doesn\'t support variable expansion, define alias stage instead');
	}

	return from === '' || valueOf('type').toLowerCase() === 'tmpfs' ? [] : [from];
}

function readBareKey(key: string, text: string, mount: Partial<RunMount>): Partial<RunMount> {
	switch (key) {
		case 'ro':
		case 'readonly': {
			return {isReadOnly: true};
		}

		case 'rw':
		case 'readwrite': {
			return {isReadOnly: false};
		}

		case 'required': {
			return {isRequired: requireType(key, mount, ['secret', 'ssh'])};
		}

		default: {
			throw invalid(`invalid field '${text}' must be a key=value pair`);
		}
	}
}

function readField(field: Field): Partial<RunMount> {
	const {key, value, text, mount} = field;
	switch (key) {
		case 'type': {
			return {type: readChoice(value, mountTypes, 'unsupported mount type')};
		}

		case 'from': {
			return {from: value};
		}

		case 'src':
		case 'source': {
			return {source: value};
		}

		case 'dst':
		case 'destination':
		case 'target': {
			return {target: value};
		}

		case 'ro':
		case 'readonly': {
			return {isReadOnly: readBoolean(field)};
		}

		case 'rw':
		case 'readwrite': {
			return {isReadOnly: !readBoolean(field)};
		}

		case 'required': {
			return {isRequired: readRequired(field)};
		}

		case 'size': {
			requireType(key, mount, ['tmpfs']);
			return {size: readSize(field)};
		}

		case 'id': {
			return {id: value};
		}

		case 'env': {
			return {environmentName: value};
		}

		case 'sharing': {
			return {sharing: readChoice(value, sharingModes, 'unsupported sharing value')};
		}

		case 'mode': {
			return {mode: readNumber(field, 8)};
		}

		case 'uid':
		case 'gid': {
			return {[key]: readNumber(field, 10)};
		}

		default: {
			throw invalid(`unexpected key '${key}' in '${text}'${suggestion(key, keys)}`);
		}
	}
}

function checkMount({type = 'bind', isReadOnly, ...mount}: Partial<RunMount>): RunMount {
	const isWritable = type === 'cache' || type === 'tmpfs';
	const ownable = type === 'bind' || type === 'tmpfs' ? (['mode', 'uid', 'gid'] as const) : [];
	for (const key of ownable) {
		if (mount[key] !== undefined) {
			throw invalid(`${key} not allowed for ${quoteGoString(type)} type mounts`);
		}
	}

	if (type === 'secret') {
		checkSecret(mount);
	}

	if (type !== 'cache' && mount.sharing !== undefined) {
		throw invalid(`invalid cache sharing set for ${type} mount`);
	}

	return {type, isReadOnly: isReadOnly ?? !isWritable, ...mount};
}

function checkSecret({from = '', sharing, source = '', target = '', id = ''}: Partial<RunMount>): void {
	if (from !== '') {
		throw invalid('secret mount should not have a from');
	}

	if (sharing !== undefined) {
		throw invalid('secret mount should not define sharing');
	}

	if (source === '' && target === '' && id === '') {
		throw invalid('invalid secret mount. one of source, target required');
	}

	if (source !== '' && id !== '') {
		throw invalid('both source and id can\'t be set');
	}
}

function readRequired(field: Field): boolean {
	requireType(field.key, field.mount, ['secret', 'ssh']);
	return readBoolean(field);
}

function requireType(key: string, {type = 'bind'}: Partial<RunMount>, types: readonly MountType[]): true {
	if (!types.includes(type)) {
		throw invalid(`unexpected key '${key}' for mount type '${type}'`);
	}

	return true;
}

function readChoice<const Choice extends string>(value: string, choices: readonly Choice[], complaint: string): Choice {
	const choice = choices.find(candidate => candidate === value.toLowerCase());
	if (choice === undefined) {
		throw invalid(`${complaint} ${quoteGoString(value)}${suggestion(value, choices)}`);
	}

	return choice;
}

// https://pkg.go.dev/strconv#ParseBool
function readBoolean({key, value}: Field): boolean {
	if (!/^(?:[01FTft]|true|TRUE|True|false|FALSE|False)$/v.test(value)) {
		throw invalid(`invalid value for ${key}: ${value}`);
	}

	return /^[1t]/iv.test(value);
}

function readNumber({key, value}: Field, radix: 8 | 10): number {
	const number = (radix === 8 ? /^[0-7]+$/v : /^\d+$/v).test(value) ? Number.parseInt(value, radix) : NaN;
	if (!(number < 2 ** 32)) {
		throw invalid(`invalid value ${value} for ${key}`);
	}

	return number;
}

function readSize({key, value}: Field): number {
	const {amount, unit = ''} = /^(?<amount>\d+(?:\.\d+)?) ?(?<unit>[gkmpt])?i?b?$/iv.exec(value)?.groups ?? {};
	if (amount === undefined) {
		throw invalid(`invalid value for ${key}: ${value}`);
	}

	return Math.trunc(Number(amount) * (1024 ** sizeUnits.indexOf(unit.toLowerCase())));
}

// Fields of comma-separated values; a field may stand in double quotes. https://www.rfc-editor.org/rfc/rfc4180
function splitFields(text: string): readonly string[] {
	const fields: string[] = [];
	let start = 0;
	while (start <= text.length) {
		const isQuoted = text[start] === '"';
		const end = isQuoted ? endOfQuoted(text, start + 1) : text.indexOf(',', start);
		const stop = end === -1 ? text.length : end;
		fields.push(isQuoted ? text.slice(start + 1, stop - 1).replaceAll('""', '"') : text.slice(start, stop));
		start = stop + 1;
	}

	return fields;
}

function endOfQuoted(text: string, start: number): number {
	let position = text.indexOf('"', start);
	while (position !== -1 && text[position + 1] === '"') {
		position = text.indexOf('"', position + 2);
	}

	if (position === -1 || (position + 1 < text.length && text[position + 1] !== ',')) {
		throw invalid('failed to parse csv mounts: extraneous or missing " in quoted-field');
	}

	return position + 1;
}

function invalid(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', message);
}
