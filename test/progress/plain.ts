import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent, StatusEvent, VertexEvent} from '../../src/kernel/progress-event.ts';
import {PlainDisplay, type PlainOptions} from '../../src/progress/plain.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {readRecordedEvents, readRecordedText, replay} from '../support/recorded-progress.ts';

const start = 1_700_000_000_000;
const digests = {a: digestOf('a'), b: digestOf('b')};

function vertex(name: keyof typeof digests, state: Pick<VertexEvent, 'started' | 'completed' | 'cached' | 'error' | 'canceled'>): ProgressEvent {
	return {
		type: 'vertex', digest: digests[name], name: `[${name}] RUN ${name}`, inputs: [], ...state,
	};
}

function log(digest: Digest, text: string | Uint8Array, after: number): ProgressEvent {
	return {
		type: 'log', vertex: digest, stream: 'stdout', data: Buffer.from(text), timestamp: start + after,
	};
}

type Harness = {readonly display: PlainDisplay; readonly clock: ManualClock; readonly output: () => string; readonly writes: readonly string[]};

function open(options: Partial<PlainOptions> = {}, time = start): Harness {
	const writes: string[] = [];
	const clock = new ManualClock(time);
	const display = new PlainDisplay({
		write(text) {
			writes.push(text);
		},
		clock,
		colors: true,
		...options,
	});
	return {
		display,
		clock,
		output: () => writes.join(''),
		writes,
	};
}

/** The output of events that come at once. */
function render(events: readonly ProgressEvent[], options: Partial<PlainOptions> = {}): string {
	const {display, output} = open(options);
	for (const event of events) {
		display.update(event);
	}

	display.finish();
	return output();
}

/** The lines of one step's output, without numbers. */
function renderLog(...chunks: ReadonlyArray<string | Uint8Array>): readonly string[] {
	const output = render([
		vertex('a', {started: start}),
		...chunks.map(chunk => log(digests.a, chunk, 0)),
		vertex('a', {started: start, completed: start}),
	]);
	return output.split('\n').slice(1, -2).map(line => line.replace('#1 0.000 ', ''));
}

