import {UsageError} from './usage-error.ts';

/**
The value of `--format`: one of `formats`, the first without the flag.

@throws {UsageError} for anything else, such as a Go template
*/
export function readFormat<const Format extends string>(value: string | undefined, formats: readonly [Format, ...Format[]]): Format {
	const format = value === undefined || value === '' ? formats[0] : formats.find(name => name === value);
	if (format === undefined) {
		const kind = value!.includes('{{') ? 'Go templates are not supported' : 'it is not known';
		throw new UsageError(`invalid argument ${JSON.stringify(value)} for "--format" flag: ${kind}`, {hint: `Give ${formats.join(' or ')}.`});
	}

	return format;
}

/** Values as JSON, each on a line of its own. */
export function formatJsonLines(values: readonly unknown[]): string {
	return values.map(value => `${JSON.stringify(value)}\n`).join('');
}
