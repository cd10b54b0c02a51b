import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import type {ExecutionContext} from '../../solver/vertex.ts';
import {FakeGraph, type FakeOptions} from '../support/fake-graph.ts';

/** Base -> run -> copy(run, context by content) -> last */
function pipeline(graph: FakeGraph, {context = 'files', contextName = 'context', run = {}}: {readonly context?: string; readonly contextName?: string; readonly run?: FakeOptions} = {}) {
	const base = graph.vertex('base');
	const ran = graph.vertex('run', {inputs: [base], ...run});
	const local = graph.vertex(contextName, {uncacheable: true, execute: () => context});
	const copy = graph.vertex('copy', {inputs: [ran, local], byContent: [contextName]});
	return graph.vertex('last', {inputs: [copy]});
}

test('a second solve executes nothing and loads only the target', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const target = graph.vertex('top', {inputs: [graph.vertex('middle', {inputs: [base]})]});
	const first = await graph.solve(target);
	graph.forget();

	t.is(await graph.solve(target), first);
	t.deepEqual(graph.executed, []);
	t.deepEqual(graph.cache.calls.filter(call => call !== 'find'), ['load top']);
});

test('a content that is unchanged is found whatever made it', async t => {
	const graph = new FakeGraph();
	const first = await graph.solve(pipeline(graph));
	graph.forget();

	t.is(await graph.solve(pipeline(graph)), first);
	t.deepEqual(graph.calls, ['execute context', 'digest context for copy']);

	graph.forget();
	t.is(await graph.solve(pipeline(graph, {contextName: 'other folder'})), first);
	t.deepEqual(graph.calls, ['execute other folder', 'digest other folder for copy']);
});

test('a changed content executes what takes it and what follows, and nothing else', async t => {
	const graph = new FakeGraph();
	await graph.solve(pipeline(graph));
	graph.forget();

	t.is(await graph.solve(pipeline(graph, {context: 'changed'})), 'last(copy(run(base()),changed))');
	t.deepEqual(graph.executed, ['context', 'copy', 'last']);
	t.true(graph.cache.calls.includes('load run'));
	t.false(graph.cache.calls.includes('load base'));
});

test('a changed definition executes it and what follows', async t => {
	const graph = new FakeGraph();
	await graph.solve(pipeline(graph));
	graph.forget();

	await graph.solve(pipeline(graph, {run: {definition: 'run something else'}}));
	t.deepEqual(graph.executed.toSorted(), ['context', 'copy', 'last', 'run']);
});

test('a copy found by definition does not look at its stage', async t => {
	const graph = new FakeGraph();
	const stage = graph.vertex('stage');
	const copy = graph.vertex('copy', {inputs: [graph.vertex('base'), stage], byContent: ['stage']});
	await graph.solve(copy);
	graph.forget();

	await graph.solve(copy);
	t.deepEqual(graph.calls, []);
	t.deepEqual(graph.cache.calls.filter(call => call !== 'find'), ['load copy']);
});

test('a rebuilt stage with the same content leads to the same keys, and is then known by definition too', async t => {
	const graph = new FakeGraph();
	const build = (definition: string) => {
		const stage = graph.vertex('stage', {definition, execute: () => 'same files'});
		const copy = graph.vertex('copy', {inputs: [graph.vertex('base'), stage], byContent: ['stage']});
		return graph.vertex('run after copy', {inputs: [copy]});
	};

	await graph.solve(build('1'));
	graph.forget();
	await graph.solve(build('2'));
	t.deepEqual(graph.executed, ['stage']);
	t.true(graph.cache.calls.includes('alias copy'));

	graph.forget();
	await graph.solve(build('2'));
	t.deepEqual(graph.calls, []);
});

test('the part that is taken of an input belongs to the key by definition, not to the key by content', async t => {
	const graph = new FakeGraph();
	const stage = graph.vertex('stage');
	const build = (path: string, content: string) => graph.vertex(`copy ${path}`, {
		inputs: [stage],
		definition: 'copy',
		byContent: ['stage'],
		selectors: [digestOf(path)],
		digestContent: () => digestOf(content),
	});

	await graph.solve(build('/a', 'x'));
	graph.forget();
	await graph.solve(build('/b', 'y'));
	t.deepEqual(graph.executed, ['copy /b']);
	graph.forget();
	await graph.solve(build('/c', 'x'));
	t.deepEqual(graph.executed, []);
});

test('a vertex whose cache is ignored executes, and so does all that follows it', async t => {
	const graph = new FakeGraph();
	await graph.solve(pipeline(graph));
	graph.forget();

	await graph.solve(pipeline(graph, {run: {ignoreCache: true, execute: () => 'new'}}));
	t.deepEqual(graph.executed.toSorted(), ['context', 'copy', 'last', 'run']);

	graph.forget();
	t.is(await graph.solve(pipeline(graph)), 'last(copy(new,files))', 'what was made then is found now');
	t.deepEqual(graph.executed, ['context']);
});

