import {Buffer} from 'node:buffer';
import test from 'ava';
import {digestOf, type Digest} from '../../src/kernel/digest.ts';
import type {ProgressEvent, VertexEvent} from '../../src/kernel/progress-event.ts';
import {TerminalDisplay, type TerminalOptions, type TerminalSize} from '../../src/progress/terminal.ts';
import {readTerminalColors} from '../../src/progress/terminal-colors.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {
	readRecordedEvents,
	readRecordedText,
	replay,
	type RecordedBatch,
} from '../support/recorded-progress.ts';
import {TerminalScreen} from '../support/terminal-screen.ts';

const start = 1_700_000_000_000;

type Harness = {
	readonly display: TerminalDisplay;
	readonly clock: ManualClock;
	readonly screen: TerminalScreen;
	readonly output: () => string;
};

function open(size: TerminalSize, options: Partial<TerminalOptions> = {}, time = start): Harness {
	const clock = new ManualClock(time);
	const screen = new TerminalScreen(size);
	let output = '';
	const display = new TerminalDisplay({
		write(text) {
			output += text;
			screen.write(text);
		},
		clock,
		colors: true,
		size: () => size,
		terminalColors: readTerminalColors({}),
		logRows: 6,
		...options,
	});
	return {
		display, clock, screen, output: () => output,
	};
}

function vertex(name: string, state: Partial<VertexEvent> = {}): VertexEvent {
	return {
		type: 'vertex', digest: digestOf(name), name, inputs: [], started: start, ...state,
	};
}

function log(digest: Digest, text: string): ProgressEvent {
	return {
		type: 'log', vertex: digest, stream: 'stdout', data: Buffer.from(text), timestamp: start,
	};
}

/** The recorded builds say in each RUN which terminal they were recorded on. */
function marked(batches: readonly RecordedBatch[], mark: string): readonly RecordedBatch[] {
	return batches.map(({events, ...batch}) => ({
		...batch,
		events: events.map(event => event.type === 'vertex' ? {...event, name: event.name.replace('RUN ', () => `RUN : ${mark}; `)} : event),
	}));
}

function mask(text: string): string {
	return text.replaceAll(/\d\.\d{3} /gv, 'T ').replaceAll(/\d\.\ds/gv, 'T').replaceAll(/\d{1,3}B/gv, 'SIZE');
}

const recorded = test.macro({
	async exec(t, name: string, {size, after}: {readonly size: TerminalSize; readonly after?: number}) {
		const batches = marked(await readRecordedEvents(name), `tty${size.columns}`);
		const begun = batches.find(({time}) => time > 0)!.time;
		const {display, clock, screen} = open(size, {description: 'remote:rec'}, begun);
		replay(batches, {display, clock, ...(after !== undefined && {until: begun + after})});
		if (after === undefined) {
			display.finish();
		}

		const file = `screen-${size.columns}x${size.rows}-${after === undefined ? 'end' : String(after).padStart(4, '0')}.txt`;
		const expected = await readRecordedText(name, file);
		t.is(mask(screen.text), mask(expected).trimEnd());
		t.true(screen.isCursorVisible);
	},
	title: (_, name: string, {size, after}: {readonly size: TerminalSize; readonly after?: number}) =>
		`the recorded build "${name}" is shown on ${size.columns} columns ${after === undefined ? 'in the end' : `after ${after} ms`} as BuildKit shows it`,
});

const small = {columns: 80, rows: 24};
const large = {columns: 160, rows: 40};

test(recorded, 'parallel-stages', {size: small, after: 600});
test(recorded, 'parallel-stages', {size: small, after: 1900});
test(recorded, 'cancelled-sibling', {size: large, after: 600});
test(recorded, 'cancelled-sibling', {size: large, after: 1200});
test(recorded, 'cancelled-sibling', {size: large});
test(recorded, 'warnings', {size: small});
test(recorded, 'carriage-returns', {size: small, after: 600});
test(recorded, 'carriage-returns', {size: small, after: 1200});
test(recorded, 'carriage-returns', {size: small, after: 2600});
test(recorded, 'carriage-returns', {size: small});

