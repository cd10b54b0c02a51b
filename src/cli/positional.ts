import {UsageError} from './usage-error.ts';

/** How many arguments a command takes, and the words for it. */
export type ArgumentCount = {
	readonly minimum: number;
	/** Any number when left out. */
	readonly maximum?: number;
	/** Of the command: `tsbuild tag SOURCE TARGET`. */
	readonly usage: string;
};

/**
Checks the number of a command's arguments.

@throws {UsageError} in the words of docker
*/
export function checkArgumentCount(positional: readonly string[], {minimum, maximum = Infinity, usage}: ArgumentCount): void {
	if (positional.length >= minimum && positional.length <= maximum) {
		return;
	}

	const command = usage.split(' ', 2).join(' ');
	throw new UsageError(`'${command}' ${describeCount(minimum, maximum)}`, {
		hint: `\nUsage:  ${usage}\n\nRun '${command} --help' for more information`,
	});
}

function describeCount(minimum: number, maximum: number): string {
	if (maximum === 0) {
		return 'accepts no arguments';
	}

	const noun = (count: number) => `${count} argument${count === 1 ? '' : 's'}`;
	if (minimum === maximum) {
		return `requires ${noun(minimum)}`;
	}

	return maximum === Infinity ? `requires at least ${noun(minimum)}` : `requires at most ${noun(maximum)}`;
}
