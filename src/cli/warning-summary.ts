import type {WarningEvent} from '../kernel/progress-event.ts';
import {cleanLine} from '../progress/clean-text.ts';
import {formatSourceExcerpt} from './source-excerpt.ts';

// "Select graphic rendition": yellow, and back. https://ecma-international.org/publications-and-standards/standards/ecma-48/ (8.3.117)
const escape = String.fromCodePoint(0x1B);
const yellow = `${escape}[33m`;
const reset = `${escape}[0m`;

/** How warnings are shown. */
export type WarningSummaryOptions = {
	/** The first line is yellow, which is for terminals only. */
	readonly colors: boolean;
	/** Each with its explanation and the lines that it is about. */
	readonly isDetailed?: boolean;
};

/**
The warnings of a build once more at its end, in the words of buildx.

@returns an empty text when there are none
@see https://github.com/docker/buildx/blob/v0.30.0/commands/build.go (printWarnings)
*/
export function formatWarnings(warnings: readonly WarningEvent[], {colors, isDetailed = false}: WarningSummaryOptions): string {
	if (warnings.length === 0) {
		return '';
	}

	const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
	const title = `${count} found${isDetailed ? '' : ' (use docker --debug to expand)'}:\n`;
	const lines = warnings.map(warning => ` - ${warning.short}\n${isDetailed ? formatDetails(warning) : ''}`);
	return `\n ${colors ? `${yellow}${title}${reset}` : title}${lines.join('')}`;
}

function formatDetails({detail, url, file, content, lines = []}: WarningEvent): string {
	const [range] = lines;
	const more = url === undefined ? '' : `More info: ${url}\n`;
	const excerpt = file === undefined || content === undefined || range === undefined
		? ''
		: formatSourceExcerpt({file, startLine: range.start, endLine: range.end}, new TextDecoder('utf-8', {ignoreBOM: true}).decode(content));
	const text = `${detail.join('\n')}\n${more}${excerpt}\n`;
	return text.split('\n').map(line => cleanLine(line)).join('\n');
}
