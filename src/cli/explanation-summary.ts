import type {ExecutionReason, FileAspect, FileChange} from '../kernel/execution-reason.ts';
import type {ExplanationEvent} from '../kernel/progress-event.ts';
import {cleanLine} from '../progress/clean-text.ts';

// UTF-16 units. Enough to know a value by, and two of them still stand in a line.
const longestValue = 60;

// Of what two values have in common.
const shownBefore = 20;

/**
What a build says at its end of the steps that it executed, for `--explain`: each with the reasons below it, one in a line.

@see docs/explain.md
*/
export function formatExplanations(explanations: readonly ExplanationEvent[]): string {
	if (explanations.length === 0) {
		return '\n No step was executed: all that was needed was found in the cache.\n';
	}

	const title = explanations.length === 1 ? '1 step was executed:' : `${explanations.length} steps were executed:`;
	const steps = explanations.map(({name, reasons}) => [` - ${oneLine(name)}`, ...reasons.flatMap(reason => describe(reason)).map(line => `     ${line}`)]);
	return `\n ${title}\n${steps.flat().map(line => `${cleanLine(line)}\n`).join('')}`;
}

/** The lines of one reason. */
function describe(reason: ExecutionReason): readonly string[] {
	switch (reason.kind) {
		case 'cache-ignored': {
			return ['the cache is ignored, as --no-cache or --no-cache-filter wants it'];
		}

		case 'result-lost': {
			return ['its earlier result has been removed from the store'];
		}

		case 'uncacheable': {
			return ['the result of such a step is never kept'];
		}

		case 'first': {
			return ['there is no earlier result of this step'];
		}

		case 'no-difference': {
			return ['no earlier result of it was kept, and nothing that is known of it has changed'];
		}

		case 'input-executed': {
			return [`it builds on ${oneLine(reason.step)}, which was executed`];
		}

		case 'input-changed': {
			return [describeInput(reason)];
		}

		case 'part': {
			return [describePart(reason)];
		}

		case 'files': {
			return describeFiles(reason);
		}
	}
}

function describeInput({before, after}: ExecutionReason & {readonly kind: 'input-changed'}): string {
	return before === after ? `it builds on another result of ${oneLine(after)} than before` : `it builds on ${oneLine(after)}, before on ${oneLine(before)}`;
}

function describePart({part, change, before, after}: ExecutionReason & {readonly kind: 'part'}): string {
	const value = change === 'removed' ? before : after;
	if (change !== 'changed') {
		return `${part} ${change}${value === undefined || value === '' ? '' : `: ${quote(value)}`}`;
	}

	return before === undefined || after === undefined ? `${part} changed` : `${part}: ${quoteBoth(before, after)}`;
}

function describeFiles({step, files, others}: ExecutionReason & {readonly kind: 'files'}): readonly string[] {
	const indent = step === undefined ? '' : '  ';
	const lines = files.map(file => `${indent}${oneLine(file.path)}: ${describeFile(file)}`);
	const title = step === undefined ? [] : [`files of ${oneLine(step)}:`];
	const rest = others === 0 ? [] : [`${indent}and ${others} ${others === 1 ? 'other' : 'others'}`];
	return files.length === 0 ? [`other files ${step === undefined ? 'of the build context' : `of ${oneLine(step)}`} than before`] : [...title, ...lines, ...rest];
}

function describeFile({change, aspects}: FileChange): string {
	return change === 'changed' ? aspects.map(aspect => describeAspect(aspect)).join(', ') : change;
}

function describeAspect({aspect, before, after}: FileAspect): string {
	return before === undefined || after === undefined ? `${aspect} changed` : `${aspect} ${before} → ${after}`;
}

/** Of long values the beginning is left out that they have in common: else the difference might not be seen. */
function quoteBoth(before: string, after: string): string {
	const longest = Math.max(before.length, after.length);
	let common = 0;
	while (common < longest && before[common] === after[common]) {
		common++;
	}

	const start = longest > longestValue ? Math.max(0, common - shownBefore) : 0;
	return [before, after].map(value => quote(start === 0 ? value : `…${value.slice(start)}`)).join(' → ');
}

function quote(value: string): string {
	const line = oneLine(value);
	return line.length > longestValue ? `"${line.slice(0, longestValue)}…"` : `"${line}"`;
}

/** Instructions and paths may have several lines. */
function oneLine(text: string): string {
	return text.replaceAll('\n', String.raw`\n`);
}
