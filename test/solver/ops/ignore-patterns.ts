import test from 'ava';
import fc from 'fast-check';
import {PathPatterns} from '../../../solver/ops/path-patterns.ts';

/*
The rules of github.com/moby/patternmatcher, which BuildKit follows: the cases of its own test suite (but for paths with a slash at their end, of which there are none here), and a translation of it to compare with.

https://github.com/moby/patternmatcher/blob/v0.6.0/patternmatcher_test.go
*/

const matches = test.macro({
	exec(t, patterns: readonly string[], path: string, isMatch: boolean) {
		t.is(new PathPatterns(patterns, '').matchWithParents(path).isMatch, isMatch);
	},
	title: (_, patterns: readonly string[], path: string, isMatch: boolean) => `${patterns.join(' ')} ${isMatch ? 'matches' : 'does not match'} ${path}`,
});

type Case = readonly [patterns: string | readonly string[], path: string, isMatch: boolean];

const cases: readonly Case[] = [
	['*', 'fileutils.go', true],
	['*.go', 'fileutils.go', true],
	[['!fileutils.go', '*.go'], 'fileutils.go', true],
	[['docs', '!docs/README.md'], 'docs/README.md', false],
	[['docs/', '!docs/README.md'], 'docs/README.md', false],
	[['docs/*', '!docs/README.md'], 'docs/README.md', false],
	[['*.go', '!fileutils.go'], 'fileutils.go', false],
	[['*.go'], '.', false],
	[[], 'any/path/there', false],
	['**', 'file', true],
	['**/', 'file', true],
	['**', 'dir/file', true],
	['**/', 'dir/file', true],
	['**/**', 'dir/file', true],
	['dir/**', 'dir/file', true],
	['dir/**', 'dir/dir2/file', true],
	['**/dir', 'dir', true],
	['**/dir', 'dir/file', true],
	['**/dir2/*', 'dir/dir2/file', true],
	['**/dir2/**', 'dir/dir2/dir3/file', true],
	['**file', 'file', true],
	['**file', 'dir/file', true],
	['**/file', 'dir/file', true],
	['**file', 'dir/dir/file', true],
	['**/file', 'dir/dir/file', true],
	['**/file*', 'dir/dir/file', true],
	['**/file*', 'dir/dir/file.txt', true],
	['**/file*txt', 'dir/dir/file.txt', true],
	['**/file*.txt', 'dir/dir/file.txt', true],
	['**/file*.txt*', 'dir/dir/file.txt', true],
	['**/**/*.txt', 'dir/dir/file.txt', true],
	['**/**/*.txt2', 'dir/dir/file.txt', false],
	['**/*.txt', 'file.txt', true],
	['**/**/*.txt', 'file.txt', true],
	['a**/*.txt', 'a/file.txt', true],
	['a**/*.txt', 'a/dir/file.txt', true],
	['a**/*.txt', 'a/dir/dir/file.txt', true],
	['a/*.txt', 'a/dir/file.txt', false],
	['a/*.txt', 'a/file.txt', true],
	['a/*.txt**', 'a/file.txt', true],
	['a[b-d]e', 'ae', false],
	['a[b-d]e', 'ace', true],
	['a[b-d]e', 'aae', false],
	['a[^b-d]e', 'aze', true],
	['.*', '.foo', true],
	['.*', 'foo', false],
	['abc.def', 'abcdef', false],
	['abc.def', 'abc.def', true],
	['abc.def', 'abcZdef', false],
	['abc?def', 'abcZdef', true],
	['abc?def', 'abcdef', false],
	['**/foo/bar', 'foo/bar', true],
	['**/foo/bar', 'dir/foo/bar', true],
	['**/foo/bar', 'dir/dir2/foo/bar', true],
	['abc/**', 'abc', false],
	['abc/**', 'abc/def', true],
	['abc/**', 'abc/def/ghi', true],
	['**/.foo', '.foo', true],
	['**/.foo', 'bar.foo', false],
	['a(b)c/def', 'a(b)c/def', true],
	['a(b)c/def', 'a(b)c/xyz', false],
	['a.|)$(}+{bc', 'a.|)$(}+{bc', true],
	['dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', 'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', true],
	['dist/*.whl', 'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', true],
	[['**', '!util/docker/web'], 'util/docker/web/foo', false],
	[['**', '!util/docker/web', 'util/docker/web/foo'], 'util/docker/web/foo', true],
	[['**', '!dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl'], 'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', false],
	[['**', '!dist/*.whl'], 'dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl', false],
	[String.raw`a\\`, 'a\\', true],
	[String.raw`a\*b`, 'a*b', true],
	// Of Go's filepath.Match.
	['abc', 'abc', true],
	['*', 'abc', true],
	['*c', 'abc', true],
	['a*', 'a', true],
	['a*', 'abc', true],
	['a*', 'ab/c', true],
	['a*/b', 'abc/b', true],
	['a*/b', 'a/c/b', false],
	['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
	['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
	['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
	['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
	['a*b?c*x', 'abxbbxdbxebxczzx', true],
	['a*b?c*x', 'abxbbxdbxebxczzy', false],
	['ab[c]', 'abc', true],
	['ab[b-d]', 'abc', true],
	['ab[e-g]', 'abc', false],
	['ab[^c]', 'abc', false],
	['ab[^b-d]', 'abc', false],
	['ab[^e-g]', 'abc', true],
	[String.raw`a\*b`, 'ab', false],
	['a?b', 'a☺b', true],
	['a[^a]b', 'a☺b', true],
	['a???b', 'a☺b', false],
	['a[^a][^a][^a]b', 'a☺b', false],
	['[a-ζ]*', 'α', true],
	['*[a-ζ]', 'A', false],
	['a?b', 'a/b', false],
	['a*b', 'a/b', false],
	[String.raw`[\]a]`, ']', true],
	[String.raw`[\-]`, '-', true],
	[String.raw`[x\-]`, 'x', true],
	[String.raw`[x\-]`, '-', true],
	[String.raw`[x\-]`, 'z', false],
	[String.raw`[\-x]`, 'x', true],
	[String.raw`[\-x]`, '-', true],
	[String.raw`[\-x]`, 'a', false],
	['*x', 'xxx', true],
	// Not in its suite, but so.
	['**.log', 'my.log', true],
	['**.log', 'dir/my.log', true],
	['**.l?g', 'my.log', false],
	['**.l?g', 'dir/.log', true],
	['a**', 'abc', true],
	['a[^b]c', 'a/c', true],
	['a[/]c', 'a/c', true],
	['**/a**b', 'x/axx/b', true],
];

for (const [patterns, path, isMatch] of cases) {
	test(matches, [patterns].flat(), path, isMatch);
}

test('what is below a directory that matches, matches', t => {
	const matching = cases.filter(entry => entry[2]);
	for (const [patterns, path] of matching) {
		t.true(new PathPatterns([patterns].flat(), '').matchWithParents(`${path}/below`).isMatch, `${String(patterns)} ${path}`);
	}
});

for (const pattern of ['[]a]', '[-]', '[x-]', '[-x]', '\\', '[a-b-c]', '[', '[^', '[^bc', 'a[', 'a/[', '!a[', '[z-a]', '[Local-Only]/']) {
	test(`${pattern} is refused`, t => {
		t.throws(() => new PathPatterns([pattern], 'excludepatterns'), {code: 'ERR_TSBUILD_PATTERN', message: `invalid excludepatterns: [${pattern}]: syntax error in pattern`});
	});
}

test('any list of patterns says the same as the translation', t => {
	const part = fc.oneof(
		fc.constantFrom('**', '*', 'a', 'b', 'ab', 'a?', '*b', '**b', 'a**', '.', '[ab]', '[^a]', String.raw`\*`, '..'),
		fc.string({unit: fc.constantFrom('a', 'b', '*', '?', '.'), maxLength: 4}),
	);
	const pattern = fc.tuple(fc.constantFrom('', '', '!', ' ', '/'), fc.array(part, {minLength: 1, maxLength: 4})).map(([sign, parts]) => `${sign}${parts.join('/')}`);
	const name = fc.string({unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 3}).filter(text => text !== '.' && text !== '..');
	const path = fc.array(name, {minLength: 1, maxLength: 4}).map(parts => parts.join('/'));
	const patternList = fc.array(pattern.filter(text => cleanPath(text.trim()) !== '!'), {maxLength: 5});
	fc.assert(fc.property(patternList, path, (patterns, candidate) => {
		t.is(new PathPatterns(patterns, '').matchWithParents(candidate).isMatch, translatedMatch(patterns, candidate), `${JSON.stringify(patterns)} ${candidate}`);
	}), {numRuns: 5000});
});

/** `MatchesOrParentMatches` with the regular expressions that patternmatcher makes. */
function translatedMatch(patterns: readonly string[], path: string): boolean {
	const parts = path.split('/');
	const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
	const cleanPatterns = patterns.map(text => cleanPath(text.trim())).filter(text => text !== '.');
	let isMatch = false;
	for (const pattern of cleanPatterns) {
		const isException = pattern.startsWith('!');
		const matchesPath = translate(isException ? pattern.slice(1) : pattern);
		if (isException === isMatch && prefixes.some(prefix => matchesPath(prefix))) {
			isMatch = !isException;
		}
	}

	return isMatch;
}

/** Go's filepath.Clean, by its rules. https://pkg.go.dev/path/filepath#Clean */
function cleanPath(text: string): string {
	const isRooted = text.startsWith('/');
	const kept: string[] = [];
	const parts = text.split('/').filter(name => name !== '' && name !== '.');
	for (const part of parts) {
		if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') {
			kept.pop();
		} else if (part !== '..' || !isRooted) {
			kept.push(part);
		}
	}

	const joined = `${isRooted ? '/' : ''}${kept.join('/')}`;
	return joined === '' ? '.' : joined;
}

function translate(pattern: string): (path: string) => boolean {
	if (/^\*\*[^*?\[\\\]]*$/v.test(pattern)) {
		const suffix = pattern.slice('**'.length);
		return path => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
	}

	const tokens = pattern.match(/\*\*\/?|\\.|\[\^?\w+\]|./gv) ?? [];
	const source = tokens.map((token, index) => translateToken(token, {isLast: index === tokens.length - 1})).join('');
	const expression = new RegExp(`^${source}$`, 'v');
	return path => expression.test(path);
}

function translateToken(token: string, {isLast}: {readonly isLast: boolean}): string {
	if (token.startsWith('**')) {
		return isLast ? '.*' : '(.*/)?';
	}

	if (token === '*' || token === '?') {
		return token === '*' ? String.raw`[^\/]*` : String.raw`[^\/]`;
	}

	return '.+()|{}$^'.includes(token) ? `\\${token}` : token;
}
