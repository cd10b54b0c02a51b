import test from 'ava';
import {solveAll} from '../../solver/scheduler.ts';
import {FakeGraph} from '../support/fake-graph.ts';

test('the shared part of a diamond executes once', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const left = graph.vertex('left', {inputs: [base]});
	const right = graph.vertex('right', {inputs: [base]});
	const top = graph.vertex('top', {inputs: [left, right]});

	t.is(await graph.solve(top), 'top(left(base()),right(base()))');
	t.deepEqual(graph.executed.toSorted(), ['base', 'left', 'right', 'top']);
});

test('a vertex that is its input twice executes once and is given twice', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	t.is(await graph.solve(graph.vertex('top', {inputs: [base, base]})), 'top(base(),base())');
	t.deepEqual(graph.executed, ['base', 'top']);
});

test('several targets are one job, with results in their order', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const targets = [graph.vertex('b', {inputs: [base]}), graph.vertex('a', {inputs: [base]})];
	const results = await solveAll(targets, {
		cache: graph.cache,
		progress(event) {
			graph.events.push(event);
		},
		signal: new AbortController().signal,
	});
	t.deepEqual(results, ['b(base())', 'a(base())']);
	t.is(graph.executed.filter(name => name === 'base').length, 1);
});

test('what is ready executes at the same time', async t => {
	const graph = new FakeGraph();
	const meeting = meet(3);
	const stages = ['a', 'b', 'c'].map(name => graph.vertex(name, {execute: meeting}));
	await graph.solve(graph.vertex('all', {inputs: stages}));
	t.is(graph.executed.length, 4);
});

test('a stage executes while the content of another stage is being made', async t => {
	// COPY --from=first takes content, so its key is not known before `first` has executed; `second` must not wait for that.
	const graph = new FakeGraph();
	const meeting = meet(2);
	const first = graph.vertex('first', {execute: meeting});
	const second = graph.vertex('second', {execute: meeting});
	const base = graph.vertex('base');
	const copyFirst = graph.vertex('copy first', {inputs: [base, first], byContent: ['first']});
	const copySecond = graph.vertex('copy second', {inputs: [copyFirst, second], byContent: ['second']});
	await graph.solve(copySecond);
	t.deepEqual(graph.executed.toSorted(), ['base', 'copy first', 'copy second', 'first', 'second']);
});

test('the root of a copy executes while the copied stage does', async t => {
	const graph = new FakeGraph();
	const meeting = meet(2);
	const root = graph.vertex('root', {execute: meeting});
	const source = graph.vertex('source', {execute: meeting});
	await graph.solve(graph.vertex('copy', {inputs: [root, source], byContent: ['source']}));
	t.is(graph.executed.length, 3);
});

test('no more operations execute at once than allowed', async t => {
	const graph = new FakeGraph();
	let running = 0;
	let most = 0;
	const execute = async () => {
		running++;
		most = Math.max(most, running);
		await new Promise(resolve => {
			setImmediate(resolve);
		});
		running--;
		return '';
	};

	const stages = Array.from({length: 20}, (_, index) => graph.vertex(`stage ${index}`, {execute}));
	await graph.solve(graph.vertex('all', {inputs: stages}), {maximumParallelism: 3});
	t.is(most, 3);
});

test('a chain of 10,000 vertexes does not overflow the stack', async t => {
	const graph = new FakeGraph();
	let vertex = graph.vertex('0', {execute: () => 'end'});
	for (let index = 1; index < 10_000; index++) {
		vertex = graph.vertex(String(index), {inputs: [vertex], execute: ([input]) => input!});
	}

	t.is(await graph.solve(vertex), 'end');
	t.is(graph.executed.length, 10_000);
	graph.forget();
	t.is(await graph.solve(vertex), 'end');
	t.deepEqual(graph.executed, []);
	t.is(graph.events.filter(event => event.type === 'vertex' && event.cached).length, 10_000);
});

/** An operation that ends only when `count` of them execute at the same time. */
function meet(count: number): () => Promise<string> {
	const {promise, resolve} = Promise.withResolvers<string>();
	let present = 0;
	return async () => {
		present++;
		if (present === count) {
			resolve('met');
		}

		return promise;
	};
}
