import type {Digest} from '../src/kernel/digest.ts';
import type {CacheKey, Vertex} from './vertex.ts';

/**
Why a vertex executes:

- `ignored`: the cache is not asked for it (`--no-cache`);
- `renewed`: it stands on one of which that is true;
- `lost`: it was found, and its result is gone;
- `uncacheable`: its result belongs to this job alone;
- `unknown`: there is no record under its keys.
*/
export type ExecutionCause = 'ignored' | 'renewed' | 'lost' | 'uncacheable' | 'unknown';

/** What an input is to the key of the vertex that has it. */
export type JournalInput<Result> = {
	readonly vertex: Vertex<Result>;
	/** Its canonical key. */
	readonly key: CacheKey | undefined;
	/** The digest of what is taken of it, when it counts by content. */
	readonly content: Digest | undefined;
	/** Tells what that content consists of, see `CacheMap`. */
	readonly describeContent: (() => Promise<Uint8Array>) | undefined;
};

/** One execution, with all that its keys are made of. */
export type JournalEntry<Result> = {
	readonly vertex: Vertex<Result>;
	readonly cause: ExecutionCause;
	readonly key: CacheKey | undefined;
	/** The digest of what the vertex does. */
	readonly operation: Digest;
	readonly inputs: ReadonlyArray<JournalInput<Result>>;
};

/** Takes note of what a job executes, for those who ask later why. */
export type Journal<Result> = {
	/** A vertex begins to execute. */
	readonly begin: (entry: JournalEntry<Result>) => void;
	/** The result of the entry's vertex has just been recorded under its key. */
	readonly recorded: (entry: JournalEntry<Result>) => Promise<void>;
};
