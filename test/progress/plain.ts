import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent} from '../../src/kernel/progress-event.ts';
import {formatStatus, PlainProgress} from '../../src/progress/plain.ts';
import {formatBytes, formatLogTime} from '../../src/progress/units.ts';

const start = 1_700_000_000_000;
const digests = {
	a: digestOf('a'),
	b: digestOf('b'),
};

function vertex(name: keyof typeof digests, state: {readonly started?: number; readonly completed?: number; readonly cached?: boolean; readonly error?: string; readonly canceled?: boolean}): ProgressEvent {
	return {
		type: 'vertex',
		digest: digests[name],
		name: `[${name}] RUN ${name}`,
		inputs: [],
		...state,
	};
}

function log(digest: Digest, text: string | Uint8Array, after: number): ProgressEvent {
	return {
		type: 'log',
		vertex: digest,
		stream: 'stdout',
		data: typeof text === 'string' ? Buffer.from(text) : text,
		timestamp: start + after,
	};
}

function render(events: readonly ProgressEvent[], description?: string): string {
	let text = '';
	using progress = new PlainProgress(chunk => {
		text += chunk;
	}, description);
	for (const event of events) {
		progress.update(event);
	}

	progress.finish();
	return text;
}

test('a step has a header, its lines with their time, and an end', t => {
	t.is(render([
		vertex('a', {started: start}),
		log(digests.a, 'one\ntw', 212),
		log(digests.a, 'o\r\nthree', 1500),
		vertex('a', {started: start, completed: start + 2340}),
	], 'building with "default" instance'), `#0 building with "default" instance

#1 [a] RUN a
#1 0.212 one
#1 0.212 two
#1 1.500 three
#1 DONE 2.3s
`);
});

test('a character that is cut in two by the pipe is whole again', t => {
	const bytes = Buffer.from('ä\n');
	const output = render([
		vertex('a', {started: start}),
		log(digests.a, bytes.subarray(0, 1), 0),
		log(digests.a, bytes.subarray(1), 0),
		vertex('a', {started: start, completed: start}),
	]);
	t.true(output.includes('#1 0.000 ä\n'));
});

test('cached steps, warnings and canceled steps are told', t => {
	t.is(render([
		vertex('a', {started: start, completed: start, cached: true}),
		vertex('b', {started: start}),
		{
			type: 'warning',
			vertex: digests.b,
			short: 'Rule: text (line 1)',
			detail: [],
		},
		vertex('b', {
			started: start,
			completed: start,
			error: 'canceled',
			canceled: true,
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
	const output = render([
		vertex('a', {started: start}),
		vertex('b', {started: start}),
		vertex('b', {started: start, completed: start + 100}),
		vertex('a', {started: start, completed: start + 300}),
	]);
	t.is(output.match(/DONE/gv)?.length, 2);
	t.true(output.includes('#1 [b] RUN b\n#1 DONE 0.1s\n'));
});

test('amounts and times are those of BuildKit', t => {
	t.deepEqual([0, 62, 999, 1060, 1_990_000, 80_020_000, 3e12].map(bytes => formatBytes(bytes)), ['0B', '62B', '999B', '1.06kB', '1.99MB', '80.02MB', '3.00TB']);
	t.deepEqual([0, 212, 9999, 12_345, 123_456].map(time => formatLogTime(time)), ['0.000', '0.212', '9.999', '12.35', '123.5']);
	t.is(formatStatus({
		type: 'status',
		vertex: digests.a,
		id: 'sha256:ab',
		current: 1_050_000,
		total: 3_200_000,
		timestamp: start + 500,
		started: start,
		completed: start + 500,
	}), 'sha256:ab 1.05MB / 3.20MB 0.5s done');
});
