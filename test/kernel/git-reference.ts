import test from 'ava';
import {parseGitReference, type GitReference} from '../../src/kernel/git-reference.ts';

const none = {name: '', subdirectory: ''};

const reads = test.macro<[text: string, expected: GitReference | undefined]>({
	exec(t, text, expected) {
		t.deepEqual(parseGitReference(text), expected);
	},
	title: (_, text) => `${text} is read as BuildKit reads it`,
});

// https://github.com/moby/buildkit/blob/v0.32.2/frontend/dockerfile/dfgitutil/git_ref_test.go
test(reads, 'https://example.com/', undefined);
test(reads, 'https://example.com/foo', undefined);
test(reads, 'https://example.com/foo.git', {...none, remote: 'https://example.com/foo.git'});
test(reads, 'https://example.com/foo.git#deadbeef', {...none, remote: 'https://example.com/foo.git', name: 'deadbeef'});
test(reads, 'https://example.com/foo.git#release/1.2', {...none, remote: 'https://example.com/foo.git', name: 'release/1.2'});
test(reads, 'https://example.com/foo.git/', undefined);
test(reads, 'https://example.com/foo.git.bar', undefined);
test(reads, 'git@example.com:foo', {...none, remote: 'git@example.com:foo'});
test(reads, 'git@example.com/foo', undefined);
test(reads, 'example.com/foo', undefined);
test(reads, './git@example.com:foo', undefined);
test(reads, 'foo.git', undefined);
test(reads, 'custom.xyz/foo.git', undefined);
test(reads, 'file:///foo.git', undefined);
test(reads, 'ext::sh -c x', undefined);
test(reads, 'git://github.com/moby/buildkit', {...none, remote: 'git://github.com/moby/buildkit'});
test(reads, 'git+ssh://git@github.com/moby/buildkit.git', undefined);
test(reads, 'ssh://git@github.com:22/moby/buildkit', {...none, remote: 'ssh://git@github.com:22/moby/buildkit'});
test(reads, 'GIT://github.com/a', {...none, remote: 'git://github.com/a'});
test(reads, 'https://foo:bar@example.com/foo.git', {...none, remote: 'https://foo:bar@example.com/foo.git'});
test(reads, 'https://example.com/foo.git#:sub/dir', {...none, remote: 'https://example.com/foo.git', subdirectory: 'sub/dir'});
test(reads, 'git@example.com:foo/bar.git#baz/qux:quux/quuz', {remote: 'git@example.com:foo/bar.git', name: 'baz/qux', subdirectory: 'quux/quuz'});
test(reads, 'https://example.com/foo.git?ref=v1&subdir=/a', {remote: 'https://example.com/foo.git', name: 'v1', subdirectory: '/a'});
test(reads, 'https://example.com/foo.git?tag=v1', {...none, remote: 'https://example.com/foo.git', name: 'refs/tags/v1'});
test(reads, 'https://example.com/foo.git?tag=refs/tags/v1', {...none, remote: 'https://example.com/foo.git', name: 'refs/tags/v1'});
test(reads, 'https://example.com/foo.git?branch=v1', {...none, remote: 'https://example.com/foo.git', name: 'refs/heads/v1'});
test(reads, 'https://example.com/foo.git?ref=v1#v1', {...none, remote: 'https://example.com/foo.git', name: 'v1'});
test(reads, 'https://example.com/foo.git?commit=abc', {
	...none, remote: 'https://example.com/foo.git', name: 'abc', checksum: 'abc',
});
test(reads, 'https://example.com/foo.git?checksum=abc&branch=main', {
	...none, remote: 'https://example.com/foo.git', name: 'refs/heads/main', checksum: 'abc',
});
test(reads, 'https://example.com/foo.git?keep-git-dir=1', {...none, remote: 'https://example.com/foo.git', keepsGitDirectory: true});
test(reads, 'https://example.com/foo.git?keep-git-dir&submodules=false', {
	...none, remote: 'https://example.com/foo.git', keepsGitDirectory: true, hasSubmodules: false,
});
test(reads, 'https://example.com/foo.git?mtime=checkout', {...none, remote: 'https://example.com/foo.git', time: 'checkout'});

const refuses = test.macro<[text: string, message: string]>({
	exec(t, text, message) {
		t.throws(() => parseGitReference(text), {code: 'ERR_TSBUILD_GIT_REFERENCE', message: `failed to parse git ref ${text}: ${message}`});
	},
	title: (_, text) => `${text} is refused`,
});

test(refuses, 'https://example.com/foo.git?invalid=123', 'unexpected query "invalid"');
test(refuses, 'https://example.com/foo.git?ref=v1#v2', 'ref conflicts: "v2" vs "v1"');
test(refuses, 'https://example.com/foo.git?subdir=a#:b', 'subdir conflicts: "b" vs "a"');
test(refuses, 'https://example.com/foo.git?branch=a&tag=b', 'branch conflicts with tag');
test(refuses, 'https://example.com/foo.git?ref=a&ref=b', 'query "ref" has multiple values');
test(refuses, 'https://example.com/foo.git?ref=', 'query "ref" has no value');
test(refuses, 'https://example.com/foo.git?keep-git-dir=maybe', 'invalid keep-git-dir value: "maybe"');
test(refuses, 'https://example.com/foo.git?mtime=now', 'invalid mtime value: "now"');
test(refuses, 'https://example.com/foo.git#--upload-pack=x', 'invalid ref "--upload-pack=x"');
test(refuses, 'https://example.com/foo.git#a%20b', 'invalid ref "a b"');
test(refuses, 'https://example.com/foo.git#a..b', 'invalid ref "a..b"');
test(refuses, 'https://example.com/foo.git#a%', 'invalid URL escape in "a%"');
test(refuses, 'ssh://-oProxyCommand=x/foo', 'invalid address of a repository');
test(refuses, 'git@-oProxyCommand:foo', 'invalid address of a repository');
