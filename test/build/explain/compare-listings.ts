import {zstdCompressSync} from 'node:zlib';
import test from 'ava';
import {compareListings} from '../../../src/build/explain/compare-listings.ts';
import type {FileChange} from '../../../src/kernel/execution-reason.ts';

/** Files of permissions 0644 by their paths; those that end in a slash are directories. */
function listing(...paths: readonly string[]): Uint8Array {
	return zstdCompressSync(paths.map(path => (path.endsWith('/') ? `d 0755 0:0  \0${path.slice(0, -1)}\0` : `f 0644 0:0 c \0${path}\0`)).join(''));
}

const differ = test.macro<[before: readonly string[], after: readonly string[], changes: ReadonlyArray<readonly [path: string, change: FileChange['change']]> | undefined]>({
	exec(t, before, after, changes) {
		t.deepEqual(compareListings(listing(...before), listing(...after))?.map(({path, change}) => [path, change]), changes);
	},
	title: (what = '') => `of two listings ${what}`,
});

test('with the same files, nothing differs', differ, ['a/', 'a/b'], ['a/', 'a/b'], []);
test('without any file, nothing is known', differ, [], [], undefined);
test('an added directory is told without what is in it', differ, ['a'], ['a', 'b/', 'b/c', 'b/c/d'], [['b', 'added']]);
test('a directory that is in one by its files alone is the same', differ, ['a/', 'a/b', 'a/c/', 'a/c/d'], ['a/b', 'a/c/d'], []);
test('a directory that is in one by its files alone differs in them', differ, ['a/', 'a/b', 'a/c'], ['a/b', 'a/d'], [['a/c', 'removed'], ['a/d', 'added']]);
test('an empty directory counts', differ, ['a/', 'b'], ['b'], [['a', 'removed']]);
test('the input itself may be taken, or what is in it', differ, ['/', 'a'], ['a'], []);
test('the same directory elsewhere is compared file by file', differ, ['etc/x/', 'etc/x/a', 'etc/x/b'], ['x/', 'x/a', 'x/c'], [['x/b', 'removed'], ['x/c', 'added']]);
test('the same file elsewhere is the same', differ, ['a'], ['deep/er/a'], []);
test('another file elsewhere is another one', differ, ['there/a'], ['here/b'], [['here/b', 'added'], ['there/a', 'removed']]);
test('files that are in one directory more than before stay where they are', differ, ['src/a/x'], ['src/a/x', 'src/b/y'], [['src/b/y', 'added']]);
