import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf} from '../../src/kernel/digest.ts';
import {RawJsonDisplay} from '../../src/progress/raw-json.ts';
import {readRecordedEvents} from '../support/recorded-progress.ts';

function open(): {readonly display: RawJsonDisplay; readonly lines: string[]} {
	const lines: string[] = [];
	const display = new RawJsonDisplay({
		write(text) {
			lines.push(text.slice(0, -1));
		},
	});
	return {display, lines};
}

// Our times are doubles: since 2004 they are right to a quarter of a microsecond.
const precision = 250;

const timePattern = /"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.?(?<fraction>\d*)Z"/gv;

/** A line without its times, and without the verb of a status, which our events do not know. */
function mask(line: string): string {
	return line.replaceAll('"name":"transferring",', '').replaceAll(timePattern, 'TIME');
}

/** The times of a line in nanoseconds since the start of their second. */
function fractionsOf(line: string): readonly number[] {
	return line.matchAll(timePattern).map(({groups}) => Number(groups!.fraction!.padEnd(9, '0'))).toArray();
}

const recorded = test.macro({
	async exec(t, name: string) {
		const batches = await readRecordedEvents(name);
		// We tell each event on a line of its own.
		for (const {events, line} of batches) {
			const [event, ...others] = events;
			if (event === undefined || others.length > 0) {
				continue;
			}

			const {display, lines} = open();
			display.update(event);
			const [told = ''] = lines;
			t.is(mask(told), mask(line));
			const fractions = fractionsOf(line);
			t.true(fractionsOf(told).every((fraction, index) => Math.abs(fraction - fractions[index]!) <= precision), told);
		}
	},
	title: (_, name: string) => `the events of "${name}" are told as BuildKit tells them`,
});

test(recorded, 'single-stage');
test(recorded, 'cancelled-sibling');
test(recorded, 'export-oci');
test(recorded, 'multi-platform-run');
test(recorded, 'parallel-stages-cached');

test('a warning has its texts in Base64 and its place', t => {
	const {display, lines} = open();
	display.update({
		type: 'warning', vertex: digestOf('a'), short: 'short', detail: ['detail'], url: 'https://example.com/?a&b', file: 'Dockerfile', content: new TextEncoder().encode('FROM a'), lines: [{start: 2, end: 3}],
	});
	const base64 = (text: string): string => Buffer.from(text).toString('base64');
	t.deepEqual(lines, [
		String.raw`{"warnings":[{"vertex":"${digestOf('a')}","level":1,"short":"${base64('short')}","detail":["${base64('detail')}"],"url":"https://example.com/?a\u0026b","sourceInfo":{"filename":"Dockerfile","data":"${base64('FROM a')}","language":"Dockerfile"},"range":[{"start":{"line":2},"end":{"line":2}},{"start":{"line":3},"end":{"line":3}}]}]}`,
	]);
});

test('a canceled vertex says so at the end of its error', t => {
	const {display, lines} = open();
	for (const error of [undefined, 'exit code: 137', 'context canceled']) {
		display.update({
			type: 'vertex', digest: digestOf('a'), name: 'a', inputs: [], canceled: true, ...(error !== undefined && {error}),
		});
	}

	t.deepEqual(lines.map(line => (JSON.parse(line) as {vertexes: [{error: string}]}).vertexes[0].error), ['context canceled', 'exit code: 137: context canceled', 'context canceled']);
});

test('output is told byte by byte', t => {
	const {display, lines} = open();
	const data = Uint8Array.of(0, 1, 255, 27, 10).subarray(1);
	display.update({
		type: 'log', vertex: digestOf('a'), stream: 'stderr', data, timestamp: 1_700_000_000_000,
	});
	t.deepEqual(lines, [`{"logs":[{"vertex":"${digestOf('a')}","stream":2,"data":"Af8bCg==","timestamp":"2023-11-14T22:13:20Z"}]}`]);
});

test('times have as many digits as they need', t => {
	const {display, lines} = open();
	for (const milliseconds of [0.5, 1, 250, 999.75, 1000, 1_700_000_000_100]) {
		display.update({
			type: 'vertex', digest: digestOf('a'), name: 'a', inputs: [], started: milliseconds,
		});
	}

	t.deepEqual(lines.map(line => (JSON.parse(line) as {vertexes: [{started: string}]}).vertexes[0].started), [
		'1970-01-01T00:00:00.0005Z',
		'1970-01-01T00:00:00.001Z',
		'1970-01-01T00:00:00.25Z',
		'1970-01-01T00:00:00.99975Z',
		'1970-01-01T00:00:01Z',
		'2023-11-14T22:13:20.1Z',
	]);
});

test('a text of no step is JSON too', t => {
	const {display, lines} = open();
	display.message('WARNING: <b>\n');
	display.finish();
	t.deepEqual(lines, [`{"warnings":[{"level":1,"short":"${Buffer.from('WARNING: <b>').toString('base64')}"}]}`]);
});
