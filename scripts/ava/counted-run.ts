import {appendFile, writeFile} from 'node:fs/promises';
import process from 'node:process';
import {inspect} from 'node:util';
import type {Event, ObservedRun} from 'ava/internal';
import manifest from '../../package.json' with {type: 'json'};

/** The results of a run, as `.ci/run` sums them up. */
export type Counts = {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
};

/** Names the file that takes the `Counts` of the run as JSON. */
export const countsFileVariable = 'TSBUILD_TEST_COUNTS';

/** Names the file that takes a text for each failure, so that `.ci/run` can tell them again at the end of its long output. */
export const failuresFileVariable = 'TSBUILD_TEST_FAILURES';

/** What a test logs first when it finds at run time that it lacks something, followed by the reason. */
export const skippedPrefix = 'skipped: ';

/** What a test logs first that has had other tests run elsewhere, followed by their `Counts` as JSON. They count as well. */
export const countsPrefix = 'counts: ';

/** The counts of several runs as one. */
export function sumCounts(results: readonly Counts[]): Counts {
	return {
		passed: results.reduce((total, {passed}) => total + passed, 0),
		failed: results.reduce((total, {failed}) => total + failed, 0),
		skipped: results.reduce((total, {skipped}) => total + skipped, 0),
	};
}

/**
An ava configuration for the given files that counts the results beside ava's own report.

The events of the run are the source, because in ava 7.0.0 the TAP reporter throws when a test file calls `process.exit()` or times out, which is when a count matters most.

@see https://github.com/avajs/ava/blob/v7.0.0/types/state-change-events.d.cts
*/
export function countedRun(files: readonly string[], timeout: string): Record<string, unknown> {
	return {
		...manifest.ava,
		files,
		timeout,
		nonSemVerExperiments: {observeRunsFromConfig: true},
		observeRun,
	};
}

async function observeRun({events}: ObservedRun): Promise<void> {
	let lacking = 0;
	let last: Counts = {passed: 0, failed: 0, skipped: 0};
	const elsewhere: Counts[] = [];
	for await (const event of events) {
		await appendFailure(event);
		if (event.type === 'stats') {
			last = countsOf(event.stats);
		} else if (event.type === 'test-passed' || event.type === 'test-failed') {
			const [firstLog = ''] = event.logs ?? [];
			lacking += event.type === 'test-passed' && firstLog.startsWith(skippedPrefix) ? 1 : 0;
			elsewhere.push(...readCounts(firstLog));
		}
	}

	const own: Counts = {passed: last.passed - lacking, failed: last.failed, skipped: last.skipped + lacking};
	await writeCounts(sumCounts([own, ...elsewhere]));
}

async function appendFailure(event: Event): Promise<void> {
	const file = process.env[failuresFileVariable];
	const failure = describeFailure(event);
	if (file !== undefined && failure !== undefined) {
		await appendFile(file, `${failure}\n`);
	}
}

// A worker that fails has no title. Hooks that fail are not among the events.
function describeFailure(event: Event): string | undefined {
	if (event.type === 'timeout') {
		return `no test ended for ${event.period} ms; these were under way: ${inspect(event.pendingTests)}`;
	}

	if (!('err' in event) || event.err === undefined) {
		return undefined;
	}

	const {message, stack, ...details} = event.err;
	const [title, file] = ['title' in event ? event.title : event.type, 'testFile' in event ? event.testFile : ''];
	const shown = inspect('formattedDetails' in details ? details.formattedDetails : details, {depth: 4, maxStringLength: 4000});
	return `${title} (${file})\n${message}\n${stack}\n${shown}`;
}

async function writeCounts(counts: Counts): Promise<void> {
	const file = process.env[countsFileVariable];
	if (file !== undefined) {
		await writeFile(file, JSON.stringify(counts));
	}
}

function readCounts(log: string): readonly Counts[] {
	return log.startsWith(countsPrefix) ? [JSON.parse(log.slice(countsPrefix.length)) as Counts] : [];
}

type Stats = Extract<Event, {type: 'stats'}>['stats'];

function countsOf(stats: Stats): Counts {
	return {
		passed: stats.passedTests + stats.passedKnownFailingTests,
		failed: stats.failedTests
			+ stats.failedHooks
			+ stats.remainingTests
			+ stats.internalErrors
			+ stats.uncaughtExceptions
			+ stats.unhandledRejections
			+ stats.timeouts,
		skipped: stats.skippedTests + stats.todoTests,
	};
}
