import {Buffer} from 'node:buffer';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent, VertexEvent} from '../../src/kernel/progress-event.ts';
import {PlainDisplay, type PlainOptions} from '../../src/progress/plain.ts';
import {ManualClock} from './manual-clock.ts';

/** When the steps of the tests begin, in milliseconds. */
export const start = 1_700_000_000_000;
/** The digests of the steps a and b. */
export const plainDigests = {a: digestOf('a'), b: digestOf('b')};

/** A step with its state. */
export function vertex(name: keyof typeof plainDigests, state: Pick<VertexEvent, 'started' | 'completed' | 'cached' | 'error' | 'canceled'>): ProgressEvent {
	return {
		type: 'vertex', digest: plainDigests[name], name: `[${name}] RUN ${name}`, inputs: [], ...state,
	};
}

/** Output of a step, some milliseconds after its beginning. */
export function log(digest: Digest, text: string | Uint8Array, after: number): ProgressEvent {
	return {
		type: 'log', vertex: digest, stream: 'stdout', data: Buffer.from(text), timestamp: start + after,
	};
}

/** A display, its time, and what it has written so far. */
export type OpenedDisplay = {
	readonly display: PlainDisplay;
	readonly clock: ManualClock;
	readonly output: () => string;
	readonly writes: readonly string[];
};

/** Opens a display whose time stands still. */
export function openPlain(options: Partial<PlainOptions> = {}, time = start): OpenedDisplay {
	const writes: string[] = [];
	const clock = new ManualClock(time);
	const display = new PlainDisplay({
		write(text) {
			writes.push(text);
		},
		clock,
		colors: true,
		...options,
	});
	return {
		display,
		clock,
		output: () => writes.join(''),
		writes,
	};
}

/** The output of events that come at once. */
export function render(events: readonly ProgressEvent[], options: Partial<PlainOptions> = {}): string {
	const {display, output} = openPlain(options);
	for (const event of events) {
		display.update(event);
	}

	display.finish();
	return output();
}

/** The lines of one step's output, without numbers. */
export function renderLog(...chunks: ReadonlyArray<string | Uint8Array>): readonly string[] {
	const output = render([
		vertex('a', {started: start}),
		...chunks.map(chunk => log(plainDigests.a, chunk, 0)),
		vertex('a', {started: start, completed: start}),
	]);
	return output.split('\n').slice(1, -2).map(line => line.replace('#1 0.000 ', ''));
}
