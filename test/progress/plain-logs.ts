import {Buffer} from 'node:buffer';
import test from 'ava';
import {
	log,
	openPlain,
	plainDigests,
	render,
	renderLog,
	start,
	vertex,
} from '../support/plain-output.ts';

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
		log(plainDigests.a, '\u{1B}[31mred\u{1B}[0m\n', 0),
	], {colors: false});
	t.is(output, '#1 [a] RUN a\n#1 0.000 red\n');
});

test('names, statuses, warnings and errors cannot control the terminal', t => {
	const evil = '\u{1B}[2Jevil\u{7}';
	const output = render([
		{
			type: 'vertex', digest: plainDigests.a, name: `RUN ${evil}\nmore`, inputs: [], started: start,
		},
		{
			type: 'status', vertex: plainDigests.a, id: evil, current: 0, total: 0, timestamp: start,
		},
		{
			type: 'warning', vertex: plainDigests.a, short: evil, detail: [],
		},
		{
			type: 'vertex', digest: plainDigests.a, name: `RUN ${evil}`, inputs: [], started: start, completed: start, error: `one\n${evil}`,
		},
	]);
	t.is(output, '#1 RUN evil more\n#1 evil\n#1 WARN: evil\n#1 ERROR: one\nevil\n------\n > RUN evil more:\n------\n');
});

test('a line that has not ended is shown as far as it goes, and goes on in place', t => {
	const {display, clock, output} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(log(plainDigests.a, 'part one ', 100));
	clock.advanceTo(start + 1000);
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part one ');
	display.update(log(plainDigests.a, 'part two\n', 1000));
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part one part two\n');
});

test('a line that has not ended when another step ends is repeated afterwards', t => {
	const {display, clock, output} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(log(plainDigests.a, 'part one ', 100));
	clock.advanceTo(start + 1000);
	display.update(vertex('b', {started: start + 900, completed: start + 1000, cached: true}));
	clock.advanceTo(start + 2000);
	display.update(log(plainDigests.a, 'part two', 2000));
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
	const {display, clock, output} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(log(plainDigests.a, 'part', 100));
	clock.advanceTo(start + 1000);
	display.message('WARNING: something\n');
	display.finish();
	t.is(output(), '#1 [a] RUN a\n#1 0.100 part\nWARNING: something\n');
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
	const {display, output} = openPlain();
	display.update(vertex('a', {started: start}));
	const chunk = Buffer.from('downloading 50%\r'.repeat(4096));
	for (let index = 0; index < 100; index++) {
		display.update(log(plainDigests.a, chunk, 0));
	}

	display.update(log(plainDigests.a, 'done\n', 0));
	display.finish();
	t.is(output(), '#1 [a] RUN a\n#1 0.000 done\n');
});

test('the output of a step that is not shown does not pile up', t => {
	const {display, writes} = openPlain();
	display.update(vertex('a', {started: start}));
	display.update(vertex('b', {started: start}));
	const chunk = `${'b'.repeat(999)}\n`.repeat(64);
	for (let index = 0; index < 400; index++) {
		display.update(log(plainDigests.b, chunk, 0));
	}

	const sizes = writes.map(text => text.length);
	t.true(sizes.reduce((total, size) => total + size, 0) > 400 * 60_000, 'it was written while the clock stood still');
	t.true(Math.max(...sizes) < 2 ** 21);
});
