import {performance} from 'node:perf_hooks';
import type {Digest} from '../src/kernel/digest.ts';
import type {BeginLateWork} from '../src/kernel/late-work.ts';
import type {
	ProgressSink,
	StatusEvent,
	StepUsage,
	VertexEvent,
} from '../src/kernel/progress-event.ts';
import {inputsFirst} from './graph-order.ts';
import type {ExecutionContext} from './vertex.ts';

/** The part of a vertex that people see. */
type NamedVertex = {readonly digest: Digest; readonly name: string; readonly inputs: readonly NamedVertex[]; readonly partOf?: Digest | undefined};

/**
Tells what becomes of a job's vertexes, with BuildKit's meaning:

- every vertex is announced once before anything starts;
- a vertex that executes starts and completes once;
- one that waited for another job, and took the result of that, starts and is completed as `cached`;
- one whose result came from the cache, or was not needed because a later one came from the cache, is completed as `cached`;
- a vertex of which nothing is known and nothing was needed stays announced;
- a vertex without a name is not told of;
- a vertex that is a part of another one starts, tells and fails as that one, which completes for both.

The exceptions: a vertex that was told as cached starts after all if its record is gone by the time its result is needed, and starts and completes once more when its result has to be downloaded.
*/
export class JobProgress {
	readonly #sink: ProgressSink;
	/** The vertexes that others are parts of. */
	readonly #wholes = new Map<Digest, NamedVertex>();
	readonly #started = new Map<Digest, number>();
	readonly #cached = new Set<Digest>();
	readonly #ancestorsTold = new Set<Digest>();
	/** What was told of vertexes before they started. */
	readonly #earlyStatuses = new Map<Digest, StatusEvent[]>();
	readonly #usages = new Map<Digest, StepUsage>();

	constructor(sink: ProgressSink) {
		this.#sink = sink;
	}

