import test from 'ava';
import {
	cutToWidth,
	expandTabs,
	padToWidth,
	widthOf,
	wrapToWidth,
} from '../../src/progress/text-width.ts';

test('characters take as many columns as a terminal gives them', t => {
	t.deepEqual(['', 'abc', 'ä', 'a\u{308}', '漢字', '한글', 'ﬁ', 'ＡＢ', '🎉', '\u{200B}'].map(text => widthOf(text)), [0, 3, 1, 1, 4, 4, 1, 4, 2, 0]);
});

test('a text is cut before the character that does not fit', t => {
	t.deepEqual([cutToWidth('abc', 2), cutToWidth('漢字', 3), cutToWidth('漢字', 1), cutToWidth('a\u{308}b', 1), cutToWidth('abc', 0), cutToWidth('abc', -1)], ['ab', '漢', '', 'a\u{308}', '', '']);
});

test('a text is padded, never cut', t => {
	t.deepEqual([padToWidth('漢', 3), padToWidth('abc', 2)], ['漢 ', 'abc']);
});

test('a text is wrapped, even where no character fits', t => {
	t.deepEqual(wrapToWidth('abcde', 2), ['ab', 'cd', 'e']);
	t.deepEqual(wrapToWidth('', 2), ['']);
	t.deepEqual(wrapToWidth('漢字', 1), ['漢', '字']);
});

test('a tab goes to the next multiple of eight', t => {
	t.deepEqual([expandTabs('a\tb'), expandTabs('\t\tb'), expandTabs('12345678\tb'), expandTabs('漢\tb')], ['a       b', `${' '.repeat(16)}b`, `12345678${' '.repeat(8)}b`, '漢      b']);
});