/** Output without what differs from build to build: sizes of files, digests and times. */
function mask(text: string): string {
	return text
		.replaceAll(/sha256:[\da-f]{64}/gv, 'sha256:DIGEST')
		.replaceAll(/^#(?<step>\d+) \d+\.\d+ /gmv, '#$<step> TIME ')
		.replaceAll(/^#(?<step>\d+) DONE \d+\.\ds$/gmv, '#$<step> DONE TIME')
		.replaceAll(/(?<= transferring (?:dockerfile|context):) \S+ done$/gmv, ' SIZE done')
		.replaceAll(/ \d+\.\ds(?= done$)/gmv, '');
}

const recorded = test.macro({
	async exec(t, name: string) {
		const batches = await readRecordedEvents(name);
		const {display, clock, output} = open({description: 'building with "rec" instance using remote driver'}, batches.find(({time}) => time > 0)!.time);
		replay(batches, {display, clock});
		display.finish();
		t.is(mask(output()), mask(await readRecordedText(name, 'plain.txt')));
	},
	title: (_, name: string) => `the recorded build "${name}" is shown as BuildKit shows it`,
});

test(recorded, 'single-stage');
test(recorded, 'parallel-stages');
test(recorded, 'parallel-stages-cached');
test(recorded, 'cancelled-sibling');
test(recorded, 'warnings');
test(recorded, 'export-oci');
test(recorded, 'multi-platform-run');
test(recorded, 'stdout-stderr');
test(recorded, 'fully-cached');
test(recorded, 'long-commands');
test(recorded, 'carriage-returns');

test('a step has a header, its lines with their time, and an end', t => {
	t.is(render([
		vertex('a', {started: start}),
		log(digests.a, 'one\ntw', 212),
		log(digests.a, 'o\r\nthree', 1500),
		vertex('a', {started: start, completed: start + 2340}),
	], {description: 'building with "default" instance'}), `#0 building with "default" instance

#1 [a] RUN a
#1 0.212 one
#1 0.212 two
#1 1.500 three
#1 DONE 2.3s
`);
});

test('cached steps, warnings and canceled steps are told', t => {
	t.is(render([
		vertex('a', {started: start, completed: start, cached: true}),
		vertex('b', {started: start}),
		{
			type: 'warning', vertex: digests.b, short: 'Rule: text (line 1)', detail: [],
		},
		vertex('b', {
			started: start, completed: start, error: 'canceled', canceled: true,
		}),
	]), `#1 [a] RUN a
#1 CACHED

#2 [b] RUN b
#2 WARN: Rule: text (line 1)
#2 CANCELED
`);
});

test('a failed step is repeated at the end with its last ten lines', t => {
	const lines = Array.from({length: 12}, (_, index) => `line ${index}`);
	const output = render([
		vertex('a', {started: start}),
		log(digests.a, `${lines.join('\n')}\n`, 100),
		vertex('a', {started: start, completed: start + 200, error: 'exit code: 1'}),
	]);
	t.true(output.endsWith(`#1 ERROR: exit code: 1
------
 > [a] RUN a:
${lines.slice(2).map(line => `0.100 ${line}\n`).join('')}------
`));
});

test('a step that ends while another is shown comes between, and the other one goes on', t => {
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	display.update(log(digests.a, 'begun\n', 0));
	clock.advanceTo(start + 1000);
	display.update(vertex('b', {started: start, completed: start + 1000}));
	clock.advanceTo(start + 2000);
	display.update(log(digests.a, 'more\n', 2000));
	display.update(vertex('a', {started: start, completed: start + 2000}));
	display.finish();
	t.is(output(), `#1 [a] RUN a
#1 0.000 begun
#1 ...

#2 [b] RUN b
#2 DONE 1.0s

#1 [a] RUN a
#1 2.000 more
#1 DONE 2.0s
`);
});

test('a step with news does not wait behind another for more than ten seconds', t => {
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	for (let second = 1; second < 12; second++) {
		clock.advanceTo(start + (second * 1000));
		display.update(log(digests.a, `a ${second}\n`, second * 1000));
		display.update(log(digests.a, `a ${second}\n`, second * 1000));
		display.update(log(digests.b, `b ${second}\n`, second * 1000));
	}

	t.true(output().includes('#1 ...\n\n#2 [b] RUN b\n#2 1.000 b 1\n'), output());
});

test('a status is told again when it went on by a part of its whole, or is done', t => {
	const status = (current: number, more: Partial<StatusEvent> = {}): StatusEvent => ({
		type: 'status', vertex: digests.a, id: 'sha256:ab', current, total: 1000, timestamp: start, started: start, ...more,
	});
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	for (const [index, event] of [status(10), status(20), status(100), status(1000, {completed: start + 500})].entries()) {
		clock.advanceTo(start + ((index + 1) * 1000));
		display.update(event);
	}

	t.deepEqual(output().split('\n').slice(1, -1), [
		'#1 sha256:ab 10B / 1.00kB',
		'#1 sha256:ab 100B / 1.00kB',
		'#1 sha256:ab 1.00kB / 1.00kB 0.5s done',
	]);
});

test('a character that is cut in two by the pipe is whole again', t => {
	const bytes = Buffer.from('ä\n');
	t.deepEqual(renderLog(bytes.subarray(0, 1), bytes.subarray(1)), ['ä']);
});

test('of a line that is written over the last piece is shown', t => {
	t.deepEqual(renderLog('a\rb\rc\n', 'dos\r\n', '10%\r', '50%\r', '100%\r\n', '\r\r\n', '\n'), ['c', 'dos', '100%', '', '']);
});

test('of control sequences only colours are kept, and they end with their line', t => {
	t.deepEqual(renderLog(
		'\u{1B}[31mred\u{1B}[0m\n',
		'\u{1B}[1;32mopen\n',
		'\u{1B}[2J\u{1B}[10A\u{1B}[?25lgone\u{1B}[K\u{1B}c\u{1B}7\n',
		'\u{1B}]0;title\u{7}after\u{1B}]8;;https://example.com\u{1B}\\link\n',
		'\u{9B}2Jeight bits\u{85}\u{90}\n',
		'bell\u{7} null\0 delete\u{7F} tab\there\n',
		'\u{1B}[6ncut \u{1B}[31',
		'mhere\n',
		'\u{1B}[>4;2mkeyboard\n',
		'\u{1B}P1$qm unfinished string\n',
	), [
		'\u{1B}[31mred\u{1B}[0m',
		'\u{1B}[1;32mopen\u{1B}[0m',
		'gone',
		'afterlink',
		'eight bits',
		'bell null delete tab\there',
		'cut \u{1B}[31mhere\u{1B}[0m',
		'keyboard',
		'',
	]);
});

test('without colours none are left', t => {
	const output = render([
		vertex('a', {started: start}),
		log(digests.a, '\u{1B}[31mred\u{1B}[0m\n', 0),
	], {colors: false});
	t.is(output, '#1 [a] RUN a\n#1 0.000 red\n');
});

test('names, statuses, warnings and errors cannot control the terminal', t => {
	const evil = '\u{1B}[2Jevil\u{7}';
	const output = render([
		{
			type: 'vertex', digest: digests.a, name: `RUN ${evil}\nmore`, inputs: [], started: start,
		},
		{
			type: 'status', vertex: digests.a, id: evil, current: 0, total: 0, timestamp: start,
		},
		{
			type: 'warning', vertex: digests.a, short: evil, detail: [],
		},
		{
			type: 'vertex', digest: digests.a, name: `RUN ${evil}`, inputs: [], started: start, completed: start, error: `one\n${evil}`,
		},
	]);
	t.is(output, '#1 RUN evil more\n#1 evil\n#1 WARN: evil\n#1 ERROR: one\nevil\n------\n > RUN evil more:\n------\n');
});

test('a line that has not ended is shown as far as it goes, and goes on in place', t => {
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	display.update(log(digests.a, 'part one ', 100));
	clock.advanceTo(start + 1000);
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part one ');
	display.update(log(digests.a, 'part two\n', 1000));
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part one part two\n');
});

test('a line that has not ended when another step ends is repeated afterwards', t => {
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	display.update(log(digests.a, 'part one ', 100));
	clock.advanceTo(start + 1000);
	display.update(vertex('b', {started: start + 900, completed: start + 1000, cached: true}));
	clock.advanceTo(start + 2000);
	display.update(log(digests.a, 'part two', 2000));
	display.finish();
	t.is(output(), `#1 [a] RUN a
#1 0.100 part one${' '}
#1 ...

#2 [b] RUN b
#2 CACHED

#1 [a] RUN a
#1 0.100 part one part two
`);
});

test('a text of no step stands on a line of its own', t => {
	const {display, clock, output} = open();
	display.update(vertex('a', {started: start}));
	display.update(log(digests.a, 'part', 100));
	clock.advanceTo(start + 1000);
	display.message('WARNING: something\n');
	display.finish();
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part\nWARNING: something\n');
});

test('long names are cut only when asked', t => {
	t.is(render([vertex('a', {started: start})], {nameLength: 5}), '#1 [a] R...\n');
});

test('a line without end is shown in pieces', t => {
	const lines = renderLog('x'.repeat(100_000), `${'y'.repeat(100_000)}\n`);
	t.deepEqual(lines.map(line => line.length), [65_536, 65_536, 65_536, 3392]);
	t.is(lines.join(''), 'x'.repeat(100_000) + 'y'.repeat(100_000));
});

test('a character is not cut in two where a long line is', t => {
	t.is(renderLog(`x${'😀'.repeat(40_000)}\n`).join(''), `x${'😀'.repeat(40_000)}`);
});

test('output that is written over does not pile up', t => {
	const {display, output} = open();
	display.update(vertex('a', {started: start}));
	const chunk = Buffer.from('downloading 50%\r'.repeat(4096));
	for (let index = 0; index < 100; index++) {
		display.update(log(digests.a, chunk, 0));
	}

	display.update(log(digests.a, 'done\n', 0));
	display.finish();
	t.is(output(), '#1 [a] RUN a\n#1 0.000 done\n');
});

test('the output of a step that is not shown does not pile up', t => {
	const {display, writes} = open();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	const chunk = `${'b'.repeat(999)}\n`.repeat(64);
	for (let index = 0; index < 400; index++) {
		display.update(log(digests.b, chunk, 0));
	}

	const sizes = writes.map(text => text.length);
	t.true(sizes.reduce((total, size) => total + size, 0) > 400 * 60_000, 'it was written while the clock stood still');
	t.true(Math.max(...sizes) < 2 ** 21);
});

test('the interval between two displays is at least a tenth of a second', t => {
	const {display, clock, writes} = open();
	for (let time = 0; time < 1000; time++) {
		clock.advanceTo(start + time);
		display.update(time === 0 ? vertex('a', {started: start}) : log(digests.a, 'x\n', time));
	}

	t.is(writes.length, 10);
});
