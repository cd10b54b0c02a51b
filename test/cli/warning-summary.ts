import test from 'ava';
import {formatWarnings} from '../../src/cli/warning-summary.ts';
import {digestOf} from '../../src/kernel/digest.ts';
import type {WarningEvent} from '../../src/kernel/progress-event.ts';
import {readRecordedEvents, readRecordedText} from '../support/recorded-progress.ts';

const warning: WarningEvent = {
	type: 'warning', vertex: digestOf('a'), short: 'Rule: text (line 1)', detail: [],
};

test('the recorded warnings are summed up as buildx does', async t => {
	const batches = await readRecordedEvents('warnings');
	const warnings = batches.flatMap(({events}) => events.filter(event => event.type === 'warning'));
	t.is(formatWarnings(warnings, {colors: false}), await readRecordedText('warnings', 'summary.txt'));
});

test('the title is yellow only with colours', t => {
	t.is(formatWarnings([warning], {colors: false}), '\n 1 warning found (use docker --debug to expand):\n - Rule: text (line 1)\n');
	t.is(formatWarnings([warning], {colors: true}), '\n \u{1B}[33m1 warning found (use docker --debug to expand):\n\u{1B}[0m - Rule: text (line 1)\n');
});

test('nothing is said without warnings', t => {
	t.is(formatWarnings([], {colors: true}), '');
});
