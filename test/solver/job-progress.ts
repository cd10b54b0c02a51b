import {Buffer} from 'node:buffer';
import test from 'ava';
import {JobProgress} from '../../solver/job-progress.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import type {ProgressEvent} from '../../src/kernel/progress-event.ts';
import {FakeGraph} from '../support/fake-graph.ts';

test('every vertex is announced once, after its inputs and before anything starts', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const middle = graph.vertex('middle', {inputs: [base]});
	const top = graph.vertex('top', {inputs: [middle, base]});
	await graph.solve(top);
	t.like(graph.events.slice(0, 3), [
		{type: 'vertex', name: 'base', inputs: []},
		{type: 'vertex', name: 'middle', inputs: [base.digest]},
		{type: 'vertex', name: 'top', inputs: [middle.digest, base.digest]},
	]);
	t.false(graph.events.slice(0, 3).some(event => 'started' in event));
	t.is(graph.events.length, 9);
});

test('a vertex that executes starts and completes once, with times', async t => {
	const before = Date.now();
	const graph = new FakeGraph();
	await graph.solve(graph.vertex('a'));
	t.deepEqual(graph.told('a'), ['started', 'completed']);
	const last = graph.events.at(-1)!;
	t.true(last.type === 'vertex' && last.started! >= before - 1 && last.completed! >= last.started! && last.cached === undefined);
});

test('what leads to a cached vertex is told as cached before it', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const target = graph.vertex('top', {inputs: [graph.vertex('middle', {inputs: [base]})]});
	await graph.solve(target);
	graph.forget();
	await graph.solve(target);
	t.deepEqual(graph.events.slice(3).map(event => event.type === 'vertex' && [event.name, event.cached]), [['base', true], ['middle', true], ['top', true]]);
});

test('cached vertexes are told before what executes after them', async t => {
	const graph = new FakeGraph();
	const middle = graph.vertex('middle', {inputs: [graph.vertex('base')]});
	await graph.solve(middle);
	graph.forget();
	await graph.solve(graph.vertex('top', {inputs: [middle]}));
	t.deepEqual(graph.told('base'), ['cached']);
	t.deepEqual(graph.told('middle'), ['cached']);
	t.deepEqual(graph.events.slice(3).map(event => event.type === 'vertex' && event.name), ['base', 'middle', 'top', 'top']);
});

test('a context that is read for a key by content completes without being cached', async t => {
	const graph = new FakeGraph();
	const copy = graph.vertex('copy', {inputs: [graph.vertex('base'), graph.vertex('context', {uncacheable: true})], byContent: ['context']});
	await graph.solve(copy);
	graph.forget();
	await graph.solve(copy);
	t.deepEqual(graph.told('base'), ['cached']);
	t.deepEqual(graph.told('context'), ['started', 'completed']);
	t.deepEqual(graph.told('copy'), ['cached']);
});

test('a vertex that nobody needed and nobody found stays announced', async t => {
	const graph = new FakeGraph();
	const target = graph.vertex('top', {inputs: [graph.vertex('base')]});
	await graph.solve(target);
	graph.forget();
	graph.cache.loseRecords(description => description === 'base');
	await graph.solve(target);
	t.deepEqual(graph.told('base'), []);
	t.deepEqual(graph.told('top'), ['cached']);
});

test('a record whose result is gone is not told as cached', async t => {
	const graph = new FakeGraph();
	const target = graph.vertex('top', {inputs: [graph.vertex('base')]});
	await graph.solve(target);
	graph.forget();
	graph.cache.loseResults(description => description === 'top');
	await graph.solve(target);
	t.deepEqual(graph.told('base'), ['cached']);
	t.deepEqual(graph.told('top'), ['started', 'completed']);
});

test('an operation reports output and amounts', async t => {
	const graph = new FakeGraph();
	const vertex = graph.vertex('a', {
		execute(_inputs, {log, status}) {
			log('stderr', Buffer.from('hello\n'));
			status({id: 'reading', current: 1, total: 2});
			status({
				id: 'reading', current: 2, total: 2, completed: true,
			});
			return '';
		},
	});
	await graph.solve(vertex);
	const [log, first, second] = graph.events.slice(2);
	t.like(log, {
		type: 'log', vertex: vertex.digest, stream: 'stderr', data: Buffer.from('hello\n'),
	});
	t.like(first, {
		type: 'status', vertex: vertex.digest, id: 'reading', current: 1, total: 2,
	});
	t.true(first?.type === 'status' && second?.type === 'status' && first.completed === undefined && second.completed !== undefined && first.started === second.started);
});

test('what is told while a key is made is shown when the vertex starts, and when it is cached', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base', {earlyStatus: 'resolve base'});
	const order = () => graph.events.flatMap(event => {
		if (event.type === 'vertex') {
			return event.name === 'base' && event.started !== undefined ? [event.completed === undefined ? 'started' : 'ended'] : [];
		}

		return event.type === 'status' ? [event.id] : [];
	});
	await graph.solve(graph.vertex('top', {inputs: [base]}));
	t.deepEqual(order(), ['started', 'resolve base', 'ended']);
	graph.forget();
	await graph.solve(graph.vertex('other', {inputs: [base]}));
	t.deepEqual(order(), ['started', 'resolve base', 'ended']);
	t.deepEqual(graph.told('base'), ['started', 'cached']);
});

test('what is told while a key is made is shown when that fails', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base', {earlyStatus: 'resolve base', cacheMapError: new Error('no key')});
	await t.throwsAsync(graph.solve(base));
	t.deepEqual(graph.told('base'), ['started', 'error: no key']);
	t.true(graph.events.some(event => event.type === 'status'));
});

test('a vertex and its part are shown as one', async t => {
	const graph = new FakeGraph();
	const base = graph.vertex('base');
	const whole = (execute?: () => string) => {
		const {digest} = graph.vertex('whole', {inputs: [base, graph.vertex('part')]});
		return graph.vertex('whole', {inputs: [base, graph.vertex('part', {partOf: digest, ...(execute && {execute})})]});
	};

	await graph.solve(whole());
	t.deepEqual(graph.told('part'), []);
	t.deepEqual(graph.told('whole'), ['started', 'completed']);
	t.false(graph.events.some(event => event.type === 'vertex' && event.inputs.includes(graph.vertex('part').digest)));
	graph.forget();
	await graph.solve(whole());
	t.deepEqual([graph.told('part'), graph.told('whole')], [[], ['cached']]);
	const failing = new FakeGraph();
	await t.throwsAsync(failing.solve(whole(() => {
		throw new Error('broken');
	})));
	t.deepEqual([failing.told('part'), failing.told('whole')], [[], ['started', 'error: broken']]);
});

test('a cached vertex starts once more while its result is fetched, and completes with the last of that work', t => {
	const events: ProgressEvent[] = [];
	const vertex = {digest: digestOf('vertex'), name: 'vertex', inputs: []};
	const begin = new JobProgress(event => {
		events.push(event);
	}).lateReporter(vertex, new AbortController().signal);
	const [download, extraction] = [begin(), begin()];
	download.status({id: 'layer', current: 1, total: 2});
	download[Symbol.dispose]();
	extraction[Symbol.dispose]();
	begin()[Symbol.dispose]();
	const told = events.map(event => (event.type === 'vertex' ? (event.completed === undefined ? 'started' : 'completed') : event.type));
	t.deepEqual(told, ['started', 'status', 'completed', 'started', 'completed']);
	t.true(events.every(event => event.type !== 'vertex' || event.cached === undefined));
});
