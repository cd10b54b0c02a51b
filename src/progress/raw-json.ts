import {Buffer} from 'node:buffer';
import {stringifyAsGo} from '../kernel/go-json.ts';
import type {
	LogEvent,
	ProgressEvent,
	StatusEvent,
	VertexEvent,
	WarningEvent,
} from '../kernel/progress-event.ts';
import type {ProgressDisplay} from './display.ts';
import {describeWarning, encodeText} from './warning-json.ts';

// The names of the streams, as file descriptors.
const streams = {stdout: 1, stderr: 2} as const;

/**
The progress of a build for programs: one JSON object a line, each with one event, in the form of `docker buildx build --progress rawjson`. What that does not know stands under names of its own: `explanations`, and `usage` of a vertex.

@see https://github.com/moby/buildkit/blob/master/client/graph.go (SolveStatus)
*/
export class RawJsonDisplay implements ProgressDisplay {
	readonly #write: (text: string) => void;
	readonly warnings: readonly WarningEvent[] = [];

	readonly update = (event: ProgressEvent): void => {
		this.#write(`${stringifyAsGo(describe(event))}\n`);
	};

	/** A text without a step is a warning without a vertex: the output stays JSON. */
	readonly message = (text: string): void => {
		const warning = {level: 1, short: encodeText(text.trimEnd())};
		this.#write(`${stringifyAsGo({warnings: [warning]})}\n`);
	};

	readonly finish = (): void => undefined;

	constructor({write}: {readonly write: (text: string) => void}) {
		this.#write = write;
	}

	[Symbol.dispose](): void {
		// It holds nothing.
	}
}

/** The event under its name in BuildKit, with the fields in BuildKit's order. What is not known is left out. */
function describe(event: ProgressEvent): unknown {
	switch (event.type) {
		case 'vertex': {
			return {vertexes: [describeVertex(event)]};
		}

		case 'status': {
			return {statuses: [describeStatus(event)]};
		}

		case 'log': {
			return {logs: [describeLog(event)]};
		}

		case 'warning': {
			return {warnings: [describeWarning(event)]};
		}

		case 'explanation': {
			const {type: _type, ...explanation} = event;
			return {explanations: [explanation]};
		}
	}
}

function describeVertex({digest, inputs, name, started, completed, cached, error, canceled, usage}: VertexEvent): unknown {
	return {
		digest,
		inputs: inputs.length === 0 ? undefined : inputs,
		name,
		started: formatTime(started),
		completed: formatTime(completed),
		cached: cached ? true : undefined,
		// Programs recognize a canceled vertex by the end of its error.
		error: canceled && !error?.endsWith('context canceled') ? [...(error === undefined ? [] : [error]), 'context canceled'].join(': ') : error,
		usage,
	};
}

function describeStatus({id, vertex, current, total, timestamp, started, completed}: StatusEvent): unknown {
	return {
		id,
		vertex,
		total: total === 0 ? undefined : total,
		current,
		timestamp: formatTime(timestamp),
		started: formatTime(started),
		completed: formatTime(completed),
	};
}

function describeLog({vertex, stream, data, timestamp}: LogEvent): unknown {
	return {
		vertex,
		stream: streams[stream],
		data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
		timestamp: formatTime(timestamp),
	};
}

/** RFC 3339 in UTC with up to nine digits of a second, without trailing zeros. */
function formatTime(milliseconds: number | undefined): string | undefined {
	if (milliseconds === undefined) {
		return undefined;
	}

	const seconds = Math.floor(milliseconds / 1000);
	const nanoseconds = Math.round((milliseconds - (seconds * 1000)) * 1e6);
	const fraction = (nanoseconds / 1e9).toFixed(9).slice(1).replace(/\.?0{1,9}$/v, '');
	return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}Z`;
}
