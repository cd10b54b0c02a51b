import {stripVTControlCharacters} from 'node:util';

/** Plain progress in a form in which a recorded build and ours can be compared. */
export type ComparableOutput = {
	/** The lines of each step, the first of them its name; sorted, because steps that run at once come in any order. */
	readonly steps: ReadonlyArray<readonly string[]>;
	/** Whatever belongs to no step: excerpts, errors, warnings. Without empty lines. */
	readonly others: readonly string[];
};

// What one of the two prints and the other does not: the daemon, an image that would get lost in it, the network of the host, and what our hints say.
const ownLines = /^(?:#0 building with .*|WARNING: No output specified with remote driver\..*|WARNING: RUN steps use the network of the host.*)$/v;

/**
Masks what differs from run to run, and brings the lines of each step together.

`isAlone` says that the recorded build had the daemon to itself. Otherwise, what other builds did shows in it: base images and steps that were there already.
*/
export function comparableOutput(text: string, {isAlone}: {readonly isAlone: boolean}): ComparableOutput {
	const steps = new Map<string, string[]>();
	const others: string[] = [];
	const lines = mask(text).split('\n').filter(line => line !== '' && !ownLines.test(line));
	for (const line of lines) {
		const {number, content = ''} = /^#(?<number>\d+) (?<content>.*)$/v.exec(line)?.groups ?? {};
		if (number === undefined) {
			others.push(line);
		} else {
			addLine(steps, number, content);
		}
	}

	const hasFailed = others.some(line => line.startsWith('ERROR: '));
	return {
		steps: steps.values()
			.filter(([name = '']) => !isBase(name) || (!hasFailed && isAlone))
			.map(([name = '', ...content]) => simplify(name, content, isAlone))
			.toArray()
			.toSorted((left, right) => compare(left.join('\n'), right.join('\n'))),
		others: sortWarnings(others),
	};
}

/** The warnings at the end stand in any order: buildx collects them as they come in. */
function sortWarnings(lines: readonly string[]): readonly string[] {
	const title = lines.findIndex(line => /^ \d+ warnings? found/v.test(line));
	if (title === -1) {
		return lines;
	}

	// With `--debug` a warning is a block of lines, and nothing follows them.
	const isOneLine = !lines[title]!.endsWith('found:');
	const end = lines.findIndex((line, index) => index > title && isOneLine && !line.startsWith(' - '));
	const warnings = lines.slice(title + 1, end === -1 ? undefined : end).join('\n').split(/\n(?= - )/v).toSorted();
	return [...lines.slice(0, title + 1), ...warnings, ...(end === -1 ? [] : lines.slice(end))];
}

/** Our hint stands below the error; BuildKit has none. */
export function withoutHint(others: readonly string[]): readonly string[] {
	const last = others.findLastIndex(line => line.startsWith('ERROR: '));
	return last !== -1 && last + 2 === others.length ? others.slice(0, -1) : others;
}

function mask(text: string): string {
	return stripVTControlCharacters(text)
		.replaceAll(/sha256:[\da-f]{64}/gv, 'sha256:DIGEST')
		.replaceAll(/\bref (?:[\da-z]+::[\da-z]+|snapshot-[^\s:]+|context|scratch)(?=[\s:])/gv, 'ref REF')
		.replaceAll(/^(?<step>#\d+ )?\d+\.\d{1,3} /gmv, '$<step>TIME ')
		.replaceAll(/^(?<step>#\d+ DONE) \d+\.\ds$/gmv, '$<step>')
		.replaceAll(/^(?<status>#\d+ .*) \d+\.\ds(?<done> done)?$/gmv, '$<status>$<done>')
		// What started the process tells why it could not.
		.replaceAll('TIME runc run failed: ', 'TIME ')
		// A line of `ls -l`: its date, and columns as wide as the program likes.
		.replaceAll(/(?<mode>TIME [\-dl][\-STrtwx]{9}) +\d+ +(?<user>\S+) +(?<group>\S+) +(?<size>\d+) \w+ +\d+ +[\d:]+ /gv, '$<mode> $<user> $<group> $<size> DATE ');
}

/** A step that was interrupted by others has its name again. */
function addLine(steps: Map<string, string[]>, number: string, content: string): void {
	const lines = steps.get(number) ?? [];
	steps.set(number, lines);
	if (!['...', lines[0]].includes(content)) {
		lines.push(content);
	}
}

function isBase(name: string): boolean {
	return /^(?:\[[^\]]*\] )?FROM /v.test(name);
}

const amount = / [\d.]+[GMTk]?B(?: \/ [\d.]+[GMTk]?B)?$/v;

function simplify(name: string, lines: readonly string[], isAlone: boolean): readonly string[] {
	if (isBase(name)) {
		// Stages with the same base share the step, under the name of any of them.
		return [name.replace(/^\[[^\]]*\] /v, '')];
	}

	// A slow machine shows in between how much is done.
	const finished = lines.filter(line => !lines.includes(`${line.replace(amount, '')} done`) && !(line.endsWith(':') && lines.some(other => other.startsWith(`${line} `))));
	const isDoneShown = isAlone && !name.startsWith('[internal]');
	return [name, ...finished.filter(line => isDoneShown || line !== 'DONE')];
}

function compare(left: string, right: string): number {
	return left < right ? -1 : Number(left > right);
}
