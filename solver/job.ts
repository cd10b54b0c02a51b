import type PQueue from 'p-queue';
import type {Digest} from '../src/kernel/digest.ts';
import {TsbuildError, errorMessage} from '../src/kernel/errors.ts';
import type {ProgressSink} from '../src/kernel/progress-event.ts';
import type {CacheRecord, CacheStore} from './cache-store.ts';
import {causeOf, describeExecution, type Execution} from './execution.ts';
import type {Flights} from './flights.ts';
import {Identities, type Identity} from './identities.ts';
import {JobProgress} from './job-progress.ts';
import type {Journal} from './journal.ts';
import {SingleFlight} from './single-flight.ts';
import {SolveError, type VertexFailure} from './solve-error.ts';
import {Speculation} from './speculation.ts';
import type {CacheKey, CacheMap, Vertex} from './vertex.ts';
import {VertexPromises} from './vertex-promises.ts';

export type JobOptions<Result> = {
	readonly cache: CacheStore<Result>;
	readonly progress: ProgressSink;
	/** Bounds the operations that execute at once. */
	readonly executions: PQueue;
	/** Bounds the inputs that are digested at once. */
	readonly contentDigests: PQueue;
	/** What other jobs execute at the same time; without it nobody looks for them. */
	readonly flights?: Flights | undefined;
	/** Told of what executes. */
	readonly journal?: Journal<Result> | undefined;
	readonly signal: AbortSignal;
};

/** What an attempt to execute has come to: a result, or another vertex that makes the same. */
type Outcome<Result> = {readonly result: Result} | {readonly busyKey: CacheKey};

// Told as a status of a vertex.
const waitingStatus = 'waiting for another build of this step';

/**
One run of the solver. It goes by demand: from a target to what its cache key needs, and only when the key is not found on to the inputs' results. What is to be known for a key is the matter of `Identities`; a record whose result is gone (pruned a moment ago) counts for its key, and the vertex executes.
*/
export class Job<Result> {
	readonly #options: JobOptions<Result>;
	readonly #progress: JobProgress;
	readonly #end = new AbortController();
	/** Not aborted when all is well at the end. */
	readonly #failed = new AbortController();
	readonly #signal: AbortSignal;
	readonly #failureSignal: AbortSignal;
	readonly #cacheMaps: VertexPromises<CacheMap<Result>>;
	readonly #results: VertexPromises<Result>;
	readonly #identities: Identities<Result>;
	/** The vertexes whose results are not what their keys say. */
	readonly #unrecorded = new Set<Digest>();
	readonly #speculation: Speculation<Vertex<Result>>;
	readonly #flights: SingleFlight;
	/** How much work is under way, and who waits for its end. */
	#running = 0;
	#idle: PromiseWithResolvers<void> | undefined;
	readonly #failures: VertexFailure[] = [];

