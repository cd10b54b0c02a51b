import type {Identities, Identity} from './identities.ts';
import type {ExecutionCause, JournalEntry} from './journal.ts';
import type {CacheKey, CacheMap, Vertex} from './vertex.ts';

/** All that a vertex executes with. */
export type Execution<Result> = {
	readonly vertex: Vertex<Result>;
	readonly inputs: readonly Result[];
	/** The canonical key, unless the result belongs to this job alone. */
	readonly key: CacheKey | undefined;
	/** What else the result is recorded under. */
	readonly otherKeys: readonly CacheKey[];
	/** The result may be one that another job makes. */
	readonly isShared: boolean;
	readonly cause: ExecutionCause;
};

/** What is asked to describe an execution. */
type DescribeOptions<Result> = {
	/** Of its vertex. */
	readonly cacheMap: CacheMap<Result>;
	readonly identities: Identities<Result>;
	readonly signal: AbortSignal;
};

/** Why a vertex with this identity executes. */
export function causeOf<Result>({ignoreCache}: Vertex<Result>, {key, record, isRenewed}: Identity<Result>): ExecutionCause {
	if (key === undefined) {
		return 'uncacheable';
	}

	if (isRenewed) {
		return ignoreCache ? 'ignored' : 'renewed';
	}

	return record === undefined ? 'unknown' : 'lost';
}

/** All that the keys of an execution are made of. */
export async function describeExecution<Result>({vertex, key, cause, inputs}: Execution<Result>, {cacheMap, identities, signal}: DescribeOptions<Result>): Promise<JournalEntry<Result>> {
	const contents = key === undefined ? [] : await identities.contents(vertex);
	const inputIdentities = await Promise.all(vertex.inputs.map(async input => identities.of(input)));
	return {
		vertex,
		cause,
		key,
		operation: cacheMap.digest,
		inputs: vertex.inputs.map((input, index) => {
			const describe = cacheMap.contentDescriptions?.[index];
			return {
				vertex: input,
				key: inputIdentities[index]!.key,
				content: contents[index],
				describeContent: describe && (async () => describe(inputs[index]!, signal)),
			};
		}),
	};
}
