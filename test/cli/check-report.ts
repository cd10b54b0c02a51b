import {Buffer} from 'node:buffer';
import test from 'ava';
import type {CheckWarning} from '../../frontend/dockerfile/check-warning.ts';
import {formatCheckJson, formatCheckProblem, formatCheckText} from '../../src/cli/check-report.ts';

const escape = '\u{1B}';
const content = new TextEncoder().encode(`FROM a\nENV b ${escape}[2Jc\n\tRUN d\n`);
const source = {path: 'dir/Dockerfile', content};

const warning = (detail: string, startLine: number, endLine = startLine): CheckWarning => ({
	ruleName: 'Rule', description: 'About <it>.', url: 'https://a.example/', detail, location: {file: 'Dockerfile', startLine, endLine},
});

test('warnings stand in the order of the file, those of one line as they were found', t => {
	const text = formatCheckText({warnings: [warning('c', 3), warning('a', 1), warning('d', 3), warning('b', 2)]}, source);
	t.deepEqual(text.match(/^[a-d]$/gmv), ['a', 'b', 'c', 'd']);
	t.true(text.startsWith('Check complete, 4 warnings have been found!\n\nWARNING: Rule - https://a.example/\na\ndir/Dockerfile:1\n'));
});

test('a rule without a page stands alone', t => {
	const {url, ...bare} = warning('a', 1);
	t.regex(formatCheckText({warnings: [bare]}, source), /^WARNING: Rule\na$/mv);
});

test('what would change the user\'s terminal is left out', t => {
	const text = formatCheckText({warnings: [warning(`${escape}]0;title\u{7}a`, 2)]}, source);
	t.false(text.includes(escape));
	t.true(text.includes('\na\ndir/Dockerfile:2\n'));
	t.true(text.includes(' | >>> ENV b c\n   3 |     \tRUN d\n'), text);
	t.is(formatCheckProblem({message: `${escape}[1ma`, locations: []}, source), 'ERROR: a\n\n');
});

test('the JSON of a warning has a range for each line', t => {
	const report = formatCheckJson({warnings: [warning('a', 2, 3)], problem: {message: 'b & c', locations: []}}, {name: 'Dockerfile', content});
	t.true(report.includes(String.raw`"description": "About \u003cit\u003e."`));
	t.deepEqual(JSON.parse(report), {
		warnings: [{
			ruleName: 'Rule',
			description: 'About <it>.',
			url: 'https://a.example/',
			detail: 'a',
			location: {ranges: [{start: {line: 2}, end: {line: 2}}, {start: {line: 3}, end: {line: 3}}]},
		}],
		sources: [{filename: 'Dockerfile', data: Buffer.from(content).toString('base64'), language: 'Dockerfile'}],
		buildError: {message: 'b & c', location: {}},
	});
});
