import type {StepUsage} from '../src/kernel/progress-event.ts';
import type {Digest} from '../src/kernel/digest.ts';

/*
A job solves a graph of vertexes. The solver knows nothing of containers, files or images: an operation is two functions, a result is opaque.

Life of a vertex:
1. The solver asks its operation for a `CacheMap`: the digest of what it does, and, for each input of which only the content matters, how to digest that content.
2. From it and the inputs' cache keys the solver makes the vertex's cache key by definition. A record under it ends the matter: no input is executed or even looked at.
3. Otherwise, if some input offers a content digest, the inputs are solved, their contents digested, and the cache key by content is looked up.
4. Otherwise the operation executes with its inputs' results, and the result is recorded under both keys.

A cache key outlives the process; a vertex digest is only for one job. They are never compared with each other.
*/

/** Persistent identity of a result: the same key means that the same result may be used again. */
export type CacheKey = Digest & {readonly kind?: 'CacheKey'};

/** Digests the part of an input's result that an operation takes. */
export type ContentDigest<Result> = (result: Result, signal: AbortSignal) => Promise<Digest>;

/** Describes what a `ContentDigest` is made of. */
export type ContentDescription<Result> = (result: Result, signal: AbortSignal) => Promise<Uint8Array>;

export type CacheMap<Result> = {
	/** Of everything that the operation does, without its inputs. */
	readonly digest: Digest;
	/** One entry for each input: by content if there is a function, else by the input's own cache key. */
	readonly inputs: ReadonlyArray<ContentDigest<Result> | undefined>;
	/**
	Names the part that is taken of an input, for inputs by content. It is part of the key by definition (`COPY a /` and `COPY b /` differ) and not of the key by content (the same file under another name is the same), so it is no part of `digest`.
	*/
	readonly selectors?: ReadonlyArray<Digest | undefined>;
	/** For inputs by content: says in bytes what the content consists of. The solver does not read them; whoever explains why a vertex executed compares them with those of an earlier content. Asked for after `inputs` and the execution. */
	readonly contentDescriptions?: ReadonlyArray<ContentDescription<Result> | undefined>;
	/** No cache record is read or written, because the result is cheap and belongs to this job alone (a client's directory). */
	readonly uncacheable?: boolean;
};

/** What an operation may use while it executes. */
export type ExecutionContext = {
	readonly signal: AbortSignal;
	readonly log: (stream: 'stdout' | 'stderr', data: Uint8Array) => void;
	readonly status: (status: {readonly id: string; readonly current: number; readonly total: number; readonly completed?: boolean}) => void;
	/** Takes what the processes of the operation have used, which is told with its end. */
	readonly usage: (usage: StepUsage) => void;
	/** Says that an input was not any more what its content digest tells. Then neither the result nor what is made of it is recorded: the keys stand for something else. */
	readonly forbidRecord: () => void;
};

export type Op<Result> = {
	/** What `status` is told is shown when the vertex starts or turns out to be cached. */
	cacheMap(signal: AbortSignal, status?: ExecutionContext['status']): Promise<CacheMap<Result>>;
	/**
	Makes the result. Inputs come in the order of the vertex's edges.
	*/
	execute(inputs: readonly Result[], context: ExecutionContext): Promise<Result>;
};

export type Vertex<Result> = {
	readonly digest: Digest;
	readonly name: string;
	readonly inputs: ReadonlyArray<Vertex<Result>>;
	readonly op: Op<Result>;
	/** The cache is not read for this vertex; its result is recorded all the same. */
	readonly ignoreCache: boolean;
	/** Another vertex, that has this one as an input and is what people see of both. */
	readonly partOf?: Digest | undefined;
	/** Facts for errors, such as the instruction's place. Opaque to the solver, it reaches `SolveError.vertex`. */
	readonly description: unknown;
};
