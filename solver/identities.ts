import type PQueue from 'p-queue';
import type {Digest} from '../src/kernel/digest.ts';
import {contentKey, definitionKey} from './cache-key.ts';
import type {CacheRecord, CacheStore} from './cache-store.ts';
import type {Speculation} from './speculation.ts';
import type {CacheKey, CacheMap, Vertex} from './vertex.ts';
import {VertexPromises} from './vertex-promises.ts';

/** What the cache says of a vertex, known before its result is. */
export type Identity<Result> = {
	/** The canonical key: the vertexes after this one make theirs of it. `undefined` when the result belongs to this job alone. */
	readonly key: CacheKey | undefined;
	readonly definitionKey: CacheKey | undefined;
	/** Where the result can be taken from. */
	readonly record: CacheRecord<Result> | undefined;
	/** The result is made anew, whatever is recorded, because the cache is ignored for the vertex or for what it stands on. */
	readonly isRenewed: boolean;
};

/** What the identities of one job are found with. */
export type IdentitiesOptions<Result> = {
	readonly cache: Pick<CacheStore<Result>, 'find' | 'alias'>;
	readonly speculation: Speculation<Vertex<Result>>;
	/** Bounds the inputs that are digested at once. */
	readonly contentDigests: PQueue;
	readonly signal: AbortSignal;
	readonly cacheMap: (vertex: Vertex<Result>) => Promise<CacheMap<Result>>;
	/** Gives the result of an input whose content is asked for. */
	readonly solve: (vertex: Vertex<Result>) => Promise<Result>;
	/** Does a part of a vertex's work, whose failure is the vertex's; `step` says what it is. */
	readonly attempt: <Value>(vertex: Vertex<Result>, step: string, work: () => Promise<Value>) => Promise<Value>;
	/** Takes all work that is under way. */
	readonly begin: (work: Promise<unknown>) => void;
};

type Input<Result> = Identity<Result> & {readonly isByContent: boolean};

/**
Finds out what the vertexes of a job are to the cache.

- No input is executed or loaded, unless the operation takes an input by content and the key by definition is not found.
- A vertex whose cache is ignored (`--no-cache`) has the key that it always has, so its result replaces what is recorded under it, and what was built on the old result is found again by the next build. In this job it is renewed, and so is what stands on it: that BuildKit 0.32 executes these too is recorded in `no-cache-filter`. An input by content is the exception, there as here: the same content is found whoever made it.
*/
export class Identities<Result> {
	readonly #options: IdentitiesOptions<Result>;
	readonly #identities: VertexPromises<Identity<Result>>;
	readonly #contents: VertexPromises<ReadonlyArray<Digest | undefined>>;
	readonly #found = new Set<Digest>();

	constructor(options: IdentitiesOptions<Result>) {
		this.#options = options;
		this.#identities = new VertexPromises(options.begin);
		this.#contents = new VertexPromises(options.begin);
	}

	async #identify(vertex: Vertex<Result>): Promise<Identity<Result>> {
		const map = await this.#options.cacheMap(vertex);
		if (map.uncacheable === true) {
			return {
				key: undefined, definitionKey: undefined, record: undefined, isRenewed: false,
			};
		}

		const inputs = await this.#inputs(vertex, map);
		const byDefinition = definitionKey(map, inputs.map(({key}) => key));
		const isRenewed = vertex.ignoreCache || inputs.some(input => input.isRenewed && !input.isByContent);
		const isKnownByDefinition = !takesContent(map) || (!isRenewed && inputs.every(input => !input.isRenewed));
		const record = isKnownByDefinition ? await this.find(byDefinition) : undefined;
		if (record === undefined && takesContent(map)) {
			return this.#identifyByContent(vertex, {byDefinition, isRenewed});
		}

		return {
			key: record?.canonicalKey ?? byDefinition,
			definitionKey: byDefinition,
			record: isRenewed ? undefined : record,
			isRenewed,
		};
	}

	async #identifyByContent(vertex: Vertex<Result>, {byDefinition, isRenewed}: {readonly byDefinition: CacheKey | undefined; readonly isRenewed: boolean}): Promise<Identity<Result>> {
		const byContent = await this.contentKey(vertex);
		const record = await this.find(byContent);
		if (record !== undefined && byDefinition !== undefined && !isRenewed) {
			await this.#options.cache.alias(byDefinition, record.canonicalKey);
		}

		return {
			key: record?.canonicalKey ?? byContent, definitionKey: byDefinition, record: isRenewed ? undefined : record, isRenewed,
		};
	}

	async #inputs(vertex: Vertex<Result>, map: CacheMap<Result>): Promise<ReadonlyArray<Input<Result>>> {
		const [only] = vertex.inputs;
		if (only === undefined) {
			return [];
		}

		// Nothing can be done meanwhile.
		if (vertex.inputs.length === 1) {
			return [{...await this.of(only), isByContent: map.inputs[0] !== undefined}];
		}

		using waiting = this.#options.speculation.wait();
		let unknown = vertex.inputs.length;
		return await Promise.all(vertex.inputs.map(async (input, index) => {
			const identity = await this.of(input);
			unknown--;
			if (identity.record === undefined && unknown > 0) {
				waiting.add(input);
			}

			return {...identity, isByContent: map.inputs[index] !== undefined};
		}));
	}

	async #digestContents(vertex: Vertex<Result>): Promise<ReadonlyArray<Digest | undefined>> {
		const {contentDigests, attempt, solve, signal, cacheMap} = this.#options;
		const map = await cacheMap(vertex);
		return Promise.all(vertex.inputs.map(async (input, index) => {
			const digestContent = map.inputs[index];
			if (digestContent === undefined) {
				return undefined;
			}

			const result = await solve(input);
			return contentDigests.add(async () => attempt(vertex, 'failed to compute cache key', async () => digestContent(result, signal)));
		}));
	}

	/** The identity of a vertex. */
	async of(vertex: Vertex<Result>): Promise<Identity<Result>> {
		return this.#identities.get(vertex, async () => {
			const identity = await this.#identify(vertex);
			if (identity.record !== undefined) {
				this.#found.add(vertex.digest);
			}

			return identity;
		});
	}

	/** Whether there is a record of a vertex. */
	isFound({digest}: {readonly digest: Digest}): boolean {
		return this.#found.has(digest);
	}

	/** The key by content; `undefined` for an operation that takes no content, or has an input by key that has none. */
	async contentKey(vertex: Vertex<Result>): Promise<CacheKey | undefined> {
		const map = await this.#options.cacheMap(vertex);
		if (!takesContent(map)) {
			return undefined;
		}

		using waiting = this.#options.speculation.wait();
		const identities = await Promise.all(vertex.inputs.map(async input => this.of(input)));
		for (const [index, input] of vertex.inputs.entries()) {
			if (identities[index]!.record === undefined && map.inputs[index] === undefined) {
				waiting.add(input);
			}
		}

		return contentKey(map, identities.map(({key}) => key), await this.contents(vertex));
	}

	/** The digest of each input that is taken by content. */
	async contents(vertex: Vertex<Result>): Promise<ReadonlyArray<Digest | undefined>> {
		return this.#contents.get(vertex, async () => this.#digestContents(vertex));
	}

	/** The record under a key. */
	async find(key: CacheKey | undefined): Promise<CacheRecord<Result> | undefined> {
		this.#options.signal.throwIfAborted();
		return key === undefined ? undefined : this.#options.cache.find(key);
	}
}

function takesContent<Result>(map: CacheMap<Result>): boolean {
	return map.inputs.some(input => input !== undefined);
}