test('the view is drawn again in its place, however its height changes', t => {
	const {display, clock, screen} = open(small);
	display.update(vertex('a'));
	display.update(log(digestOf('a'), 'one\ntwo\nthree\n'));
	clock.advanceTo(start + 1000);
	t.is(screen.text.split('\n').length, 5);
	display.update(vertex('a', {started: start, completed: start + 1000}));
	display.finish();
	t.is(screen.text, `[+] Building 1.0s (1/1) FINISHED
 => a                                                                      1.0s`);
});

test('no more rows are drawn than the terminal has, and steps that run are among them', t => {
	const {display, clock, screen} = open({columns: 40, rows: 8});
	display.update(vertex('first step that runs'));
	for (let index = 0; index < 20; index++) {
		display.update(vertex(`done ${index}`, {started: start, completed: start}));
	}

	clock.advanceTo(start + 1000);
	t.deepEqual(screen.text.split('\n').map(line => line.trim()), [
		'[+] Building 0.9s (20/21)',
		'=> first step that runs           0.9s',
		...['15', '16', '17', '18', '19'].map(index => `=> done ${index}                        0.0s`),
	]);
	display.finish();
	t.is(screen.text.split('\n').length, 22, 'in the end all are');
});

test('of more running steps than there is room for, the last ones are shown', t => {
	const {display, clock, screen} = open({columns: 40, rows: 5});
	for (let index = 0; index < 20; index++) {
		display.update(vertex(`step ${index}`));
	}

	clock.advanceTo(start + 1000);
	t.deepEqual(screen.text.split('\n').slice(1).map(line => line.trim()), ['17', '18', '19'].map(index => `=> step ${index}                        0.9s`));
});

test('the view follows the size of the terminal', t => {
	let size = {columns: 40, rows: 10};
	const {display, clock, screen} = open(large, {size: () => size});
	display.update(vertex('a'));
	clock.advanceTo(start + 400);
	t.is(screen.text.split('\n', 2)[1], ' => a                              0.3s');
	size = {columns: 60, rows: 10};
	clock.advanceTo(start + 500);
	t.is(screen.text.split('\n', 2)[1], ' => a                                                  0.5s');
	size = {columns: 0, rows: 0};
	clock.advanceTo(start + 700);
	t.is(screen.text.split('\n', 2)[1]?.length, 79);
});

test('a terminal that is too narrow shows the first row alone', t => {
	const {display, clock, screen} = open({columns: 12, rows: 10});
	display.update(vertex('a'));
	clock.advanceTo(start + 1000);
	t.is(screen.text, '[+] Buildin');
});

test('wide characters do not make rows wider than the terminal', t => {
	const {display, screen} = open({columns: 40, rows: 24});
	const name = `RUN echo ${'漢字'.repeat(30)}`;
	display.update(vertex(name));
	display.update(log(digestOf(name), `${'🎉'.repeat(40)}\ne\u{301}`));
	display.finish();
	const [, row = '', ...output] = screen.text.split('\n');
	t.is(row, ` => RUN echo ${'漢字'.repeat(5)}  0.0s`);
	t.deepEqual(output, [` => => # ${'🎉'.repeat(15)}`, ` => => # ${'🎉'.repeat(15)}`, ` => => # ${'🎉'.repeat(10)}`, ' => => # e\u{301}']);
});

test('the output of a step cannot control the terminal', t => {
	const {display, clock, screen, output} = open(small);
	display.update(vertex('a\u{1B}[2J'));
	display.update(log(digestOf('a\u{1B}[2J'), '\u{1B}]0;title\u{7}one\u{1B}[2J\u{1B}[10A\u{1B}[31mred\ttab\u{8}\u{1B}c\n\u{9B}1A two\u{1B}[?25l'));
	clock.advanceTo(start + 1000);
	t.deepEqual(screen.text.split('\n').slice(1).map(line => line.trimEnd()), [
		' => a                                                                      0.9s',
		' => => # onered  tab',
		' => => #  two',
	]);
	t.false(output().includes('\u{1B}]'));
});

