import {availableParallelism} from 'node:os';
import PQueue from 'p-queue';
import type {ProgressSink} from '../src/kernel/progress-event.ts';
import {Job} from './job.ts';
import type {CacheStore} from './cache-store.ts';
import type {Flights} from './flights.ts';
import type {Journal} from './journal.ts';
import type {Vertex} from './vertex.ts';

export type SolveOptions<Result> = {
	readonly cache: CacheStore<Result>;
	readonly progress: ProgressSink;
	/** The most operations that execute at once. By default the larger of 16 and four times the cores: as good as unlimited, as BuildKit's, and no fork bomb. */
	readonly maximumParallelism?: number | undefined;
	/** What other jobs with the same cache execute: what is among it is waited for. */
	readonly flights?: Flights;
	/** Told of what executes, and why. */
	readonly journal?: Journal<Result>;
	readonly signal: AbortSignal;
};

/**
The result of a vertex: from the cache if it can be, else by executing what is needed for it, everything that is ready at once.

@throws {SolveError} `ERR_TSBUILD_SOLVE` when a vertex fails; the others are ended at once, and have ended when it is thrown
@throws the reason of `signal`, likewise when all has ended
*/
export async function solve<Result>(vertex: Vertex<Result>, options: SolveOptions<Result>): Promise<Result> {
	const [result] = await solveAll([vertex], options);
	return result!;
}

/** Like `solve`, for several vertexes of one job: what they share is solved once. The results come in the order of `vertexes`. */
export async function solveAll<Result>(vertexes: ReadonlyArray<Vertex<Result>>, options: SolveOptions<Result>): Promise<Result[]> {
	const {cache, progress, flights, journal, signal, maximumParallelism = Math.max(16, 4 * availableParallelism())} = options;
	const job = new Job<Result>({
		cache,
		progress,
		flights,
		journal,
		executions: new PQueue({concurrency: maximumParallelism}),
		contentDigests: new PQueue({concurrency: availableParallelism()}),
		signal,
	});
	return job.run(vertexes);
}
