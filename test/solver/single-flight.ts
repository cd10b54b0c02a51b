import test from 'ava';
import fc from 'fast-check';
import type {Vertex} from '../../solver/vertex.ts';
import {FakeGraph, type FakeOptions} from '../support/fake-graph.ts';
import {MemoryCache} from '../support/memory-cache.ts';
import {MemoryFlights} from '../support/memory-flights.ts';

/** Jobs as those of several processes: one cache, one set of flights, a graph for each. */
function makeJobs() {
	const cache = new MemoryCache<string>();
	const flights = new MemoryFlights();
	return {
		flights,
		makeJob() {
			const graph = new FakeGraph(cache);
			return {
				graph,
				solve: async (target: Vertex<string>, options: {readonly signal?: AbortSignal; readonly maximumParallelism?: number} = {}) => graph.solve(target, {...options, flights}),
			};
		},
	};
}

/** An operation that goes on until it is told to end. */
function heldOperation() {
	const started = Promise.withResolvers<void>();
	const end = Promise.withResolvers<string>();
	const execute: FakeOptions['execute'] = async (_inputs, {signal}) => {
		signal.addEventListener('abort', () => {
			end.reject(signal.reason);
		}, {once: true});
		started.resolve();
		return end.promise;
	};

	return {execute, started: started.promise, end};
}

const waiting = 'waiting for another build of this step';

