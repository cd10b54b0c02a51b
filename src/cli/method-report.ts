import {stringifyAsGo} from '../kernel/go-json.ts';
import {formatAlignedTable} from './table.ts';

type Named = {readonly name: string; readonly description: string};

/** A method of `--call` in the form of BuildKit's `subrequests.Request`. */
type Method = {
	readonly name: string;
	readonly version: string;
	readonly type: 'rpc';
	readonly description: string;
	readonly opts: readonly Named[] | null;
	readonly inputs: readonly Named[] | null;
	readonly metadata: readonly Named[];
	readonly refs: readonly Named[] | null;
};

const prefix = 'frontend.';

// https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerui/requests.go
const methods: readonly Method[] = [
	method('outline', 'List all parameters current build target supports', [{name: 'target', description: 'Target build stage'}]),
	method('targets', 'List all targets current build supports', []),
	method('subrequests.describe', 'List available subrequest types', null),
];

/** The methods of `--call` that BuildKit tells of, as buildx prints them. */
export function formatMethodsText(): string {
	return formatAlignedTable([['NAME', 'VERSION', 'DESCRIPTION'], ...methods.map(({name, version, description}) => [name.slice(prefix.length), version, description])], 1);
}

/** The same as the JSON of buildx. */
export function formatMethodsJson(): string {
	return `${stringifyAsGo(methods, '  ')}\n`;
}

function method(name: string, description: string, options: readonly Named[] | null): Method {
	return {
		name: prefix + name,
		version: '1.0.0',
		type: 'rpc',
		description,
		opts: options,
		inputs: null,
		metadata: ['result.json', 'result.txt'].map(result => ({name: result, description: ''})),
		refs: null,
	};
}
