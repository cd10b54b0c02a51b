import type PQueue from 'p-queue';
import type {Digest} from '../src/kernel/digest.ts';
import {TsbuildError, errorMessage} from '../src/kernel/errors.ts';
import type {ProgressSink} from '../src/kernel/progress-event.ts';
import {contentKey, definitionKey, freshKey} from './cache-key.ts';
import type {CacheRecord, CacheStore} from './cache-store.ts';
import {JobProgress} from './job-progress.ts';
import {SolveError, type VertexFailure} from './solve-error.ts';
import {Speculation} from './speculation.ts';
import type {CacheKey, CacheMap, Vertex} from './vertex.ts';

export type JobOptions<Result> = {
	readonly cache: CacheStore<Result>;
	readonly progress: ProgressSink;
	/** Bounds the operations that execute at once. */
	readonly executions: PQueue;
	/** Bounds the inputs that are digested at once. */
	readonly contentDigests: PQueue;
	readonly signal: AbortSignal;
};

/** What the cache says of a vertex, known before its result is. */
type Identity<Result> = {
	/** The canonical key: the vertexes after this one make theirs of it. `undefined` when the result belongs to this job alone. */
	readonly key: CacheKey | undefined;
	readonly definitionKey: CacheKey | undefined;
	readonly record: CacheRecord<Result> | undefined;
};

/** Everything about one vertex is asked for once and kept as the promise of it. */
type VertexState<Result> = {
	cacheMap?: Promise<CacheMap<Result>>;
	identity?: Promise<Identity<Result>>;
	contents?: Promise<ReadonlyArray<Digest | undefined>>;
	result?: Promise<Result>;
};

/**
One run of the solver. It goes by demand: from a target to what its cache key needs, and only when the key is not found on to the inputs' results.

- `identity` never executes or loads an input, unless the operation takes an input by content and the key by definition is not found.
- A vertex whose cache is ignored (`--no-cache`) gets a fresh canonical key, so the vertexes after it are not found by what was built on its old result; that BuildKit 0.32 executes them again too is recorded in `no-cache-filter`. Its result is recorded under the usual keys, so the next build finds it, and through its canonical key what was built on it. An input by content is the exception, there as here: the same content is found whoever made it.
- A record whose result is gone (pruned a moment ago) counts for its key, and the vertex executes.
*/
export class Job<Result> {
	readonly #options: JobOptions<Result>;
	readonly #progress: JobProgress;
	readonly #end = new AbortController();
	readonly #signal: AbortSignal;
	readonly #states = new Map<Digest, VertexState<Result>>();
	readonly #found = new Set<Digest>();
	/** The vertexes whose results are not what their keys say. */
	readonly #unrecorded = new Set<Digest>();
	readonly #speculation: Speculation<Vertex<Result>>;
	readonly #work: Array<Promise<unknown>> = [];
	readonly #failures: VertexFailure[] = [];

