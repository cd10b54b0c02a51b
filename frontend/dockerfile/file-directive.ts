import {parseDirective} from './directives.ts';
import {DockerfileError} from './errors.ts';
import {PhysicalLines} from './physical-lines.ts';
import {trimTrailing} from './whitespace.ts';

/** A directive at the top of a file. */
export type FileDirective = {
	readonly value: string;
	/** From 1. */
	readonly line: number;
};

/**
Finds a directive before the file is parsed, among lines that begin with `comment`, without any blank before it. A first line with `#!` is passed over; what is no directive, or one that comes twice, ends the search.

@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/parser/directives.go (ParseDirective)
*/
export function findFileDirective(content: Uint8Array, name: string, comment: '#' | '//' = '#'): FileDirective | undefined {
	const lines = new PhysicalLines(content);
	const seen = new Set<string>();
	let directive = nextDirective(lines, comment);
	while (directive !== undefined && directive.name !== name && !seen.has(directive.name)) {
		seen.add(directive.name);
		directive = nextDirective(lines, comment);
	}

	return directive?.name === name ? {value: directive.value, line: lines.number} : undefined;
}

function nextDirective(lines: PhysicalLines, comment: string): ReturnType<typeof parseDirective> {
	let line = readLine(lines);
	if (lines.number === 1 && line?.startsWith('#!')) {
		line = readLine(lines);
	}

	return line?.startsWith(comment) ? parseDirective(`#${line.slice(comment.length)}`) : undefined;
}

/** What is wrong with a line is told when the file is parsed. */
function readLine(lines: PhysicalLines): string | undefined {
	try {
		const line = lines.read();
		return line === undefined ? undefined : trimTrailing(line, '\r\n');
	} catch (error) {
		if (error instanceof DockerfileError) {
			return undefined;
		}

		throw error;
	}
}
