import {canonicalDigest} from '../../src/kernel/canonical-json.ts';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent, VertexEvent} from '../../src/kernel/progress-event.ts';
import {solve, type SolveOptions} from '../../solver/scheduler.ts';
import type {ExecutionContext, Vertex} from '../../solver/vertex.ts';
import {MemoryCache} from './memory-cache.ts';

export type FakeOptions = {
	readonly inputs?: ReadonlyArray<Vertex<string>>;
	/** What the operation is; the name unless given. */
	readonly definition?: string;
	/** Names of the inputs that are taken by content. */
	readonly byContent?: readonly string[];
	readonly selectors?: ReadonlyArray<Digest | undefined>;
	readonly uncacheable?: boolean;
	readonly ignoreCache?: boolean;
	readonly partOf?: Digest;
	/** The result; `name(inputs)` unless given. */
	readonly execute?: (inputs: readonly string[], context: ExecutionContext) => Promise<string> | string;
	readonly digestContent?: (result: string) => Promise<Digest> | Digest;
	readonly cacheMapError?: Error;
	/** Told while the cache key is made. */
	readonly earlyStatus?: string;
};

/**
Vertexes that do nothing but tell what was asked of them: `calls` holds `execute NAME` and `digest INPUT for NAME`, `events` the progress.

Results are strings, and the content of a result is that string.
*/
export class FakeGraph {
	readonly calls: string[] = [];
	readonly events: ProgressEvent[] = [];
	readonly cache: MemoryCache<string>;

	constructor(cache = new MemoryCache<string>()) {
		this.cache = cache;
	}

	async #digest(name: string, input: string, result: string, {digestContent}: FakeOptions): Promise<Digest> {
		this.calls.push(`digest ${input} for ${name}`);
		return digestContent === undefined ? digestOf(result) : digestContent(result);
	}

	/** Names of the vertexes that executed, in order. */
	get executed(): string[] {
		return this.calls.filter(call => call.startsWith('execute ')).map(call => call.slice('execute '.length));
	}

	vertex(name: string, options: FakeOptions = {}): Vertex<string> {
		const {inputs = [], definition = name, byContent = [], selectors, uncacheable, ignoreCache = false, partOf} = options;
		return {
			digest: canonicalDigest({name, definition, inputs: inputs.map(input => input.digest)}),
			name,
			inputs,
			ignoreCache,
			partOf,
			description: {vertex: name},
			op: {
				cacheMap: async (_signal, status) => {
					if (options.earlyStatus !== undefined) {
						status?.({
							id: options.earlyStatus, current: 0, total: 0, completed: true,
						});
					}

					if (options.cacheMapError !== undefined) {
						throw options.cacheMapError;
					}

					return {
						digest: digestOf(definition),
						inputs: inputs.map(input => (byContent.includes(input.name) ? async result => this.#digest(name, input.name, result, options) : undefined)),
						...(selectors !== undefined && {selectors}),
						...(uncacheable !== undefined && {uncacheable}),
					};
				},
				execute: async (results, context) => {
					this.calls.push(`execute ${name}`);
					return options.execute === undefined ? `${name}(${results.join(',')})` : options.execute(results, context);
				},
			},
		};
	}

	async solve(target: Vertex<string>, options: Partial<Omit<SolveOptions<string>, 'progress'>> = {}): Promise<string> {
		return solve(target, {
			cache: this.cache,
			progress: event => {
				this.events.push(event);
			},
			signal: new AbortController().signal,
			...options,
		});
	}

	/** What the progress said of a vertex after its announcement: `started`, `completed`, `cached`, `canceled`, `error: ...`. */
	told(name: string): string[] {
		return this.events
			.filter(event => event.type === 'vertex' && event.name === name)
			.map(event => stateOf(event as VertexEvent))
			.filter(state => state !== 'announced');
	}

	forget(): void {
		this.calls.length = 0;
		this.events.length = 0;
		this.cache.calls.length = 0;
	}
}

function stateOf({started, completed, cached, canceled, error}: VertexEvent): string {
	if (error !== undefined) {
		return `error: ${error}`;
	}

	if (completed !== undefined) {
		return cached === true ? 'cached' : (canceled === true ? 'canceled' : 'completed');
	}

	return started === undefined ? 'announced' : 'started';
}
