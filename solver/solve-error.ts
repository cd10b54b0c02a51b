import type {Digest} from '../src/kernel/digest.ts';
import {TsbuildError, errorMessage} from '../src/kernel/errors.ts';

/** A vertex that failed by itself. */
export type VertexFailure = {
	readonly digest: Digest;
	/** The name of the vertex as the progress shows it. */
	readonly vertexName: string;
	/** The vertex's `description`: opaque to the solver. */
	readonly vertex: unknown;
	readonly cause: unknown;
	/** What was being done for the vertex, as BuildKit words it (`failed to compute cache key`); `undefined` when it executed. */
	readonly step: string | undefined;
};

/**
A vertex failed, and the job with it. Code `ERR_TSBUILD_SOLVE`.

The message is BuildKit's: `failed to solve: [failed to compute cache key: ]<message of the cause>`. `others` are the vertexes that failed by themselves before the end of the job reached them, in the order of their failing.
*/
export class SolveError extends TsbuildError {
	override readonly name = 'SolveError';
	readonly digest: Digest;
	readonly vertexName: string;
	readonly vertex: unknown;
	readonly step: string | undefined;
	readonly others: readonly SolveError[];

	constructor(failure: VertexFailure, others: readonly SolveError[] = []) {
		const {digest, vertexName, vertex, cause, step} = failure;
		super('ERR_TSBUILD_SOLVE', ['failed to solve', step, errorMessage(cause)].filter(part => part !== undefined).join(': '), {
			cause,
			...(cause instanceof TsbuildError && cause.hint !== undefined && {hint: cause.hint}),
		});
		this.digest = digest;
		this.vertexName = vertexName;
		this.vertex = vertex;
		this.step = step;
		this.others = others;
	}
}
