import type {WarningEvent} from '../kernel/progress-event.ts';

/**
The warnings of a build once more at its end.

@returns an empty text when there are none
*/
export function formatWarnings(warnings: readonly WarningEvent[]): string {
	if (warnings.length === 0) {
		return '';
	}

	const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
	const lines = warnings.map(({short}) => ` - ${short}\n`);
	return `\n ${count} found:\n${lines.join('')}`;
}
