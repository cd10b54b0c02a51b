import test from 'ava';
import {
	fileNameOf,
	isHttpSource,
	readChecksum,
} from '../../../frontend/dockerfile/convert/remote-source.ts';
import {isGitReference} from '../../../src/kernel/git-reference.ts';
import {parseDigest} from '../../../src/kernel/digest.ts';

const named = test.macro({
	exec(t, url: string, name: string) {
		t.is(fileNameOf(url), name);
	},
	title: (_, url: string, name: string) => `the file of ${url} is called ${name}`,
});

test(named, 'https://example.com/a.txt', 'a.txt');
test(named, 'https://example.com/dir/a.txt?query=/b#/c', 'a.txt');
test(named, 'https://example.com/dir/', 'dir');
test(named, 'https://example.com', '__unnamed__');
test(named, 'https://example.com/', '__unnamed__');
test(named, 'https://example.com/a%20b', 'a b');
test(named, 'https://example.com/a%2Fb', 'b');
test(named, 'https://example.com/%2e%2e', '__unnamed__');
test(named, 'https://example.com/%2F..', '__unnamed__');
test(named, 'https://example.com/a%00b', '__unnamed__');
test(named, 'https://example.com/100%', '__unnamed__');

const kind = test.macro({
	exec(t, source: string, expected: 'git' | 'http' | 'path') {
		t.is(isGitReference(source), expected === 'git');
		t.is(isHttpSource(source), expected === 'http');
	},
	title: (_, source: string, expected: string) => `${source} is a source of the kind ${expected}`,
});

test(kind, 'https://example.com/a.tar.gz', 'http');
test(kind, 'https://example.com/a.git', 'git');
test(kind, 'https://example.com/a.git#main:sub', 'git');
test(kind, 'https://example.com/a.git?ref=main', 'git');
test(kind, 'git@example.com:a/b', 'git');
test(kind, 'ssh://git@example.com/a', 'git');
test(kind, 'a/b.git', 'path');
test(kind, 'http', 'path');

const refused = test.macro((t, text: string, message: string) => {
	t.throws(() => readChecksum(text), {code: 'ERR_TSBUILD_DOCKERFILE_VALUE', message});
});

test('a checksum without an algorithm is refused', refused, 'abc', 'invalid checksum digest format');
test('a checksum of an unknown algorithm is refused', refused, 'md5:abc', 'unsupported digest algorithm');
test('a checksum that is too short is refused', refused, 'sha256:abc', 'invalid checksum digest length');
test('a checksum in upper case is refused', refused, `sha256:${'A'.repeat(64)}`, 'invalid checksum digest format');

test('checksums are sha256 or sha512', t => {
	t.deepEqual(readChecksum(''), {});
	for (const digest of [`sha256:${'a'.repeat(64)}`, `sha512:${'0'.repeat(128)}`]) {
		t.is(readChecksum(digest).checksum, parseDigest(digest));
	}
});
