import {Buffer} from 'node:buffer';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent} from '../../src/kernel/progress-event.ts';
import type {ProgressDisplay} from '../../src/progress/display.ts';
import type {ManualClock} from './manual-clock.ts';

/** What BuildKit told at one moment of a recorded build. */
export type RecordedBatch = {
	/** Milliseconds since the epoch. */
	readonly time: number;
	readonly events: readonly ProgressEvent[];
	/** The line of the recording. */
	readonly line: string;
};

type Times = {readonly started?: string; readonly completed?: string};

// BuildKit's own form; https://github.com/moby/buildkit/blob/master/client/graph.go
type SolveStatus = {
	readonly vertexes?: ReadonlyArray<Times & {
		readonly digest: Digest;
		readonly name: string;
		readonly inputs?: readonly Digest[];
		readonly cached?: boolean;
		readonly error?: string;
	}>;
	readonly statuses?: ReadonlyArray<Times & {
		readonly id: string;
		readonly vertex: Digest;
		readonly current: number;
		readonly total?: number;
		readonly timestamp: string;
	}>;
	readonly logs?: ReadonlyArray<{readonly vertex: Digest; readonly stream: 1 | 2; readonly data: string; readonly timestamp: string}>;
	readonly warnings?: ReadonlyArray<{
		readonly vertex: Digest;
		readonly short: string;
		readonly detail: readonly string[];
		readonly url: string;
		readonly sourceInfo: {readonly filename: string};
		readonly range: ReadonlyArray<{readonly start: {readonly line: number}; readonly end: {readonly line: number}}>;
	}>;
};

const folder = path.join(import.meta.dirname, '../../fixtures/progress');

/** The events of `fixtures/progress/NAME`. */
export async function readRecordedEvents(name: string): Promise<readonly RecordedBatch[]> {
	const text = await readFile(path.join(folder, name, 'events.jsonl'), 'utf8');
	const batches: RecordedBatch[] = [];
	for (const line of text.trimEnd().split('\n')) {
		const events = readEvents(JSON.parse(line) as SolveStatus);
		batches.push({time: Math.max(batches.at(-1)?.time ?? 0, ...events.map(event => timeOf(event))), events, line});
	}

	return batches;
}

/** An expectation of `fixtures/progress/NAME`. */
export async function readRecordedText(name: string, file: string): Promise<string> {
	return readFile(path.join(folder, name, file), 'utf8');
}

/** Gives a display the events at the times at which they were recorded, until a time if there is one. */
export function replay(batches: readonly RecordedBatch[], {display, clock, until = Infinity}: {readonly display: ProgressDisplay; readonly clock: ManualClock; readonly until?: number}): void {
	const played = batches.filter(batch => batch.time <= until);
	for (const {time, events} of played) {
		clock.advanceTo(time);
		for (const event of events) {
			display.update(event);
		}
	}

	if (until !== Infinity) {
		clock.advanceTo(until);
	}
}

function readEvents({vertexes = [], statuses = [], logs = [], warnings = []}: SolveStatus): readonly ProgressEvent[] {
	return [
		...vertexes.map(({digest, name, inputs = [], started, completed, cached, error}) => ({
			type: 'vertex' as const,
			digest,
			name,
			inputs,
			...(started !== undefined && {started: readTime(started)}),
			...(completed !== undefined && {completed: readTime(completed)}),
			...(cached !== undefined && {cached}),
			...(error !== undefined && {error, canceled: error.endsWith('context canceled')}),
		})),
		...statuses.map(({id, vertex, current, total = 0, timestamp, started, completed}) => ({
			type: 'status' as const,
			id,
			vertex,
			current,
			total,
			timestamp: readTime(timestamp),
			...(started !== undefined && {started: readTime(started)}),
			...(completed !== undefined && {completed: readTime(completed)}),
		})),
		...warnings.map(({vertex, short, detail, url, sourceInfo, range}) => ({
			type: 'warning' as const,
			vertex,
			short: readText(short),
			detail: detail.map(text => readText(text)),
			url,
			file: sourceInfo.filename,
			lines: range.map(({start, end}) => ({start: start.line, end: end.line})),
		})),
		...logs.map(({vertex, stream, data, timestamp}) => ({
			type: 'log' as const,
			vertex,
			stream: stream === 1 ? 'stdout' as const : 'stderr' as const,
			data: Buffer.from(data, 'base64'),
			timestamp: readTime(timestamp),
		})),
	];
}

function timeOf(event: ProgressEvent): number {
	switch (event.type) {
		case 'vertex': {
			return event.completed ?? event.started ?? 0;
		}

		case 'status':
		case 'log': {
			return event.timestamp;
		}

		case 'explanation':
		case 'warning': {
			return 0;
		}
	}
}

/** Milliseconds with a fraction: nine digits of a second are more than `Date` reads. */
function readTime(text: string): number {
	const [whole = '', fraction = '0'] = text.replace('Z', '').split('.', 2);
	return Date.parse(`${whole}Z`) + (Number(fraction.padEnd(9, '0')) / 1e6);
}

function readText(data: string): string {
	return Buffer.from(data, 'base64').toString();
}