	constructor(options: JobOptions<Result>) {
		const {cache, contentDigests, progress, flights} = options;
		const begin = (work: Promise<unknown>) => {
			void this.#begin(work);
		};

		this.#options = options;
		this.#progress = new JobProgress(progress);
		this.#failureSignal = AbortSignal.any([options.signal, this.#failed.signal]);
		this.#signal = AbortSignal.any([this.#failureSignal, this.#end.signal]);
		this.#flights = new SingleFlight(flights);
		this.#cacheMaps = new VertexPromises(begin);
		this.#results = new VertexPromises(begin);
		this.#speculation = new Speculation(vertex => {
			begin(this.#result(vertex));
		});
		this.#identities = new Identities({
			cache,
			contentDigests,
			begin,
			speculation: this.#speculation,
			signal: this.#signal,
			cacheMap: async vertex => this.#cacheMap(vertex),
			solve: async vertex => this.#result(vertex),
			attempt: async (vertex, step, work) => this.#attempt(vertex, step, work),
		});
	}

	async #result(vertex: Vertex<Result>): Promise<Result> {
		return this.#results.get(vertex, async () => {
			const identity = await this.#identities.of(vertex);
			return await this.#load(vertex, identity) ?? this.#execute(vertex, identity);
		});
	}

	async #cacheMap(vertex: Vertex<Result>): Promise<CacheMap<Result>> {
		return this.#cacheMaps.get(vertex, async () => this.#attempt(vertex, 'failed to load cache key', async () => vertex.op.cacheMap(this.#signal, this.#progress.earlyReporter(vertex))));
	}

	async #load(vertex: Vertex<Result>, {record}: Identity<Result>): Promise<Result | undefined> {
		if (record === undefined) {
			return undefined;
		}

		const result = await this.#loadRecord(vertex, record);
		if (result !== undefined) {
			this.#tellCached(vertex);
		}

		return result;
	}

	async #loadRecord(vertex: Vertex<Result>, record: CacheRecord<Result>): Promise<Result | undefined> {
		return this.#attempt(vertex, 'failed to load cache', async () => record.load(this.#signal, this.#progress.lateReporter(vertex, this.#failureSignal)));
	}

	#tellCached(vertex: Vertex<Result>): void {
		this.#progress.cache(vertex, ancestor => this.#identities.isFound(ancestor) && !this.#results.has(ancestor.digest));
	}

	async #execute(vertex: Vertex<Result>, identity: Identity<Result>): Promise<Result> {
		const [byContent, ...inputs] = await Promise.all([
			identity.key === undefined ? undefined : this.#identities.contentKey(vertex),
			...vertex.inputs.map(async input => this.#result(input)),
		]);
		const {key, definitionKey, isRenewed} = identity;
		return this.#executeOnce({
			vertex,
			inputs,
			key,
			otherKeys: [...new Set([byContent, definitionKey])].filter(other => other !== undefined).filter(other => other !== key),
			isShared: !isRenewed && vertex.inputs.every(input => !this.#unrecorded.has(input.digest)),
			cause: causeOf(vertex, identity),
		});
	}

	/** Who waits for another has no place among those that execute. */
	async #executeOnce(execution: Execution<Result>): Promise<Result> {
		for (;;) {
			const outcome = await this.#options.executions.add(async () => this.#tryExecute(execution));
			if ('result' in outcome) {
				return outcome.result;
			}

			await this.#attempt(execution.vertex, undefined, async () => this.#waitForOther(execution.vertex, outcome.busyKey));
		}
	}

	async #tryExecute(execution: Execution<Result>): Promise<Outcome<Result>> {
		const {vertex, key, isShared} = execution;
		using flight = key === undefined ? undefined : await this.#attempt(vertex, undefined, async () => this.#flights.tryBegin(key));
		if (key !== undefined && flight === undefined && isShared) {
			return {busyKey: key};
		}

		// Since it was looked for, another job may have made it.
		const made = isShared ? await this.#findMade(execution) : undefined;
		if (made !== undefined) {
			this.#tellCached(vertex);
			return {result: made};
		}

		using _running = key === undefined ? undefined : this.#speculation.run();
		return {result: await this.#attempt(vertex, undefined, async () => this.#perform(execution))};
	}

	async #findMade({vertex, key}: Execution<Result>): Promise<Result | undefined> {
		const record = await this.#identities.find(key);
		return record && this.#loadRecord(vertex, record);
	}

	async #perform(execution: Execution<Result>): Promise<Result> {
		const {vertex, inputs} = execution;
		const {journal} = this.#options;
		const entry = journal && await describeExecution(execution, {cacheMap: await this.#cacheMap(vertex), identities: this.#identities, signal: this.#signal});
		if (entry !== undefined) {
			journal?.begin(entry);
		}

		this.#progress.start(vertex);
		const result = await vertex.op.execute(inputs, {
			signal: this.#signal,
			...this.#progress.reporters(vertex),
			forbidRecord: () => {
				this.#unrecorded.add(vertex.digest);
			},
		});
		const isRecorded = await this.#record(execution, result);
		if (isRecorded && entry !== undefined) {
			await journal?.recorded(entry);
		}

		this.#progress.complete(vertex);
		return result;
	}

	async #waitForOther(vertex: Vertex<Result>, key: CacheKey): Promise<void> {
		const ownEnd = this.#flights.ownEnd(key);
		if (ownEnd !== undefined) {
			return ownEnd;
		}

		using _running = this.#speculation.run();
		this.#progress.start(vertex);
		const {status} = this.#progress.reporters(vertex);
		status({id: waitingStatus, current: 0, total: 0});
		await this.#flights.waitForOther(key, this.#signal);
		status({
			id: waitingStatus, current: 0, total: 0, completed: true,
		});
	}

	/** Tells whether the result may be found by others. */
	async #record({vertex, key, otherKeys}: Execution<Result>, result: Result): Promise<boolean> {
		if (vertex.inputs.some(input => this.#unrecorded.has(input.digest))) {
			this.#unrecorded.add(vertex.digest);
		}

		if (key === undefined || this.#unrecorded.has(vertex.digest)) {
			return false;
		}

		await this.#options.cache.record([key, ...otherKeys], result, vertex.name);
		return true;
	}

	/** Does the vertex's own part of the work. Its first failure is the job's: it ends all others. */
	async #attempt<T>(vertex: Vertex<Result>, step: string | undefined, work: () => Promise<T>): Promise<T> {
		this.#signal.throwIfAborted();
		try {
			return await work();
		} catch (error) {
			if (this.#signal.aborted && isConsequenceOf(error, this.#signal.reason)) {
				this.#progress.cancel(vertex);
			} else {
				this.#fail(vertex, step, error);
			}

			throw error;
		}
	}

	#fail(vertex: Vertex<Result>, step: string | undefined, cause: unknown): void {
		this.#progress.fail(vertex, errorMessage(cause));
		this.#failures.push({
			digest: vertex.digest, vertexName: vertex.name, vertex: vertex.description, cause, step,
		});
		this.#failed.abort(new TsbuildError('ERR_TSBUILD_CANCELED', `canceled because ${vertex.name} failed`, {cause}));
	}

	#outcomeOf(reason: unknown): unknown {
		const isEndedByCaller = this.#options.signal.aborted && this.#signal.reason === this.#options.signal.reason;
		const [first, ...others] = this.#failures;
		if (isEndedByCaller || first === undefined) {
			return isEndedByCaller ? this.#signal.reason : reason;
		}

		return new SolveError(first, others.map(other => new SolveError(other)));
	}

	/** Leaves work to itself. Whoever needs its outcome asks for it again and sees a rejection; the end of the job only waits for it. */
	async #begin(work: Promise<unknown>): Promise<void> {
		this.#running++;
		try {
			await work;
		} catch {
			// Who asked for it tells.
		}

		this.#running--;
		if (this.#running === 0) {
			this.#idle?.resolve();
		}
	}

	/** Waits until nothing of the job is under way, so that what it used can be closed. */
	async #settle(): Promise<void> {
		while (this.#running > 0) {
			this.#idle = Promise.withResolvers();
			await this.#idle.promise;
		}
	}

	/** Solves the targets. May be called once. */
	async run(targets: ReadonlyArray<Vertex<Result>>): Promise<Result[]> {
		this.#signal.throwIfAborted();
		this.#progress.announce(targets);
		const [outcome] = await Promise.allSettled([Promise.all(targets.map(async target => this.#result(target)))]);
		this.#end.abort(new TsbuildError('ERR_TSBUILD_CANCELED', 'the job has ended'));
		await this.#settle();
		if (outcome.status === 'rejected') {
			throw this.#outcomeOf(outcome.reason);
		}

		return outcome.value;
	}
}

/** Whether an error says no more than that the work was ended by `reason`. */
function isConsequenceOf(error: unknown, reason: unknown): boolean {
	return error === reason || (error instanceof Error && (error.name === 'AbortError' || error.cause === reason));
}
