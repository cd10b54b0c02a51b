import test from 'ava';
import {parseSubordinateIds} from '../../src/rootless/subordinate-ids.ts';

test('the ranges of a user are found by name and by number, in their order', t => {
	const text = '# ranges\nother:100000:65536\nme:200000:65536\n1000:400000:10\nmine:1:2\nme:300000:1\n';
	t.deepEqual(parseSubordinateIds(text, ['me', '1000']), [
		{outside: 200_000, count: 65_536},
		{outside: 400_000, count: 10},
		{outside: 300_000, count: 1},
	]);
});

test('lines that make no sense are passed over, above all those that would make somebody root', t => {
	const text = 'me:0:65536\nme:-5:10\nme:100:0\nme:100\nme:100:10:10\nme:1e3:10\nme:4294967290:100\nme: 100:10\n\nme::\n';
	t.deepEqual(parseSubordinateIds(text, ['me']), []);
});
