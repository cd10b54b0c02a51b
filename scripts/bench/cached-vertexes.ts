import path from 'node:path';
import {performance} from 'node:perf_hooks';
import {openStore} from '../../snapshotter/store.ts';
import type {BuildResult} from '../../solver/ops/build-result.ts';
import {SnapshotCache} from '../../solver/ops/snapshot-cache.ts';
import {solve} from '../../solver/scheduler.ts';
import type {Vertex} from '../../solver/vertex.ts';
import {digestOf} from '../../src/kernel/digest.ts';

/** How long a solve takes in which everything is found. */
export type CachedSolve = {
	readonly vertexes: number;
	/** Median. */
	readonly microsecondsPerVertex: number;
};

const repetitions = 61;

/**
Solves chains of vertexes whose results are all in the cache of a store, to see whether the time for each stays the same.

The operations do nothing: what is measured is the solver with the database.
*/
export async function benchmarkCachedVertexes(directory: string, counts: readonly number[]): Promise<readonly CachedSolve[]> {
	await using store = await openStore(path.join(directory, 'cached-vertexes'));
	const cache = new SnapshotCache(store);
	const solveChain = async (count: number) => {
		const start = performance.now();
		await solve(makeChain(count), {cache, progress: () => undefined, signal: new AbortController().signal});
		return performance.now() - start;
	};

	const times = new Map(counts.map(count => [count, [] as number[]]));
	for (let repetition = 0; repetition < repetitions; repetition++) {
		for (const count of counts) {
			times.get(count)!.push(await solveChain(count));
		}
	}

	// The first of each executes and records.
	return counts.map(count => ({vertexes: count, microsecondsPerVertex: median(times.get(count)!.slice(1)) * 1000 / count}));
}

function makeChain(count: number): Vertex<BuildResult> {
	let vertex = makeVertex(`chain of ${count}`, []);
	for (let index = 1; index < count; index++) {
		vertex = makeVertex(`vertex ${index}`, [vertex]);
	}

	return vertex;
}

function makeVertex(name: string, inputs: ReadonlyArray<Vertex<BuildResult>>): Vertex<BuildResult> {
	return {
		digest: digestOf(JSON.stringify([name, inputs.map(({digest}) => digest)])),
		name,
		inputs,
		ignoreCache: false,
		description: undefined,
		op: {
			async cacheMap() {
				return {digest: digestOf(name), inputs: inputs.map(() => undefined)};
			},
			async execute() {
				return {kind: 'snapshot', snapshot: null};
			},
		},
	};
}

function median(values: readonly number[]): number {
	return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]!;
}
