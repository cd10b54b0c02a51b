import type {Digest} from '../kernel/digest.ts';
import type {
	ProgressEvent,
	StatusEvent,
	VertexEvent,
	WarningEvent,
} from '../kernel/progress-event.ts';
import {mergeIntervals, type Interval} from './intervals.ts';
import {cleanLine, cleanText} from './clean-text.ts';

/** What is known of one vertex. Its texts are safe to print. */
export type TracedVertex = {
	readonly digest: Digest;
	name: string;
	/** When it was at work, in order; empty until it starts. */
	intervals: readonly Interval[];
	cached: boolean;
	error: string | undefined;
	canceled: boolean;
	readonly statuses: Map<string, StatusEvent>;
	readonly warnings: WarningEvent[];
};

/**
The state of a build as its progress events tell it. Displays read it; only `update` changes it.
*/
export class Trace {
	readonly #intervals = new Map<Digest, Map<number, number | undefined>>();
	readonly vertexes = new Map<Digest, TracedVertex>();
	/** Those that started, in the order in which they did. */
	readonly started: TracedVertex[] = [];
	/** All warnings, in order. */
	readonly warnings: WarningEvent[] = [];

	#updateVertex(event: VertexEvent): TracedVertex | undefined {
		const vertex = this.vertexes.get(event.digest) ?? newVertex(event);
		this.vertexes.set(event.digest, vertex);
		if (event.started === undefined) {
			return undefined;
		}

		if (vertex.intervals.length === 0) {
			this.started.push(vertex);
		}

		return this.#changeVertex(vertex, {...event, started: event.started});
	}

	/** Takes over what an event says. An event that says nothing new is as good as none. */
	#changeVertex(vertex: TracedVertex, event: VertexEvent & {readonly started: number}): TracedVertex | undefined {
		const {cached = false, canceled = false} = event;
		const error = event.error === undefined ? undefined : cleanText(event.error);
		const intervals = this.#intervals.get(vertex.digest) ?? new Map<number, number | undefined>();
		this.#intervals.set(vertex.digest, intervals);
		if (intervals.has(event.started) && intervals.get(event.started) === event.completed && vertex.cached === cached && vertex.error === error) {
			return undefined;
		}

		intervals.set(event.started, event.completed);
		vertex.intervals = mergeIntervals(intervals);
		vertex.cached = cached;
		vertex.canceled = canceled;
		vertex.error = error;
		return vertex;
	}

	/**
	Takes an event.

	@returns the vertex that has changed, unless there is nothing new to show of it
	*/
	update(event: ProgressEvent): TracedVertex | undefined {
		switch (event.type) {
			case 'vertex': {
				return this.#updateVertex(event);
			}

			case 'status': {
				const vertex = this.vertexes.get(event.vertex);
				vertex?.statuses.set(event.id, {...event, id: cleanLine(event.id)});
				return vertex;
			}

			case 'log': {
				return this.vertexes.get(event.vertex);
			}

			case 'explanation': {
				return undefined;
			}

			case 'warning': {
				const warning = {...event, short: cleanLine(event.short)};
				const vertex = this.vertexes.get(event.vertex);
				this.warnings.push(warning);
				vertex?.warnings.push(warning);
				return vertex;
			}
		}
	}
}

/** When the vertex last began to work, or `undefined`. */
export function startOf({intervals}: TracedVertex): number | undefined {
	return intervals.at(-1)?.start;
}

/** When the vertex ended, or `undefined` if it did not start or still works. */
export function endOf({intervals}: TracedVertex): number | undefined {
	return intervals.at(-1)?.end;
}

/** The vertex failed itself, not because of another. */
export function hasFailed({error, canceled}: TracedVertex): boolean {
	return error !== undefined && !canceled;
}

function newVertex({digest, name}: VertexEvent): TracedVertex {
	return {
		digest,
		name: cleanLine(name.replaceAll('\n', ' ')),
		intervals: [],
		cached: false,
		error: undefined,
		canceled: false,
		statuses: new Map(),
		warnings: [],
	};
}
