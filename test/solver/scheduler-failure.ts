import test from 'ava';
import {TsbuildError} from '../../src/kernel/errors.ts';
import {SolveError} from '../../solver/solve-error.ts';
import type {ExecutionContext, Vertex} from '../../solver/vertex.ts';
import {FakeGraph} from '../support/fake-graph.ts';

test('a failure names its vertex and keeps its cause', async t => {
	const graph = new FakeGraph();
	const cause = new TsbuildError('ERR_TSBUILD_PROCESS', 'process "false" did not complete successfully: exit code: 1', {hint: 'Read its output.'});
	const bad = graph.vertex('bad', {
		execute() {
			throw cause;
		},
	});
	const error = await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: [bad]})), {instanceOf: SolveError});
	t.is(error.code, 'ERR_TSBUILD_SOLVE');
	t.is(error.name, 'SolveError');
	t.is(error.message, 'failed to solve: process "false" did not complete successfully: exit code: 1');
	t.is(error.hint, 'Read its output.');
	t.is(error.cause, cause);
	t.is(error.digest, bad.digest);
	t.deepEqual(error.vertex, {vertex: 'bad'});
	t.is(error.vertexName, 'bad');
	t.deepEqual(error.others, []);
	t.deepEqual(graph.executed, ['bad']);
	t.deepEqual(graph.told('bad'), ['started', `error: ${cause.message}`]);
	t.deepEqual(graph.told('top'), []);
	t.is(graph.cache.size, 0);
});

test('a failure ends the others at once, and is thrown when they have ended', async t => {
	const graph = new FakeGraph();
	let hasEnded = false;
	const {promise: isRunning, resolve: tellRunning} = Promise.withResolvers<void>();
	const sibling = graph.vertex('sibling', {
		async execute(_inputs, {signal}) {
			tellRunning();
			await aborted(signal);
			await new Promise(resolve => {
				setImmediate(resolve);
			});
			hasEnded = true;
			signal.throwIfAborted();
			return '';
		},
	});
	const bad = graph.vertex('bad', {
		async execute() {
			await isRunning;
			throw new Error('no');
		},
	});
	const error = await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: [sibling, bad]})), {instanceOf: SolveError, message: 'failed to solve: no'});
	t.true(hasEnded);
	t.deepEqual(error.others, []);
	t.deepEqual(graph.told('sibling'), ['started', 'canceled']);
	t.deepEqual(graph.told('bad'), ['started', 'error: no']);
});

test('what failed by itself in the meantime is attached to the first failure', async t => {
	const graph = new FakeGraph();
	const second = graph.vertex('second', {
		async execute(_inputs, {signal}) {
			await aborted(signal);
			throw new Error('two');
		},
	});
	const first = graph.vertex('first', {
		execute() {
			throw new Error('one');
		},
	});
	const error = await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: [second, first]})), {instanceOf: SolveError, message: 'failed to solve: one'});
	t.deepEqual(error.others.map(other => other.message), ['failed to solve: two']);
	t.deepEqual(error.others[0]?.vertex, {vertex: 'second'});
	t.deepEqual(graph.told('second'), ['started', 'error: two']);
});

test('what waits for its turn does not start after a failure', async t => {
	const graph = new FakeGraph();
	const stages = Array.from({length: 10}, (_, index) => graph.vertex(`stage ${index}`, {
		execute() {
			throw new Error('no');
		},
	}));
	await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: stages}), {maximumParallelism: 1}), {instanceOf: SolveError});
	t.is(graph.executed.length, 1);
	t.deepEqual(graph.told('stage 5'), []);
});

test('a content that cannot be digested fails the vertex that takes it', async t => {
	const graph = new FakeGraph();
	const context = graph.vertex('context', {uncacheable: true});
	const copy = graph.vertex('copy', {
		inputs: [context],
		byContent: ['context'],
		digestContent() {
			throw new Error('"/x": not found');
		},
	});
	const error = await t.throwsAsync(graph.solve(copy), {instanceOf: SolveError, message: 'failed to solve: failed to compute cache key: "/x": not found'});
	t.is(error.digest, copy.digest);
	t.deepEqual(graph.told('copy'), ['started', 'error: "/x": not found']);
	t.deepEqual(graph.told('context'), ['started', 'completed']);
});

test('of several contents that cannot be digested, the first in the order of the steps is told', async t => {
	const graph = new FakeGraph();
	const context = graph.vertex('context', {uncacheable: true});
	const missing = (name: string, root: Vertex<string>) => graph.vertex(name, {
		inputs: [root, context],
		byContent: ['context'],
		digestContent() {
			throw new Error(`"/${name}": not found`);
		},
	});
	const first = missing('first', graph.vertex('base'));
	const second = missing('second', graph.vertex('between', {inputs: [first]}));
	await t.throwsAsync(graph.solve(second), {message: 'failed to solve: failed to compute cache key: "/first": not found'});
});

test('an operation without a cache map fails its vertex', async t => {
	const graph = new FakeGraph();
	const source = graph.vertex('source', {cacheMapError: new Error('no such image')});
	const error = await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: [source]})), {instanceOf: SolveError, message: 'failed to solve: failed to load cache key: no such image'});
	t.is(error.digest, source.digest);
	t.deepEqual(graph.told('source'), ['started', 'error: no such image']);
});

test('a cache that fails is no failure of a vertex', async t => {
	const graph = new FakeGraph();
	const cause = new Error('disk I/O error');
	graph.cache.find = async () => {
		throw cause;
	};

	const error = await t.throwsAsync(graph.solve(graph.vertex('a')));
	t.is(error, cause);
});

test('the reason of the caller is what is thrown, after all has ended', async t => {
	const graph = new FakeGraph();
	const controller = new AbortController();
	const reason = new Error('Ctrl-C');
	let hasEnded = false;
	const running = graph.vertex('running', {
		async execute(_inputs, {signal}) {
			controller.abort(reason);
			t.true(signal.aborted);
			hasEnded = true;
			signal.throwIfAborted();
			return '';
		},
	});
	const error = await t.throwsAsync(graph.solve(running, {signal: controller.signal}));
	t.is(error, reason);
	t.true(hasEnded);
	t.deepEqual(graph.told('running'), ['started', 'canceled']);
});

test('nothing begins when the caller has ended it before', async t => {
	const graph = new FakeGraph();
	const reason = new Error('too late');
	const target = graph.vertex('a');
	const error = await t.throwsAsync(graph.solve(target, {signal: AbortSignal.abort(reason)}));
	t.is(error, reason);
	t.deepEqual(graph.calls, []);
	t.deepEqual(graph.events, []);
});

test('an operation that ends well in spite of the end is not counted as canceled', async t => {
	const graph = new FakeGraph();
	const deaf = graph.vertex('deaf', {
		async execute(_inputs: readonly string[], {signal}: ExecutionContext) {
			await aborted(signal);
			return 'done';
		},
	});
	const bad = graph.vertex('bad', {
		execute() {
			throw new Error('no');
		},
	});
	await t.throwsAsync(graph.solve(graph.vertex('top', {inputs: [deaf, bad]})), {message: 'failed to solve: no'});
	t.deepEqual(graph.told('deaf'), ['started', 'completed']);
	t.is(graph.cache.size, 1);
});

async function aborted(signal: AbortSignal): Promise<void> {
	await new Promise<void>(resolve => {
		signal.addEventListener('abort', () => {
			resolve();
		}, {once: true});
	});
}
