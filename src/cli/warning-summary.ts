import type {WarningEvent} from '../kernel/progress-event.ts';

// "Select graphic rendition": yellow, and back. https://ecma-international.org/publications-and-standards/standards/ecma-48/ (8.3.117)
const escape = String.fromCodePoint(0x1B);
const yellow = `${escape}[33m`;
const reset = `${escape}[0m`;

/**
The warnings of a build once more at its end, in the words of buildx.

With `colors` its first line is yellow, which is for terminals only.

@returns an empty text when there are none
*/
export function formatWarnings(warnings: readonly WarningEvent[], {colors}: {readonly colors: boolean}): string {
	if (warnings.length === 0) {
		return '';
	}

	const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
	const title = `${count} found (use docker --debug to expand):\n`;
	const lines = warnings.map(({short}) => ` - ${short}\n`);
	return `\n ${colors ? `${yellow}${title}${reset}` : title}${lines.join('')}`;
}
