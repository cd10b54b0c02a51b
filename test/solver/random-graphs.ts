import test from 'ava';
import fc from 'fast-check';
import type {Vertex} from '../../solver/vertex.ts';
import {FakeGraph} from '../support/fake-graph.ts';

/** A vertex of a random graph: inputs are earlier vertexes, by how far back they stand. */
type Shape = {readonly inputs: ReadonlyArray<{readonly back: number; readonly isByContent: boolean}>; readonly isUncacheable: boolean};

const anyInput = fc.record({back: fc.integer({min: 1, max: 6}), isByContent: fc.boolean()});
const anyShape = fc.record<Shape>({inputs: fc.array(anyInput, {maxLength: 3}), isUncacheable: fc.boolean()});
const anyShapes = fc.array(anyShape, {minLength: 1, maxLength: 25});

/** Only vertexes without inputs are uncacheable, and they are taken by content, as a build context is. */
function build(graph: FakeGraph, shapes: readonly Shape[], definitions: readonly string[] = []): Vertex<string> {
	const vertexes: Array<Vertex<string>> = [];
	const local = new Set<string>();
	for (const [index, shape] of shapes.entries()) {
		const name = `v${index}`;
		const inputs = shape.inputs.filter(({back}) => back <= index).map(({back, isByContent}) => ({vertex: vertexes[index - back]!, isByContent}));
		const isUncacheable = shape.isUncacheable && inputs.length === 0;
		if (isUncacheable) {
			local.add(name);
		}

		vertexes.push(graph.vertex(name, {
			definition: `${name}${definitions[index] ?? ''}`,
			inputs: inputs.map(({vertex}) => vertex),
			byContent: inputs.filter(({vertex, isByContent}) => isByContent || local.has(vertex.name)).map(({vertex}) => vertex.name),
			uncacheable: isUncacheable,
			execute: results => `${name}${definitions[index] ?? ''}(${results.join(',')})`,
		}));
	}

	return vertexes.at(-1)!;
}

/** What a vertex stands for, by plain recursion. */
function evaluate({name, inputs}: Vertex<string>, definitions: readonly string[]): string {
	return `${name}${definitions[Number(name.slice(1))] ?? ''}(${inputs.map(input => evaluate(input, definitions)).join(',')})`;
}

test('any graph gives the result of plain evaluation, each vertex executing at most once, and nothing the second time', async t => {
	await fc.assert(fc.asyncProperty(anyShapes, async shapes => {
		const graph = new FakeGraph();
		const target = build(graph, shapes);
		const result = await graph.solve(target);
		t.is(result, evaluate(target, []));
		t.is(new Set(graph.executed).size, graph.executed.length);

		const isLocal = (name: string) => shapes[Number(name.slice(1))]!.isUncacheable;
		graph.forget();
		t.is(await graph.solve(target), result);
		t.deepEqual(graph.executed.filter(name => !isLocal(name)), []);
	}), {numRuns: 300});
});

test('after any change the result is that of a solve without a cache', async t => {
	const changes = fc.array(fc.constantFrom('', '', '', '!'), {maxLength: 25});
	const losses = fc.func(fc.boolean());
	await fc.assert(fc.asyncProperty(anyShapes, changes, losses, fc.boolean(), async (shapes, definitions, isLost, losesRecords) => {
		const graph = new FakeGraph();
		await graph.solve(build(graph, shapes));
		if (losesRecords) {
			graph.cache.loseRecords(isLost);
		} else {
			graph.cache.loseResults(isLost);
		}

		graph.forget();
		const changed = build(graph, shapes, definitions);
		t.is(await graph.solve(changed), evaluate(changed, definitions));
		t.is(new Set(graph.executed).size, graph.executed.length);
	}), {numRuns: 300});
});

test('every vertex is told to start at most once and to end as often, whatever fails', async t => {
	await fc.assert(fc.asyncProperty(anyShapes, fc.nat(24), fc.integer({min: 1, max: 4}), async (shapes, failing, maximumParallelism) => {
		const graph = new FakeGraph();
		const target = build(graph, shapes);
		const find = graph.cache.find.bind(graph.cache);
		graph.cache.find = async key => {
			if (failing < 5 && graph.executed.length > failing) {
				throw new Error('disk I/O error');
			}

			return find(key);
		};

		await graph.solve(target, {maximumParallelism}).catch(() => undefined);
		for (const index of shapes.keys()) {
			t.true([[], ['started', 'completed'], ['started', 'canceled']].some(story => story.join(' ') === graph.told(`v${index}`).join(' ')));
		}
	}), {numRuns: 200});
});
