import test from 'ava';
import {RetryCountdown} from '../../src/cli/retry-countdown.ts';
import {TerminalDisplay} from '../../src/progress/terminal.ts';
import {readTerminalColors} from '../../src/progress/terminal-colors.ts';
import {ManualClock} from '../support/manual-clock.ts';
import {TerminalScreen} from '../support/terminal-screen.ts';

const start = 1_700_000_000_000;

test('a terminal counts the seconds down until a registry is asked again', t => {
	const size = {columns: 60, rows: 40};
	const clock = new ManualClock(start);
	const screen = new TerminalScreen(size);
	using display = new TerminalDisplay({
		write: screen.write, clock, colors: true, size: () => size, terminalColors: readTerminalColors({}), logRows: 6,
	});
	using countdown = new RetryCountdown(display.update, clock);
	const look = (seconds: number) => {
		clock.advanceTo(start + (seconds * 1000));
		// Without the times of the steps.
		return screen.text.split('\n').slice(1).map(line => line.replace(/^ *=> /v, '').replace(/\b[\d.]+s$/v, '').trimEnd());
	};

	const one = 'waiting for one.example: 429 Too Many Requests';
	const two = 'waiting for two.example: no answer';
	countdown.begin({domain: 'one.example', reason: '429 Too Many Requests', seconds: 3});
	t.deepEqual(look(0.4), [one, '=> # asked again in 3 s']);
	// Another request to the same registry, and one to another.
	countdown.begin({domain: 'one.example', reason: '503 Service Unavailable', seconds: 3});
	countdown.begin({domain: 'two.example', reason: 'no answer', seconds: 1});
	t.deepEqual(look(0.9), [one, '=> # asked again in 3 s', two, '=> # asked again in 1 s']);
	t.deepEqual(look(1.9), [one, '=> # asked again in 2 s', two]);
	t.deepEqual(look(2.9), [one, '=> # asked again in 1 s', two]);
	t.deepEqual(look(4), [one, two]);
	countdown.begin({domain: 'one.example', reason: '429 Too Many Requests', seconds: 2});
	t.deepEqual(look(4.4), [one, two, one, '=> # asked again in 2 s']);
});
