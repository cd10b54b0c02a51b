import test from 'ava';
import {formatFinding, formatVerdict} from '../../src/cli/doctor-report.ts';
import type {Finding} from '../../src/doctor/finding.ts';

const ok: Finding = {status: 'ok', topic: 'kernel', summary: 'Linux 6.18'};
const warning: Finding = {
	status: 'warning', topic: 'dns', summary: 'none', advice: 'Name one.',
};
const fault: Finding = {
	status: 'fault', topic: 'user', summary: 'nobody', advice: 'Be somebody.',
};

test('a finding is a line, and what to do a line below', t => {
	t.is(formatFinding(ok, {isColored: false}), 'ok       kernel       Linux 6.18\n');
	t.is(formatFinding(fault, {isColored: false}), 'fault    user         nobody\n                      Be somebody.\n');
});

test('on a terminal the first word has a colour', t => {
	t.is(formatFinding(ok, {isColored: true}), '\u{1B}[32mok     \u{1B}[0m  kernel       Linux 6.18\n');
	t.true(formatFinding(warning, {isColored: true}).startsWith('\u{1B}[33mwarning\u{1B}[0m  '));
	t.true(formatFinding(fault, {isColored: true}).startsWith('\u{1B}[31mfault  \u{1B}[0m  '));
});

test('what the system says cannot steer the terminal or make lines', t => {
	t.is(formatFinding({...ok, summary: 'a\nb\u{1B}[2Jc'}, {isColored: false}), 'ok       kernel       a b [2Jc\n');
});

test('the last line says whether a build can run', t => {
	t.is(formatVerdict([ok]), '\nA build can run here.\n');
	t.is(formatVerdict([ok, warning, warning]), '\nA build can run here: 2 warnings.\n');
	t.is(formatVerdict([warning, fault]), '\nA build cannot run here: 1 fault, 1 warning.\n');
});
