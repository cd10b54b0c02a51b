import test from 'ava';
import {formatSourceExcerpt} from '../../src/cli/source-excerpt.ts';

const file = 'Dockerfile';

test('one line is shown with two lines around it', t => {
	t.is(formatSourceExcerpt({file, startLine: 3, endLine: 3}, 'a\nb\nc\nd\ne\nf\n'), `Dockerfile:3
--------------------
   1 |     a
   2 |     b
   3 | >>> c
   4 |     d
   5 |     e
--------------------
`);
});

test('at the end of the file more of what stands before is shown', t => {
	t.is(formatSourceExcerpt({file, startLine: 2, endLine: 2}, 'FROM busybox\nRUN bad\n'), `Dockerfile:2
--------------------
   1 |     FROM busybox
   2 | >>> RUN bad
   3 |${' '.repeat(5)}
--------------------
`);
});

test('several lines are all marked and get one line around them', t => {
	t.is(formatSourceExcerpt({file, startLine: 2, endLine: 3}, 'a\nb\nc\nd\ne\n'), `Dockerfile:2
--------------------
   1 |     a
   2 | >>> b
   3 | >>> c
   4 |     d
--------------------
`);
});

test('carriage returns at the ends of lines are left out', t => {
	t.false(formatSourceExcerpt({file, startLine: 1, endLine: 1}, 'a\r\nb\r\n').includes('\r'));
});

test('a place that is not in the file shows nothing', t => {
	t.is(formatSourceExcerpt({file, startLine: 9, endLine: 9}, 'a\n'), '');
});
