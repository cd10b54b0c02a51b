import test from 'ava';
import fc from 'fast-check';
import {escapeGlob, Glob, hasWildcard} from '../../../solver/ops/glob.ts';
import {PathPatterns} from '../../../solver/ops/path-patterns.ts';

const globs = test.macro((t, glob: string, matching: readonly string[], others: readonly string[]) => {
	const expression = new Glob(glob, {allowsDoubleStar: false});
	t.deepEqual(matching.filter(path => !expression.matches(path)), []);
	t.deepEqual(others.filter(path => expression.matches(path)), []);
});

test('a star stops at slashes', globs, 'a*', ['a', 'ab', 'a\nb'], ['a/b', 'ba']);
test('a question mark is one character, however wide', globs, 'a?', ['ab', 'aé', 'a😀'], ['a', 'abc', 'a/']);
test('a list of characters', globs, String.raw`[a-c\]x]`, ['a', 'b', ']', 'x'], ['d', '-', 'ab']);
test('a negated list, which takes a slash as with Go', globs, '[^a-c]', ['d', '!', '^', '/'], ['a', '']);
test('an exclamation mark does not negate', globs, '[!a]', ['!', 'a'], ['b']);
test('a backslash takes the next character as it is', globs, String.raw`\*\[`, ['*['], ['a[']);
test('characters of regular expressions are plain', globs, 'a.+(b)|{c}$^', ['a.+(b)|{c}$^'], ['aa(b)']);
test('a range from high to low matches nothing', globs, '[z-a]', [], ['a', 'm', 'z']);
test('parts are matched one by one', globs, '*/b/*', ['a/b/c'], ['a/b', 'a/x/b/c']);
test('two stars are no more than one', globs, '**', ['a'], ['a/b']);

for (const glob of ['[', '[a', '[]a]', '[-a]', '[a-]', 'a\\', '[\\']) {
	test(`refuses ${glob}`, t => {
		t.throws(() => new Glob(glob, {allowsDoubleStar: false}), {code: 'ERR_TSBUILD_PATTERN', message: `invalid pattern ${JSON.stringify(glob)}: syntax error in pattern`});
	});
}

test('a hostile glob takes no exponential time', t => {
	t.false(new Glob('*a'.repeat(100), {allowsDoubleStar: false}).matches(`${'a'.repeat(250)}b`));
	t.false(new Glob(`${'**/a*'.repeat(50)}b`, {allowsDoubleStar: true}).matches('a/'.repeat(200)));
});

test('a glob matches what its regular expression does', t => {
	const glob = fc.string({unit: fc.constantFrom('a', 'b', '*', '?', '/'), maxLength: 8});
	const path = fc.string({unit: fc.constantFrom('a', 'b', '/'), maxLength: 8});
	t.notThrows(() => {
		fc.assert(fc.property(glob, path, (text, candidate) => {
			const source = [...text].map(character => ({'*': String.raw`[^\/]*`, '?': String.raw`[^\/]`, '/': String.raw`\/`})[character] ?? character);
			const expression = new RegExp(`^${source.join('')}$`, 'v');
			return new Glob(text, {allowsDoubleStar: false}).matches(candidate) === expression.test(candidate);
		}), {numRuns: 2000});
	});
});

test('an escaped path matches itself alone', t => {
	for (const path of ['a*b', '!a', ' a[b]', String.raw`a\b?`, 'plain/path']) {
		const patterns = new PathPatterns([escapeGlob(path)], '');
		t.true(patterns.matchWithParents(path).isMatch, `${path} matches`);
		t.false(patterns.matchWithParents(`x${path}`).isMatch);
	}
});

test('knows wildcards that are not escaped', t => {
	t.deepEqual(['a*', 'a?', '[a', 'a', String.raw`a\*`, String.raw`\\*`].map(path => hasWildcard(path)), [true, true, true, false, false, true]);
});

const patterns = test.macro((t, lines: readonly string[], matching: readonly string[], others: readonly string[]) => {
	const list = new PathPatterns(lines, 'excludepatterns');
	t.deepEqual(matching.filter(path => !list.matchWithParents(path).isMatch), []);
	t.deepEqual(others.filter(path => list.matchWithParents(path).isMatch), []);
});

test('a pattern takes what is below a directory', patterns, ['node_modules'], ['node_modules', 'node_modules/a/b'], ['a/node_modules', 'node_modules2']);
test('two stars are any number of directories', patterns, ['**/*.log'], ['a.log', 'a/b.log', 'a/b/c.log'], ['a.log.txt']);
test('two stars in the middle', patterns, ['a/**/z'], ['a/z', 'a/b/z', 'a/b/c/z'], ['b/z', 'z']);
test('two stars at the end', patterns, ['a/**'], ['a/b', 'a/b/c'], ['b', 'ab']);
test('the last pattern that matches decides', patterns, ['*.md', '!README.md', 'README.m*'], ['README.md', 'a.md'], []);
test('an exception inside an excluded directory', patterns, ['docs', '!docs/keep.md'], ['docs', 'docs/a.md'], ['docs/keep.md']);
test('blanks, a slash at the end and dots mean nothing', patterns, ['a/', ' b/c/.. ', './/d'], ['a', 'a/x', 'b', 'd'], ['c']);
test('a pattern that begins with a slash or leads up matches nothing', patterns, ['/a', '../a', 'a/../../a', '.', '/', ''], [], ['a', 'a/b']);
test('only exceptions match nothing', patterns, ['!a'], [], ['a', 'b']);

test('a broken pattern is refused in BuildKit\'s words', t => {
	t.throws(() => new PathPatterns(['a['], 'excludepatterns'), {code: 'ERR_TSBUILD_PATTERN', message: 'invalid excludepatterns: [a[]: syntax error in pattern'});
	t.throws(() => new PathPatterns(['!'], 'excludepatterns'), {code: 'ERR_TSBUILD_PATTERN', message: 'invalid excludepatterns: [!]: illegal exclusion pattern: "!"'});
});

test('a directory is left aside exactly when nothing below can be judged otherwise', t => {
	const part = fc.constantFrom('a', 'b', '*', '**', 'a*');
	const pattern = fc.tuple(fc.constantFrom('', '!'), fc.array(part, {minLength: 1, maxLength: 3})).map(([sign, parts]) => `${sign}${parts.join('/')}`);
	const name = fc.constantFrom('a', 'b', 'ab');
	const path = fc.array(name, {minLength: 1, maxLength: 3});
	fc.assert(fc.property(fc.array(pattern, {maxLength: 4}), path, path, (lines, directory, below) => {
		const list = new PathPatterns(lines, 'excludepatterns');
		const parent = list.matchWithParents(directory.join('/'));
		const child = list.matchWithParents([...directory, ...below].join('/'));
		t.true(child.isMatch === parent.isMatch || list.canChangeBelow(directory.join('/'), parent), `${lines.join(' ')} ${directory.join('/')}`);
	}), {numRuns: 2000});
	t.false(new PathPatterns(['a'], '').canChangeBelow('a', {isMatch: true, each: [true]}));
	t.false(new PathPatterns(['a', '!b/c'], '').canChangeBelow('a', {isMatch: true, each: [true, false]}));
	t.true(new PathPatterns(['a', '!a/c'], '').canChangeBelow('a', {isMatch: true, each: [true, false]}));
});
