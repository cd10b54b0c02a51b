import test from 'ava';
import {formatExplanations} from '../../src/cli/explanation-summary.ts';
import type {ExecutionReason} from '../../src/kernel/execution-reason.ts';
import {digestOf} from '../../src/kernel/digest.ts';

const escape = String.fromCodePoint(0x1B);

function explain(name: string, ...reasons: readonly ExecutionReason[]): string {
	return formatExplanations([{
		type: 'explanation', vertex: digestOf(name), name, reasons,
	}]);
}

test('nothing that was executed is one line', t => {
	t.is(formatExplanations([]), '\n No step was executed: all that was needed was found in the cache.\n');
});

test('a step has its reasons below it', t => {
	t.is(
		explain('[1/2] COPY . /', {kind: 'input-executed', step: '[1/1] FROM x'}, {
			kind: 'files', files: [{path: 'a', change: 'changed', aspects: [{aspect: 'content'}, {aspect: 'mode', before: '0644', after: '0755'}]}], others: 312,
		}),
		'\n 1 step was executed:\n - [1/2] COPY . /\n     it builds on [1/1] FROM x, which was executed\n     a: content changed, mode 0644 → 0755\n     and 312 others\n',
	);
});

test('of long values the part is shown that differs', t => {
	const common = 'x'.repeat(150);
	const text = explain('RUN', {
		kind: 'part', part: 'command', change: 'changed', before: `${common}old`, after: `${common}new`,
	});
	t.regex(text, /command: "…x{20}old" → "…x{20}new"/v);
	t.regex(explain('RUN', {
		kind: 'part', part: 'command', change: 'changed', before: 'a'.repeat(100), after: 'b'.repeat(100),
	}), /command: "a{60}…" → "b{60}…"/v);
});

test('contents of which the files are not known are told as a whole', t => {
	t.regex(explain('COPY', {kind: 'files', files: [], others: 0}), /\n {5}other files of the build context than before\n$/v);
	t.regex(explain('COPY', {
		kind: 'files', step: '[a 1/1] RUN x', files: [], others: 0,
	}), /\n {5}other files of \[a 1\/1\] RUN x than before\n$/v);
});

test('names and values of files and steps do nothing to the terminal', t => {
	const hostile = `a${escape}[2Jb\r\nc\u{7}`;
	const text = explain(
		hostile,
		{kind: 'files', files: [{path: hostile, change: 'added', aspects: []}], others: 0},
		{
			kind: 'part', part: 'USER', change: 'changed', before: hostile, after: '',
		},
		{kind: 'input-changed', before: hostile, after: hostile},
	);
	t.notRegex(text, /[\p{Control}--\n]/v);
	t.is(text.split('\n').length, 7);
});
