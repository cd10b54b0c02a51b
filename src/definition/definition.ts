import {canonicalDigest} from '../kernel/canonical-json.ts';
import type {Digest} from '../kernel/digest.ts';
import type {SourceLocation} from '../kernel/source-location.ts';
import type {Operation} from './operations.ts';

/** What people see of a vertex. It is no part of the vertex's digest. */
export type VertexMetadata = {
	/** `[stage 2/3] RUN make`. Empty for what nobody needs to know of. */
	readonly name: string;
	/** Where the instruction stands; empty for vertexes that no instruction made. */
	readonly locations: readonly SourceLocation[];
	/** The cache is not asked for this vertex (`--no-cache`). */
	readonly ignoreCache: boolean;
};

/** An operation with the vertexes that it takes its inputs from. */
export type DefinitionVertex = {
	readonly operation: Operation;
	readonly inputs: readonly Digest[];
};

/**
A graph of operations as data: what a frontend gives to the solver.

`vertexes` holds every vertex after its inputs. The digest of a vertex is that of its operation and its inputs' digests, so equal steps of different stages are one vertex. `result` is the vertex whose file system is the outcome; `null` is the empty file system.
*/
export type Definition = {
	readonly vertexes: ReadonlyMap<Digest, DefinitionVertex>;
	readonly metadata: ReadonlyMap<Digest, VertexMetadata>;
	readonly result: Digest | null;
};

/** Collects vertexes; adding an equal one twice gives the same digest, and the first metadata stays. */
export class DefinitionBuilder {
	readonly #vertexes = new Map<Digest, DefinitionVertex>();
	readonly #metadata = new Map<Digest, VertexMetadata>();

	/** Adds a vertex; throws a `TypeError` when an input was not added before. */
	add(operation: Operation, inputs: readonly Digest[], metadata: VertexMetadata): Digest {
		for (const input of inputs) {
			if (!this.#vertexes.has(input)) {
				throw new TypeError(`input ${input} is not in the definition`);
			}
		}

		const digest = vertexDigest({operation, inputs});
		if (!this.#vertexes.has(digest)) {
			this.#vertexes.set(digest, {operation, inputs});
			this.#metadata.set(digest, metadata);
		}

		return digest;
	}

	/** The definition so far, with the given result. */
	finish(result: Digest | null): Definition {
		return {vertexes: new Map(this.#vertexes), metadata: new Map(this.#metadata), result};
	}
}

/** The digest of a vertex: that of the canonical JSON of its operation and its inputs' digests. */
function vertexDigest(vertex: DefinitionVertex): Digest {
	return canonicalDigest(vertex);
}
