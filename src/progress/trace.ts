import type {Digest} from '../kernel/digest.ts';
import type {
	LogEvent,
	ProgressEvent,
	StatusEvent,
	VertexEvent,
	WarningEvent,
} from '../kernel/progress-event.ts';
import {formatLogTime} from './units.ts';

/** How many lines of a failed step are repeated at the end of the build. */
const keptLogLines = 10;

/** What is known of one vertex while the build runs, and what of it was not shown yet. */
export type TracedVertex = {
	readonly digest: Digest;
	name: string;
	/** The number it is shown with; 0 until it is shown for the first time. */
	index: number;
	started: number | undefined;
	completed: number | undefined;
	cached: boolean;
	error: string | undefined;
	canceled: boolean;
	readonly statuses: Map<string, StatusEvent>;
	/** Statuses that changed since they were shown. */
	readonly changedStatuses: Set<string>;
	readonly pendingWarnings: WarningEvent[];
	/** Whole lines, with their time, that were not shown yet. */
	readonly pendingLines: string[];
	/** The line that is still being written. */
	partialLine: string;
	/** The last lines, for the summary of a failure. */
	readonly lastLines: string[];
	/** Updates since the vertex came into view: the busier one is shown when several run at once. */
	updateCount: number;
	visibleSince: number | undefined;
};

/**
The state of a build as its progress events tell it. Renderers read it; only `update` changes what is known, and a renderer clears what it has shown.
*/
export class Trace {
	readonly #decoders = new Map<Digest, InstanceType<typeof TextDecoder>>();
	readonly vertexes = new Map<Digest, TracedVertex>();
	/** Vertexes that changed since they were shown. */
	readonly updated = new Set<Digest>();
	readonly warnings: WarningEvent[] = [];

	#updateVertex(event: VertexEvent): void {
		const vertex = this.vertexes.get(event.digest) ?? newVertex(event.digest);
		this.vertexes.set(event.digest, vertex);
		vertex.name = event.name;
		vertex.started = event.started;
		vertex.completed = event.completed;
		vertex.cached = event.cached ?? false;
		vertex.error = event.error;
		vertex.canceled = event.canceled ?? false;
		if (event.started !== undefined) {
			this.updated.add(event.digest);
		}
	}

	#withVertex(digest: Digest, change: (vertex: TracedVertex) => void): void {
		const vertex = this.vertexes.get(digest);
		if (vertex === undefined) {
			return;
		}

		change(vertex);
		vertex.updateCount++;
		this.updated.add(digest);
	}

	#appendLog(vertex: TracedVertex, {data, timestamp}: LogEvent): void {
		const decoder = this.#decoders.get(vertex.digest) ?? new TextDecoder();
		this.#decoders.set(vertex.digest, decoder);
		const pieces = decoder.decode(data, {stream: true}).split('\n');
		const time = formatLogTime(timestamp - (vertex.started ?? timestamp));
		for (const [index, piece] of pieces.entries()) {
			if (vertex.partialLine === '' && (piece !== '' || index < pieces.length - 1)) {
				vertex.partialLine = `${time} `;
			}

			vertex.partialLine += piece;
			if (index < pieces.length - 1) {
				endLine(vertex);
			}
		}
	}

	update(event: ProgressEvent): void {
		switch (event.type) {
			case 'vertex': {
				this.#updateVertex(event);
				break;
			}

			case 'status': {
				this.#withVertex(event.vertex, vertex => {
					vertex.statuses.set(event.id, event);
					vertex.changedStatuses.add(event.id);
				});
				break;
			}

			case 'log': {
				this.#withVertex(event.vertex, vertex => {
					this.#appendLog(vertex, event);
				});
				break;
			}

			case 'warning': {
				this.warnings.push(event);
				this.#withVertex(event.vertex, vertex => {
					vertex.pendingWarnings.push(event);
				});
				break;
			}
		}
	}

	/** Vertexes that failed by themselves, in the order in which they came up. */
	failures(): readonly TracedVertex[] {
		return this.vertexes.values().filter(vertex => vertex.error !== undefined && !vertex.canceled).toArray();
	}
}

/** Turns a line that was never ended into a whole one, when its vertex is done. */
export function endLine(vertex: TracedVertex): void {
	if (vertex.partialLine === '') {
		return;
	}

	const line = vertex.partialLine.replace(/\r$/v, '');
	vertex.pendingLines.push(line);
	vertex.lastLines.push(line);
	if (vertex.lastLines.length > keptLogLines) {
		vertex.lastLines.shift();
	}

	vertex.partialLine = '';
}

function newVertex(digest: Digest): TracedVertex {
	return {
		digest,
		name: '',
		index: 0,
		started: undefined,
		completed: undefined,
		cached: false,
		error: undefined,
		canceled: false,
		statuses: new Map(),
		changedStatuses: new Set(),
		pendingWarnings: [],
		pendingLines: [],
		partialLine: '',
		lastLines: [],
		updateCount: 0,
		visibleSince: undefined,
	};
}
