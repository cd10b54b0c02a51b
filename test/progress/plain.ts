import test from 'ava';
import type {StatusEvent} from '../../src/kernel/progress-event.ts';
import {readRecordedEvents, readRecordedText, replay} from '../support/recorded-progress.ts';
import {
	log,
	openPlain,
	plainDigests,
	render,
	start,
	vertex,
} from '../support/plain-output.ts';

/** Output without what differs from build to build: sizes of files, plainDigests and times. */
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
		const {display, clock, output} = openPlain({description: 'building with "rec" instance using remote driver'}, batches.find(({time}) => time > 0)!.time);
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
		log(plainDigests.a, 'one\ntw', 212),
		log(plainDigests.a, 'o\r\nthree', 1500),
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
			type: 'warning', vertex: plainDigests.b, short: 'Rule: text (line 1)', detail: [],
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
		log(plainDigests.a, `${lines.join('\n')}\n`, 100),
		vertex('a', {started: start, completed: start + 200, error: 'exit code: 1'}),
	]);
	t.true(output.endsWith(`#1 ERROR: exit code: 1
------
 > [a] RUN a:
${lines.slice(2).map(line => `0.100 ${line}\n`).join('')}------
`));
});

test('a step that ends while another is shown comes between, and the other one goes on', t => {
	const {display, clock, output} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	display.update(log(plainDigests.a, 'begun\n', 0));
	clock.advanceTo(start + 1000);
	display.update(vertex('b', {started: start, completed: start + 1000}));
	clock.advanceTo(start + 2000);
	display.update(log(plainDigests.a, 'more\n', 2000));
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
	const {display, clock, output} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	for (let second = 1; second < 12; second++) {
		clock.advanceTo(start + (second * 1000));
		display.update(log(plainDigests.a, `a ${second}\n`, second * 1000));
		display.update(log(plainDigests.a, `a ${second}\n`, second * 1000));
		display.update(log(plainDigests.b, `b ${second}\n`, second * 1000));
	}

	t.true(output().includes('#1 ...\n\n#2 [b] RUN b\n#2 1.000 b 1\n'), output());
});

test('a status is told again when it went on by a part of its whole, or is done', t => {
	const status = (current: number, more: Partial<StatusEvent> = {}): StatusEvent => ({
		type: 'status', vertex: plainDigests.a, id: 'sha256:ab', current, total: 1000, timestamp: start, started: start, ...more,
	});
	const {display, clock, output} = openPlain();
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

test('long names are cut only when asked', t => {
	t.is(render([vertex('a', {started: start})], {nameLength: 5}), '#1 [a] R...\n');
});

test('the interval between two displays is at least a tenth of a second', t => {
	const {display, clock, writes} = openPlain();
	for (let time = 0; time < 1000; time++) {
		clock.advanceTo(start + time);
		display.update(time === 0 ? vertex('a', {started: start}) : log(plainDigests.a, 'x\n', time));
	}

	t.is(writes.length, 10);
});
