import test from 'ava';
import {DockerfileError} from '../../../frontend/dockerfile/errors.ts';
import {readFlags, splitFlags} from '../../../frontend/dockerfile/flags.ts';
import {parseHeredocWord} from '../../../frontend/dockerfile/heredoc.ts';
import {parseJsonArray} from '../../../frontend/dockerfile/json-array.ts';
import {splitQuotedWords} from '../../../frontend/dockerfile/quoted-words.ts';

const quotedWords = test.macro<[text: string, words: readonly string[], escape?: '\\' | '`']>((t, text, words, escape = '\\') => {
	t.deepEqual(splitQuotedWords(text, escape), words);
});

test('words end at white space', quotedWords, ' a  b\tc\u{A0}d ', ['a', 'b', 'c', 'd']);
test('quotes hold words together and stay', quotedWords, 'a="b c" d=\'e f\'g', ['a="b c"', 'd=\'e f\'g']);
test('an escape character holds the next character', quotedWords, String.raw`a\ b c\"d e`, [String.raw`a\ b`, String.raw`c\"d`, 'e']);
test('an escape character works in double quotes', quotedWords, String.raw`"a\" b" c`, [String.raw`"a\" b"`, 'c']);
test('an escape character means nothing in single quotes', quotedWords, String.raw`'a\' b`, [String.raw`'a\'`, 'b']);
test('an escape character at the end falls out', quotedWords, 'a b\\', ['a', 'b']);
test('a quote that does not end takes the rest', quotedWords, 'a "b c', ['a', '"b c']);
test('empty quotes are a word', quotedWords, 'a "" b', ['a', '""', 'b']);
test('the backtick may be the escape character', quotedWords, 'a` b \\ c', ['a` b', '\\', 'c'], '`');
test('characters of two code units stay whole', quotedWords, String.raw`\👽 🚀`, [String.raw`\👽`, '🚀']);

const flags = test.macro<[text: string, flags: readonly string[], rest: string]>((t, text, expected, rest) => {
	t.deepEqual(splitFlags(text), {flags: expected, rest});
});

test('flags stand in front', flags, '--a=b --c d --e', ['--a=b', '--c'], 'd --e');
test('a single dash begins no flag', flags, '-a --b', [], '-a --b');
test('two dashes end the flags', flags, '--a -- --b c', ['--a'], '--b c');
test('quotes and backslashes of a flag are resolved', flags, String.raw`--a="b c" --d=e\ f'g h' i`, ['--a=b c', '--d=e fg h'], 'i');
test('there may be nothing but flags', flags, '  --a=b', ['--a=b'], '');
test('letters outside of ASCII stay whole', flags, '--chown=ünï x', ['--chown=ünï'], 'x');

const kinds = {link: 'boolean', from: 'string', exclude: 'strings'} as const;

test('flags are read by their kinds', t => {
	t.deepEqual(readFlags(['--link', '--from=a=b', '--exclude=x', '--exclude=y'], kinds), {link: true, from: 'a=b', exclude: ['x', 'y']});
	t.deepEqual(readFlags(['--link=FALSE', '--from='], kinds), {link: false, from: ''});
});

const refusesFlags = test.macro<[flags: readonly string[], message: string]>((t, given, message) => {
	t.throws(() => readFlags(given, kinds), {instanceOf: DockerfileError, message});
});

test('an unknown flag', refusesFlags, ['--frm=x'], 'unknown flag: --frm (did you mean from?)');
test('a flag that is a property of every object', refusesFlags, ['--constructor=x'], 'unknown flag: --constructor');
test('a flag that comes twice', refusesFlags, ['--from=x', '--from=x'], 'duplicate flag specified: --from');
test('a flag without its value', refusesFlags, ['--from'], 'missing a value on flag: --from');
test('a boolean flag with an empty value', refusesFlags, ['--link='], 'missing a value on flag: --link');
test('a boolean flag with another value', refusesFlags, ['--link=yes'], 'expecting boolean value for flag --link, not: yes');

const heredocWord = test.macro<[word: string, expected: ReturnType<typeof parseHeredocWord>]>((t, word, expected) => {
	t.deepEqual(parseHeredocWord(word), expected);
});

test('a name', heredocWord, '<<EOF', {name: 'EOF', expands: true, removesTabs: false});
test('a name after blanks', heredocWord, '<<  EOF', {name: 'EOF', expands: true, removesTabs: false});
test('a file descriptor before the name', heredocWord, '3<<EOF', {name: 'EOF', expands: true, removesTabs: false});
test('a dash before the name', heredocWord, '<<-EOF', {name: 'EOF', expands: true, removesTabs: true});
test('a name in single quotes', heredocWord, '<<\'EOF\'', {name: 'EOF', expands: false, removesTabs: false});
test('a name in double quotes', heredocWord, '<<-"E F"', {name: 'E F', expands: false, removesTabs: true});
test('a name with a part in quotes', heredocWord, '<<E"O"F', {name: 'EOF', expands: false, removesTabs: false});
test('a name with a variable keeps it', heredocWord, '<<$EOF', {name: '$EOF', expands: true, removesTabs: false});
test('no name', heredocWord, '<<', undefined);
test('two words', heredocWord, '<<a b', undefined);
test('a here-string', heredocWord, '<<<a', undefined);
test('text before it', heredocWord, 'a<<b', undefined);
test('a quote that does not end', heredocWord, '<<"a', undefined);

test('an exec form is a JSON array of strings', t => {
	t.deepEqual(parseJsonArray(String.raw` ["a", "b\n\u0041"] `), ['a', 'b\nA']);
	t.deepEqual(parseJsonArray('[]'), []);
	t.deepEqual(parseJsonArray(String.raw`["\ud800"]`), ['\u{FFFD}']);
	const shellForms = ['["a",]', '[\'a\']', '["a"] b', '[', 'a', '{"a": 1}', ''];
	t.deepEqual(shellForms.filter(text => parseJsonArray(text) !== undefined), []);
});

test('an array of anything but strings is refused', t => {
	for (const text of ['[1]', '["a", null]', '[["a"]]']) {
		t.throws(() => parseJsonArray(text), {message: 'when using JSON array syntax, arrays must be comprised of strings only'});
	}
});
