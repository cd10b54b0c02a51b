import {Buffer} from 'node:buffer';
import type {CheckWarning} from '../../frontend/dockerfile/check-warning.ts';
import type {CheckResult} from '../build/call.ts';
import type {BuildFile} from '../context/build-files.ts';
import {stringifyAsGo} from '../kernel/go-json.ts';
import type {SourceLocation} from '../kernel/source-location.ts';
import {cleanLine} from '../progress/clean-text.ts';
import {formatSourceExcerpt} from './source-excerpt.ts';

/** A file that excerpts are made of. */
export type ReportSource = {
	/** As it stands in front of an excerpt. */
	readonly path: string;
	readonly content: Uint8Array;
};

/**
What checks found, as buildx prints it: their number, then each with an excerpt, in the order of the file.

@see https://github.com/moby/buildkit/blob/v0.32.2/frontend/subrequests/lint/lint.go
*/
export function formatCheckText({warnings, problem}: CheckResult, source: ReportSource): string {
	if (warnings.length === 0) {
		return problem === undefined ? 'Check complete, no warnings found.\n' : '';
	}

	const count = warnings.length === 1 ? '1 warning has' : `${warnings.length} warnings have`;
	const blocks = warnings
		.toSorted((left, right) => left.location.startLine - right.location.startLine)
		.map(({ruleName, url, detail, location}) => `\nWARNING: ${ruleName}${url === undefined ? '' : ` - ${url}`}\n${detail}\n${excerpt(location, source)}`);
	return clean(`Check complete, ${count} been found!\n${blocks.join('')}${problem === undefined ? '' : '\n'}`);
}

/** Why the file cannot be built, as buildx prints it behind what checks found. */
export function formatCheckProblem({message, locations}: NonNullable<CheckResult['problem']>, source: ReportSource): string {
	return clean(`ERROR: ${message}\n${locations.map(location => excerpt(location, source)).join('')}\n`);
}

/** What checks found, as the JSON of buildx; without the `definition` of the source, which is BuildKit's own. */
export function formatCheckJson({warnings, problem}: CheckResult, {name, content}: BuildFile): string {
	const report = {
		warnings: warnings.length === 0 ? null : warnings.map(warning => warningJson(warning)),
		sources: [{filename: name, data: Buffer.from(content).toString('base64'), language: 'Dockerfile'}],
		buildError: problem && {message: problem.message, location: locationJson(problem.locations)},
	};
	return `${stringifyAsGo(report, '  ')}\n`;
}

function warningJson({ruleName, description, url, detail, location}: CheckWarning): unknown {
	return {
		ruleName, description, url, detail, location: locationJson([location]),
	};
}

/** Lines in the form of BuildKit's `pb.Location`: each is a range of its own. */
export function locationJson(locations: readonly SourceLocation[]): unknown {
	const lines = new Set(locations.flatMap(({startLine, endLine}) => Array.from({length: endLine - startLine + 1}, (_, index) => startLine + index)));
	const ranges = [...lines].toSorted((left, right) => left - right).map(line => ({start: {line}, end: {line}}));
	return ranges.length === 0 ? {} : {ranges};
}

function excerpt(location: SourceLocation, {path, content}: ReportSource): string {
	return formatSourceExcerpt({...location, file: path}, new TextDecoder('utf-8', {ignoreBOM: true}).decode(content));
}

/** The Dockerfile is not to be trusted with the user's terminal. */
function clean(text: string): string {
	return text.split('\n').map(line => cleanLine(line)).join('\n');
}