test('a step that failed shows its whole output in the end, with its colours', t => {
	const {display, output} = open(small);
	const lines = Array.from({length: 1000}, (_, index) => `line ${index}\n`);
	display.update(vertex('a'));
	display.update(log(digestOf('a'), `${lines.join('')}\u{1B}[31mred\u{1B}[2K\n`));
	display.update(vertex('a', {started: start, completed: start, error: 'exit code: 1'}));
	display.finish();
	t.true(output().endsWith(`------\n > a:\n${lines.map(line => `0.000 ${line}`).join('')}0.000 \u{1B}[31mred\u{1B}[0m\n------\n`));
});

test('of very much output the end is kept', t => {
	const {display, output} = open(small);
	const lines = Array.from({length: 1000}, (_, index) => `${index}${'x'.repeat(99)}\n`).join('');
	display.update(vertex('a'));
	for (let index = 0; index < 100; index++) {
		display.update(log(digestOf('a'), lines));
	}

	display.update(vertex('a', {started: start, completed: start, error: 'exit code: 1'}));
	display.finish();
	const [summary = ''] = output().split('------\n > a:\n').slice(1);
	t.regex(summary, /^\[\d+ earlier lines left out\]\n/v);
	t.true(summary.endsWith(`0.000 999${'x'.repeat(99)}\n------\n`));
	t.true(summary.length > 2 ** 21 && summary.length < 2 ** 23);
	const left = Number(/\d+/v.exec(summary)![0]);
	t.is(left + (summary.split('\n').length - 3), 100_000);
});

test('a text of no step stands above the view', t => {
	const {display, clock, screen} = open(small);
	display.update(vertex('a'));
	clock.advanceTo(start + 1000);
	display.message('WARNING: something\n');
	clock.advanceTo(start + 2000);
	t.is(screen.text, `WARNING: something
[+] Building 1.9s (0/1)
 => a                                                                      1.9s`);
});

test('each frame is written at once and leaves the cursor visible', t => {
	const writes: string[] = [];
	const {display, clock} = open(small, {
		write(text) {
			writes.push(text);
		},
	});
	display.update(vertex('a'));
	clock.advanceTo(start + 1000);
	t.true(writes.length > 1);
	t.true(writes.every(text => text.endsWith('\u{1B}[?25h')));
});

test('done, canceled and failed rows have the colours of $BUILDKIT_COLORS', t => {
	const render = (environment: Readonly<Record<string, string>>): ReadonlyArray<string | undefined> => {
		const {display, output} = open(small, {terminalColors: readTerminalColors(environment)});
		display.update(vertex('a', {started: start, completed: start}));
		display.update(vertex('b', {started: start, completed: start, error: 'x'}));
		display.update(vertex('c', {
			started: start, completed: start, error: 'x', canceled: true,
		}));
		display.finish();
		const frame = output().slice(output().lastIndexOf('[+]'));
		return ['a', 'ERROR b', 'CANCELED c'].map(name => new RegExp(String.raw`\[(?<color>[0-9;]*)m => ${name} `, 'v').exec(frame)?.groups!.color);
	};

	t.deepEqual(render({}), ['34', '31', '33']);
	t.deepEqual(render({BUILDKIT_COLORS: 'run=light-green:Error=255,0,128:cancel=default'}), ['92', '38;5;198', '39']);
	t.deepEqual(render({BUILDKIT_COLORS: 'run=pink:error=256,0,0:cancel=1,2:nothing:=:run=red=blue:__proto__=red'}), ['34', '31', '33']);
	t.deepEqual(render({NO_COLOR: '1', BUILDKIT_COLORS: 'run=red'}), [undefined, undefined, undefined]);
	t.deepEqual(render({NO_COLOR: ''}), ['34', '31', '33']);
});

test('the number of output rows can be chosen', t => {
	const render = (logRows: number, rows: number): number => {
		const {display, clock, screen} = open({columns: 80, rows}, {logRows});
		display.update(vertex('a'));
		display.update(log(digestOf('a'), 'line\n'.repeat(100)));
		clock.advanceTo(start + 1000);
		return screen.text.split('\n').length - 2;
	};

	t.deepEqual([render(6, 24), render(2, 24), render(10, 24), render(100, 50), render(6, 10)], [6, 2, 10, 43, 0]);
});