test('a job that ignores the cache and then fails leaves the records of the steps that it did not come to', async t => {
	const graph = new FakeGraph();
	const build = (run: FakeOptions, after: FakeOptions = {}) => {
		const ran = graph.vertex('run', {inputs: [graph.vertex('base')], ...run});
		const next = graph.vertex('after', {inputs: [ran], ...after});
		const stage = graph.vertex('copy from', {inputs: [graph.vertex('base'), next], byContent: ['after']});
		return graph.vertex('last', {inputs: [stage]});
	};

	const first = await graph.solve(build({}));
	graph.forget();
	await t.throwsAsync(graph.solve(build({ignoreCache: true, execute: () => 'new'}, {
		execute() {
			throw new Error('no network');
		},
	})));
	t.deepEqual(graph.executed, ['run', 'after']);
	graph.forget();
	t.is(await graph.solve(build({})), first);
	t.deepEqual(graph.executed, []);
});

test('while a job ignores the cache, another finds what it found before', async t => {
	const graph = new FakeGraph();
	const first = await graph.solve(pipeline(graph));
	await graph.solve(pipeline(graph, {run: {ignoreCache: true, execute: () => 'new'}, context: 'other files'}));
	graph.forget();
	t.is(await graph.solve(pipeline(graph)), first);
	t.deepEqual(graph.executed, ['context']);
});

test('the content of a stage whose cache is ignored is looked at, also when the copy is known by definition', async t => {
	const graph = new FakeGraph();
	const build = (content: string, isCacheIgnored: boolean) => {
		const stage = graph.vertex('stage', {ignoreCache: isCacheIgnored, execute: () => content});
		return graph.vertex('copy', {inputs: [graph.vertex('base'), stage], byContent: ['stage']});
	};

	await graph.solve(build('old', false));
	graph.forget();
	t.is(await graph.solve(build('old', true)), 'copy(base(),old)');
	t.deepEqual(graph.executed, ['stage']);
	graph.forget();
	t.is(await graph.solve(build('new', true)), 'copy(base(),new)');
	t.deepEqual(graph.executed, ['stage', 'copy']);
	graph.forget();
	t.is(await graph.solve(build('new', false)), 'copy(base(),new)');
	t.deepEqual(graph.executed, []);
});

test('a vertex whose cache is ignored takes content, which is recorded for later', async t => {
	const graph = new FakeGraph();
	const context = graph.vertex('context', {uncacheable: true});
	const build = (isCacheIgnored: boolean) => graph.vertex('copy', {inputs: [context], byContent: ['context'], ignoreCache: isCacheIgnored});
	await graph.solve(build(true));
	t.deepEqual(graph.executed, ['context', 'copy']);
	graph.forget();
	await graph.solve(build(true));
	t.deepEqual(graph.executed, ['context', 'copy']);
	graph.forget();
	await graph.solve(build(false));
	t.deepEqual(graph.executed, ['context']);
});

test('a result that is gone is made again, from inputs that are not', async t => {
	const graph = new FakeGraph();
	const first = await graph.solve(pipeline(graph));
	graph.forget();
	graph.cache.loseResults(description => description === 'last');

	t.is(await graph.solve(pipeline(graph)), first);
	t.deepEqual(graph.executed, ['context', 'last']);
	t.true(graph.cache.calls.includes('load copy'));
	t.true(graph.cache.calls.includes('record last'));

	graph.forget();
	t.is(await graph.solve(pipeline(graph)), first);
	t.deepEqual(graph.executed, ['context']);
});

test('a result that is gone with all below it is made again from the ground', async t => {
	const graph = new FakeGraph();
	const first = await graph.solve(pipeline(graph));
	graph.forget();
	graph.cache.loseResults(() => true);

	t.is(await graph.solve(pipeline(graph)), first);
	t.deepEqual(graph.executed.toSorted(), ['base', 'context', 'copy', 'last', 'run']);
});

test('a result without the records of what it was made of is found all the same', async t => {
	const graph = new FakeGraph();
	await graph.solve(pipeline(graph));
	graph.forget();
	graph.cache.loseRecords(description => description !== 'last');

	await graph.solve(pipeline(graph));
	t.deepEqual(graph.executed, ['context']);
});

test('what stands on a result of this job alone is neither looked up nor recorded', async t => {
	const graph = new FakeGraph();
	const local = graph.vertex('local', {uncacheable: true});
	const target = graph.vertex('run in context', {inputs: [local]});
	await graph.solve(target);
	await graph.solve(target);
	t.deepEqual(graph.executed, ['local', 'run in context', 'local', 'run in context']);
	t.deepEqual(graph.cache.calls, []);
});

test('what is made of an input that has changed since it was digested is not found again', async t => {
	const graph = new FakeGraph();
	const spoilt = {
		execute(_inputs: readonly string[], {forbidRecord}: ExecutionContext) {
			forbidRecord();
			return 'changed meanwhile';
		},
	};
	const build = (copy: FakeOptions) => {
		const context = graph.vertex('context', {uncacheable: true, execute: () => 'files'});
		const copied = graph.vertex('copy', {inputs: [graph.vertex('base'), context], byContent: ['context'], ...copy});
		const stage = graph.vertex('stage', {inputs: [copied]});
		return graph.vertex('last', {inputs: [graph.vertex('base'), stage], byContent: ['stage']});
	};

	t.is(await graph.solve(build(spoilt)), 'last(base(),stage(changed meanwhile))');
	graph.forget();

	t.is(await graph.solve(build({})), 'last(base(),stage(copy(base(),files)))');
	t.deepEqual(graph.executed, ['context', 'copy', 'stage', 'last']);
});