	constructor(options: JobOptions<Result>) {
		this.#options = options;
		this.#progress = new JobProgress(options.progress);
		this.#signal = AbortSignal.any([options.signal, this.#end.signal]);
		this.#speculation = new Speculation(vertex => {
			this.#begin(this.#result(vertex));
		});
	}

	async #result(vertex: Vertex<Result>): Promise<Result> {
		return this.#once(vertex, 'result', async () => {
			const identity = await this.#identity(vertex);
			return await this.#load(vertex, identity) ?? this.#execute(vertex, identity);
		});
	}

	async #identity(vertex: Vertex<Result>): Promise<Identity<Result>> {
		return this.#once(vertex, 'identity', async () => {
			const identity = await this.#identify(vertex);
			if (identity.record !== undefined) {
				this.#found.add(vertex.digest);
			}

			return identity;
		});
	}

	async #identify(vertex: Vertex<Result>): Promise<Identity<Result>> {
		const map = await this.#cacheMap(vertex);
		if (map.uncacheable === true) {
			return {key: undefined, definitionKey: undefined, record: undefined};
		}

		const byDefinition = definitionKey(map, await this.#inputKeys(vertex));
		if (vertex.ignoreCache) {
			return {key: freshKey(), definitionKey: byDefinition, record: undefined};
		}

		const record = await this.#find(byDefinition);
		if (record === undefined && takesContent(map)) {
			return this.#identifyByContent(vertex, byDefinition);
		}

		return {
			key: record?.canonicalKey ?? byDefinition,
			definitionKey: byDefinition,
			record,
		};
	}

	async #identifyByContent(vertex: Vertex<Result>, byDefinition: CacheKey | undefined): Promise<Identity<Result>> {
		const byContent = await this.#contentKey(vertex);
		const record = await this.#find(byContent);
		if (record !== undefined && byDefinition !== undefined) {
			await this.#options.cache.alias(byDefinition, record.canonicalKey);
		}

		return {key: record?.canonicalKey ?? byContent, definitionKey: byDefinition, record};
	}

	async #cacheMap(vertex: Vertex<Result>): Promise<CacheMap<Result>> {
		return this.#once(vertex, 'cacheMap', async () => this.#attempt(vertex, 'failed to load cache key', async () => vertex.op.cacheMap(this.#signal, this.#progress.earlyReporter(vertex))));
	}

	async #inputKeys(vertex: Vertex<Result>): Promise<Array<CacheKey | undefined>> {
		using waiting = this.#speculation.wait();
		let unknown = vertex.inputs.length;
		return await Promise.all(vertex.inputs.map(async input => {
			const {key, record} = await this.#identity(input);
			unknown--;
			if (record === undefined && unknown > 0) {
				waiting.add(input);
			}

			return key;
		}));
	}

	/** The key by content; `undefined` for an operation that takes no content, or has an input by key that has none. */
	async #contentKey(vertex: Vertex<Result>): Promise<CacheKey | undefined> {
		const map = await this.#cacheMap(vertex);
		if (!takesContent(map)) {
			return undefined;
		}

		using waiting = this.#speculation.wait();
		const identities = await Promise.all(vertex.inputs.map(async input => this.#identity(input)));
		for (const [index, input] of vertex.inputs.entries()) {
			if (identities[index]!.record === undefined && map.inputs[index] === undefined) {
				waiting.add(input);
			}
		}

		return contentKey(map, identities.map(({key}) => key), await this.#contents(vertex));
	}

	async #contents(vertex: Vertex<Result>): Promise<ReadonlyArray<Digest | undefined>> {
		return this.#once(vertex, 'contents', async () => {
			const map = await this.#cacheMap(vertex);
			return Promise.all(vertex.inputs.map(async (input, index) => {
				const digestContent = map.inputs[index];
				if (digestContent === undefined) {
					return undefined;
				}

				const result = await this.#result(input);
				return this.#options.contentDigests.add(async () => this.#attempt(vertex, 'failed to compute cache key', async () => digestContent(result, this.#signal)));
			}));
		});
	}

	async #find(key: CacheKey | undefined): Promise<CacheRecord<Result> | undefined> {
		this.#signal.throwIfAborted();
		return key === undefined ? undefined : this.#options.cache.find(key);
	}

	async #load(vertex: Vertex<Result>, {record}: Identity<Result>): Promise<Result | undefined> {
		if (record === undefined) {
			return undefined;
		}

		const result = await this.#attempt(vertex, 'failed to load cache', async () => record.load(this.#signal));
		if (result !== undefined) {
			this.#progress.cache(vertex, ancestor => this.#found.has(ancestor.digest) && this.#states.get(ancestor.digest)?.result === undefined);
		}

		return result;
	}

	async #execute(vertex: Vertex<Result>, identity: Identity<Result>): Promise<Result> {
		const [byContent, ...inputs] = await Promise.all([
			identity.key === undefined ? undefined : this.#contentKey(vertex),
			...vertex.inputs.map(async input => this.#result(input)),
		]);
		const keys = [...new Set([identity.key, byContent, identity.definitionKey].filter(key => key !== undefined))];
		return this.#options.executions.add(async () => this.#attempt(vertex, undefined, async () => {
			using _running = identity.key === undefined ? undefined : this.#speculation.run();
			this.#progress.start(vertex);
			const result = await vertex.op.execute(inputs, {
				signal: this.#signal,
				...this.#progress.reporters(vertex),
				forbidRecord: () => {
					this.#unrecorded.add(vertex.digest);
				},
			});
			await this.#record(vertex, keys, result);
			this.#progress.complete(vertex);
			return result;
		}));
	}

	async #record(vertex: Vertex<Result>, [canonical, ...others]: readonly CacheKey[], result: Result): Promise<void> {
		if (vertex.inputs.some(input => this.#unrecorded.has(input.digest))) {
			this.#unrecorded.add(vertex.digest);
		}

		if (canonical !== undefined && !this.#unrecorded.has(vertex.digest)) {
			await this.#options.cache.record([canonical, ...others], result, vertex.name);
		}
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
		this.#end.abort(new TsbuildError('ERR_TSBUILD_CANCELED', `canceled because ${vertex.name} failed`, {cause}));
	}

	#outcomeOf(reason: unknown): unknown {
		const isEndedByCaller = this.#options.signal.aborted && this.#signal.reason === this.#options.signal.reason;
		const [first, ...others] = this.#failures;
		if (isEndedByCaller || first === undefined) {
			return isEndedByCaller ? this.#signal.reason : reason;
		}

		return new SolveError(first, others.map(other => new SolveError(other)));
	}

	#once<Name extends keyof VertexState<Result>>(vertex: Vertex<Result>, name: Name, make: () => NonNullable<VertexState<Result>[Name]>): NonNullable<VertexState<Result>[Name]> {
		const state = this.#states.get(vertex.digest) ?? {};
		this.#states.set(vertex.digest, state);
		const existing = state[name];
		if (existing !== undefined) {
			return existing;
		}

		const promise = make();
		state[name] = promise;
		this.#begin(promise);
		return promise;
	}

	/** Leaves work to itself. Whoever needs its outcome asks for it again and sees a rejection; the end of the job only waits for it. */
	#begin(work: Promise<unknown>): void {
		this.#work.push(Promise.allSettled([work]));
	}

	/** Waits until nothing of the job is under way, so that what it used can be closed. */
	async #settle(): Promise<void> {
		for (let settled = 0; settled < this.#work.length;) {
			const pending = this.#work.slice(settled);
			settled += pending.length;
			await Promise.all(pending);
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

function takesContent<Result>(map: CacheMap<Result>): boolean {
	return map.inputs.some(input => input !== undefined);
}

/** Whether an error says no more than that the work was ended by `reason`. */
function isConsequenceOf(error: unknown, reason: unknown): boolean {
	return error === reason || (error instanceof Error && (error.name === 'AbortError' || error.cause === reason));
}