test('what another job executes is waited for, and its result is taken', async t => {
	const {flights, makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const shared = (graph: FakeGraph, execute?: FakeOptions['execute']) => graph.vertex('shared', {inputs: [graph.vertex('base')], ...(execute && {execute})});
	const firstResult = first.solve(first.graph.vertex('a', {inputs: [shared(first.graph, held.execute)]}));
	await held.started;
	const secondResult = second.solve(second.graph.vertex('b', {inputs: [shared(second.graph)]}));
	await flights.firstWait;
	held.end.resolve('made once');
	t.is(await firstResult, 'a(made once)');
	t.is(await secondResult, 'b(made once)');
	t.deepEqual(second.graph.executed, ['b']);
	t.deepEqual(second.graph.told('shared'), ['started', 'cached']);
	t.deepEqual(second.graph.events.filter(event => event.type === 'status').map(({id, completed}) => [id, completed !== undefined]), [[waiting, false], [waiting, true]]);
	t.is(flights.count, 0);
});

test('when the other job fails, the waiting one executes', async t => {
	const {flights, makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const firstResult = first.solve(first.graph.vertex('shared', {execute: held.execute}));
	await held.started;
	const secondResult = second.solve(second.graph.vertex('shared'));
	await flights.firstWait;
	held.end.reject(new Error('no'));
	await t.throwsAsync(firstResult, {message: 'failed to solve: no'});
	t.is(await secondResult, 'shared()');
	t.deepEqual(second.graph.told('shared'), ['started', 'completed']);
});

test('when the other job is canceled, the waiting one executes', async t => {
	const {flights, makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const controller = new AbortController();
	const firstResult = first.solve(first.graph.vertex('shared', {execute: held.execute}), {signal: controller.signal});
	await held.started;
	const secondResult = second.solve(second.graph.vertex('shared'));
	await flights.firstWait;
	controller.abort(new Error('Ctrl-C'));
	await t.throwsAsync(firstResult, {message: 'Ctrl-C'});
	t.is(await secondResult, 'shared()');
});

test('a job that waits ends at once when it is canceled', async t => {
	const {flights, makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const controller = new AbortController();
	const firstResult = first.solve(first.graph.vertex('shared', {execute: held.execute}));
	await held.started;
	const secondResult = second.solve(second.graph.vertex('shared'), {signal: controller.signal});
	await flights.firstWait;
	controller.abort(new Error('Ctrl-C'));
	await t.throwsAsync(secondResult, {message: 'Ctrl-C'});
	t.deepEqual(second.graph.told('shared'), ['started', 'canceled']);
	held.end.resolve('made');
	t.is(await firstResult, 'made');
});

test('a job that ignores the cache waits for nobody and takes nothing', async t => {
	const {makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const firstResult = first.solve(first.graph.vertex('shared', {execute: held.execute}));
	await held.started;
	t.is(await second.solve(second.graph.vertex('shared', {ignoreCache: true})), 'shared()');
	t.deepEqual(second.graph.executed, ['shared']);
	held.end.resolve('made');
	t.is(await firstResult, 'made');
});

test('who waits for another takes no place from those who can execute', async t => {
	const {flights, makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const held = heldOperation();
	const firstResult = first.solve(first.graph.vertex('shared', {execute: held.execute}));
	await held.started;
	const {graph} = second;
	const secondResult = second.solve(graph.vertex('all', {
		inputs: [graph.vertex('shared'), graph.vertex('other', {
			async execute() {
				await flights.firstWait;
				held.end.resolve('made');
				return 'other';
			},
		})],
	}), {maximumParallelism: 1});
	t.is(await secondResult, 'all(made,other)');
	t.is(await firstResult, 'made');
});

test('two jobs that each execute what the other waits for come to an end', async t => {
	const {makeJob} = makeJobs();
	const [first, second] = [makeJob(), makeJob()];
	const [x, y] = [heldOperation(), heldOperation()];
	const target = (graph: FakeGraph, [left, right]: readonly [FakeOptions, FakeOptions]) => graph.vertex('all', {inputs: [graph.vertex('x', left), graph.vertex('y', right)]});
	const firstResult = first.solve(target(first.graph, [{execute: x.execute}, {}]), {maximumParallelism: 1});
	await x.started;
	const secondResult = second.solve(target(second.graph, [{}, {execute: y.execute}]), {maximumParallelism: 1});
	await y.started;
	x.end.resolve('x');
	y.end.resolve('y');
	t.deepEqual(await Promise.all([firstResult, secondResult]), ['all(x,y)', 'all(x,y)']);
	t.is([...first.graph.executed, ...second.graph.executed].filter(name => name === 'all').length, 1);
});

test('vertexes of one job that have the same key execute once', async t => {
	const {flights, makeJob} = makeJobs();
	const {graph, solve} = makeJob();
	const stage = (name: string) => graph.vertex(name, {definition: 'the same', execute: () => 'same'});
	const all = graph.vertex('all', {inputs: [stage('one'), stage('two')]});
	t.is(await solve(all), 'all(same,same)');
	t.deepEqual(graph.executed, ['one', 'all']);
	t.deepEqual(graph.told('two'), ['cached']);
	t.is(flights.count, 0);
});

test('any graphs that several jobs solve at the same time execute each key once, with the results of plain evaluation', async t => {
	const anyInput = fc.record({back: fc.integer({min: 1, max: 4}), isByContent: fc.boolean()});
	const anyShapes = fc.array(fc.array(anyInput, {maxLength: 3}), {minLength: 1, maxLength: 15});
	const anyJob = fc.record({target: fc.nat(), maximumParallelism: fc.integer({min: 1, max: 3})});
	const anyJobs = fc.array(anyJob, {minLength: 2, maxLength: 4});
	const property = fc.asyncProperty(anyShapes, anyJobs, async (shapes, jobs) => {
		const {makeJob} = makeJobs();
		const executed: string[] = [];
		const results = jobs.map(async ({target, maximumParallelism}) => {
			const {graph, solve} = makeJob();
			const vertexes = buildAll(graph, shapes);
			const wanted = vertexes[target % vertexes.length]!;
			t.is(await solve(wanted, {maximumParallelism}), evaluate(wanted));
			executed.push(...graph.executed);
		});
		await Promise.all(results);
		t.is(new Set(executed).size, executed.length);
	});
	await fc.assert(property, {numRuns: 200});
});

function buildAll(graph: FakeGraph, shapes: ReadonlyArray<ReadonlyArray<{readonly back: number; readonly isByContent: boolean}>>): ReadonlyArray<Vertex<string>> {
	const vertexes: Array<Vertex<string>> = [];
	for (const [index, shape] of shapes.entries()) {
		const inputs = shape.filter(({back}) => back <= index).map(({back, isByContent}) => ({vertex: vertexes[index - back]!, isByContent}));
		vertexes.push(graph.vertex(`v${index}`, {
			inputs: inputs.map(({vertex}) => vertex),
			byContent: inputs.filter(({isByContent}) => isByContent).map(({vertex}) => vertex.name),
			async execute(results) {
				await new Promise(resolve => {
					setImmediate(resolve);
				});
				return `v${index}(${results.join(',')})`;
			},
		}));
	}

	return vertexes;
}

function evaluate({name, inputs}: Vertex<string>): string {
	return `${name}(${inputs.map(input => evaluate(input)).join(',')})`;
}