	#shown(vertex: NamedVertex): NamedVertex {
		return vertex.partOf === undefined ? vertex : this.#wholes.get(vertex.partOf) ?? vertex;
	}

	#isPart(vertex: NamedVertex): boolean {
		return this.#shown(vertex) !== vertex;
	}

	#tellCached(vertex: NamedVertex): void {
		if (this.#isPart(vertex) || this.#cached.has(vertex.digest) || this.#started.has(vertex.digest)) {
			return;
		}

		this.#cached.add(vertex.digest);
		const time = now();
		if (this.#earlyStatuses.has(vertex.digest)) {
			this.#emit(vertex, {started: time});
			this.#tellEarlyStatuses(vertex);
		}

		this.#emit(vertex, {started: time, completed: time, cached: true});
	}

	#tellEarlyStatuses({digest}: NamedVertex): void {
		for (const status of this.#earlyStatuses.get(digest) ?? []) {
			this.#sink(status);
		}

		this.#earlyStatuses.delete(digest);
	}

	#end(vertex: NamedVertex, facts: Pick<VertexEvent, 'cached' | 'error' | 'canceled'>): void {
		const completed = now();
		const usage = this.#usages.get(vertex.digest);
		this.#emit(vertex, {
			started: this.#started.get(vertex.digest) ?? completed, completed, ...(usage !== undefined && {usage}), ...facts,
		});
	}

	#emit({digest, name, inputs}: NamedVertex, facts: Partial<VertexEvent>): void {
		if (name === '') {
			return;
		}

		const shown = inputs.flatMap(input => (this.#isPart(input) ? input.inputs : [input])).filter(input => input.name !== '');
		this.#sink({
			type: 'vertex', digest, name, inputs: shown.map(input => input.digest), ...facts,
		});
	}

	announce(targets: readonly NamedVertex[]): void {
		const vertexes = [...inputsFirst(targets)];
		const wholes = new Set(vertexes.map(({partOf}) => partOf));
		for (const vertex of vertexes) {
			if (wholes.has(vertex.digest)) {
				this.#wholes.set(vertex.digest, vertex);
			}
		}

		for (const vertex of vertexes) {
			if (!this.#isPart(vertex)) {
				this.#emit(vertex, {});
			}
		}
	}

	start(vertexOrPart: NamedVertex): void {
		const vertex = this.#shown(vertexOrPart);
		if (this.#started.has(vertex.digest)) {
			return;
		}

		const started = now();
		this.#started.set(vertex.digest, started);
		this.#emit(vertex, {started});
		this.#tellEarlyStatuses(vertex);
	}

	complete(vertex: NamedVertex): void {
		if (!this.#isPart(vertex)) {
			this.#end(vertex, {});
		}
	}

	/** A vertex can fail before it starts, while its cache key is made: then it starts and fails at once. */
	fail(vertex: NamedVertex, error: string): void {
		this.start(vertex);
		this.#end(this.#shown(vertex), {error});
	}

	/** The vertex was ended because of another, or by the user. Nothing is told of one that had not started. */
	cancel(vertex: NamedVertex): void {
		const shown = this.#shown(vertex);
		if (this.#started.has(shown.digest)) {
			this.#end(shown, {canceled: true});
		}
	}

	/**
	The result came from the cache, so what it was made of is not needed for it.

	@param vertex - whose result it is
	@param isFound - whether an ancestor was found in the cache and nobody asked for its result; others speak for themselves
	*/
	cache(vertex: NamedVertex, isFound: (ancestor: NamedVertex) => boolean): void {
		for (const ancestor of inputsFirst([vertex], this.#ancestorsTold)) {
			if (ancestor === vertex || isFound(ancestor)) {
				this.#tellCached(ancestor);
			}
		}

		// One that waited for another job has started.
		if (this.#started.has(vertex.digest) && !this.#isPart(vertex)) {
			this.#end(vertex, {cached: true});
		} else {
			this.#tellCached(vertex);
		}
	}

	/** What an operation tells of itself while its cache key is made. It is shown when the vertex starts, or turns out to be cached. */
	earlyReporter(vertexOrPart: NamedVertex): ExecutionContext['status'] {
		const vertex = this.#shown(vertexOrPart);
		const toEvent = statusEvents(vertex);
		return status => {
			const told = this.#earlyStatuses.get(vertex.digest) ?? [];
			this.#earlyStatuses.set(vertex.digest, told);
			told.push(toEvent(status));
		};
	}

	/** Tells of the work on a result from the cache that begins when somebody needs it: the vertex starts again, and completes when all of that has ended. `signal` ends the work. */
	lateReporter(vertexOrPart: NamedVertex, signal: AbortSignal): BeginLateWork {
		const vertex = this.#shown(vertexOrPart);
		const toEvent = statusEvents(vertex);
		let started: number | undefined;
		let running = 0;
		return () => {
			started ??= now();
			if (running === 0) {
				this.#emit(vertex, {started});
			}

			running++;
			return {
				signal,
				status: status => {
					this.#sink(toEvent(status));
				},
				[Symbol.dispose]: () => {
					running--;
					if (running === 0) {
						this.#emit(vertex, {started: started!, completed: now()});
					}
				},
			};
		};
	}

	/** What an operation tells of itself while it executes. */
	reporters(vertexOrPart: NamedVertex): Pick<ExecutionContext, 'log' | 'status' | 'usage'> {
		const vertex = this.#shown(vertexOrPart);
		const toEvent = statusEvents(vertex);
		return {
			log: (stream, data) => {
				this.#sink({
					type: 'log', vertex: vertex.digest, stream, data, timestamp: now(),
				});
			},
			status: status => {
				this.#sink(toEvent(status));
			},
			usage: usage => {
				this.#usages.set(vertex.digest, usage);
			},
		};
	}
}

/** Makes events of the statuses of one vertex, which remember when each began. */
function statusEvents({digest}: NamedVertex): (status: Parameters<ExecutionContext['status']>[0]) => StatusEvent {
	const starts = new Map<string, number>();
	return ({id, current, total, completed}) => {
		const timestamp = now();
		const started = starts.get(id) ?? timestamp;
		starts.set(id, started);
		return {
			type: 'status', vertex: digest, id, current, total, timestamp, started, ...(completed === true && {completed: timestamp}),
		};
	};
}

/** Milliseconds since the epoch, with a fraction. It never goes back within the process. */
function now(): number {
	return performance.timeOrigin + performance.now();
}
