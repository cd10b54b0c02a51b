import {formatTable} from './table.ts';
import {UsageError} from './usage-error.ts';

/** A template of Go, as far as it names fields: `{{.ID}} {{.Size}}`, also as a table. */
export type FieldTemplate = {
	readonly isTable: boolean;
	/** Text and fields in turn; each is a cell of a table where a tab ends it. */
	readonly parts: readonly TemplatePart[];
};

type TemplatePart =
	| {readonly kind: 'text'; readonly text: string}
	| {readonly kind: 'field'; readonly field: string}
	| {readonly kind: 'json'};

type Row = Readonly<Record<string, string | number | boolean | readonly string[] | null>>;

const action = /\{\{(?<code>[^\{\}]*)\}\}/gv;

/**
Reads a template with `{{.Field}}` and `{{json .}}`, and with `table ` in front for columns parted by `\\t`.

@returns `undefined` when it is no template
@throws {UsageError} for what else Go's templates can do
@see https://docs.docker.com/engine/cli/formatting/
*/
export function parseFieldTemplate(text: string | undefined): FieldTemplate | undefined {
	if (text?.includes('{{') !== true) {
		return undefined;
	}

	const isTable = text.startsWith('table ');
	const source = (isTable ? text.slice('table '.length) : text).replaceAll(String.raw`\t`, '\t').replaceAll(String.raw`\n`, '\n');
	const parts: TemplatePart[] = [];
	let end = 0;
	for (const match of source.matchAll(action)) {
		parts.push({kind: 'text', text: source.slice(end, match.index)}, readAction(match.groups!.code!.trim(), text));
		end = match.index + match[0].length;
	}

	return {isTable, parts: [...parts, {kind: 'text', text: source.slice(end)}]};
}

function readAction(code: string, template: string): TemplatePart {
	const {field} = /^\.(?<field>[A-Za-z]+)$/v.exec(code)?.groups ?? {};
	if (field !== undefined) {
		return {kind: 'field', field};
	}

	if (/^json +\.$/v.test(code)) {
		return {kind: 'json'};
	}

	const reason = `${JSON.stringify(code)} is not supported in a template`;
	throw new UsageError(`invalid argument ${JSON.stringify(template)} for "--format" flag: ${reason}`, {hint: 'Fields such as {{.ID}} and {{json .}} are.'});
}

/**
Fills a template for each row.

@throws {UsageError} for a field that the rows do not have
*/
export function formatWithTemplate({isTable, parts}: FieldTemplate, rows: readonly Row[]): string {
	const lines = rows.map(row => parts.map(part => fill(part, row)).join(''));
	const header = parts.map(part => (part.kind === 'field' ? headerOf(part.field) : (part.kind === 'text' ? part.text : ''))).join('');
	return isTable
		? formatTable([header, ...lines].map(line => line.split('\t')))
		: lines.map(line => `${line}\n`).join('');
}

function fill(part: TemplatePart, row: Row): string {
	switch (part.kind) {
		case 'text': {
			return part.text;
		}

		case 'json': {
			return JSON.stringify(row);
		}

		case 'field': {
			return formatValue(part.field, row);
		}
	}
}

function formatValue(field: string, row: Row): string {
	if (!Object.hasOwn(row, field)) {
		throw new UsageError(`template: can't evaluate field ${field}`, {hint: `The fields are ${Object.keys(row).join(', ')}.`});
	}

	const value = row[field];
	return value === null || Array.isArray(value) ? `[${(value ?? []).join(' ')}]` : String(value);
}

/** `LastUsedAt` becomes `LAST ACCESSED`, as in the table; of others, the words. */
function headerOf(field: string): string {
	return field === 'LastUsedAt' ? 'LAST ACCESSED' : field.replaceAll(/(?<=[a-z])(?=[A-Z])/gv, ' ').toUpperCase();
}
