import {parseGoBoolean} from '../kernel/go-boolean.ts';
import {parseCsvRecord} from './csv.ts';
import {UsageError} from './usage-error.ts';

/** What is asked about the Dockerfile instead of building it. */
export type CallOption = {
	/** `check`, `outline`, `targets` and others; whoever answers knows which. */
	readonly method: string;
	readonly isJson: boolean;
	/** Warnings are no failure. */
	readonly isStatusIgnored: boolean;
};

/**
Reads `--call method[,format=json][,ignorestatus=true]` and `--check`.

@returns `undefined` when the Dockerfile is to be built
@throws {UsageError}
*/
export function readCall(flags: {readonly call: string | undefined; readonly check: boolean | undefined}): CallOption | undefined {
	const text = flags.check ? 'check' : flags.call ?? '';
	if (text === '') {
		return undefined;
	}

	let method = '';
	let format = '';
	let isStatusIgnored = false;
	for (const field of parseCsvRecord(text)) {
		const [key, value] = splitField(field);
		if (value === undefined) {
			method = chooseMethod(method, field, text);
		} else if (key === 'format') {
			format = value;
		} else if (key === 'ignorestatus') {
			isStatusIgnored = readStatus(value);
		} else {
			throw new UsageError(`invalid print field: ${field}`);
		}
	}

	return method === 'build' ? undefined : {method, isJson: format === 'json', isStatusIgnored};
}

function splitField(field: string): readonly [string, string?] {
	const equals = field.indexOf('=');
	return equals === -1 ? [field] : [field.slice(0, equals), field.slice(equals + 1)];
}

function chooseMethod(previous: string, method: string, text: string): string {
	if (previous !== '') {
		throw new UsageError(`invalid print value: ${text}`);
	}

	return method;
}

function readStatus(value: string): boolean {
	const status = parseGoBoolean(value);
	if (status === undefined) {
		throw new UsageError(`invalid ignorestatus print value: ${value}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
	}

	return status;
}
