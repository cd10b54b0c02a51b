import {UsageError} from './usage-error.ts';

/**
One record of comma-separated fields with Go's quoting rules: a field in double quotes may hold commas, and `""` inside it is a quote.

@see https://pkg.go.dev/encoding/csv
*/
export function parseCsvRecord(text: string): readonly string[] {
	const fields: string[] = [];
	let position = 0;
	do {
		const {field, end} = text[position] === '"' ? readQuoted(text, position) : readBare(text, position);
		fields.push(field);
		position = end + 1;
	} while (position <= text.length);

	return fields;
}

/**
The fields as `key=value` pairs; keys in lower case, a field without `=` has no value.
*/
export function parseKeyValueRecord(text: string): ReadonlyArray<{readonly key: string; readonly value: string | undefined; readonly field: string}> {
	return parseCsvRecord(text).map(field => {
		const equals = field.indexOf('=');
		return equals === -1
			? {key: field.toLowerCase(), value: undefined, field}
			: {key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1), field};
	});
}

function readBare(text: string, start: number) {
	const comma = text.indexOf(',', start);
	const end = comma === -1 ? text.length : comma;
	const field = text.slice(start, end);
	if (field.includes('"')) {
		throw parseError(start + field.indexOf('"') + 1, 'bare " in non-quoted field');
	}

	return {field, end};
}

function readQuoted(text: string, start: number) {
	let field = '';
	let position = start + 1;
	for (;;) {
		const quote = text.indexOf('"', position);
		if (quote === -1) {
			throw parseError(text.length, 'extraneous or missing " in quoted-field');
		}

		field += text.slice(position, quote);
		position = quote + 1;
		if (text[position] !== '"') {
			break;
		}

		field += '"';
		position++;
	}

	if (position < text.length && text[position] !== ',') {
		throw parseError(position, 'extraneous or missing " in quoted-field');
	}

	return {field, end: position};
}

/** `column` counts from 1. */
function parseError(column: number, reason: string): UsageError {
	return new UsageError(`parse error on line 1, column ${column}: ${reason}`);
}
