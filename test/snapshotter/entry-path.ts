import {Buffer} from 'node:buffer';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {joinEntryPath, parseEntryPath, prefixesOf} from '../../snapshotter/entry-path.ts';

function plain(text: string): string {
	const parsed = parseEntryPath(Buffer.from(text));
	return parsed === undefined ? '' : joinEntryPath(parsed).toString();
}

test('a path is made plain as if the root were that of the host', t => {
	const part = fc.constantFrom('a', 'b', '.', '..', '', '...', 'ä');
	fc.assert(fc.property(fc.array(part), parts => {
		const text = parts.join('/');
		t.is(plain(text), path.posix.resolve('/', text).slice(1));
	}));
});

test('names are bytes', t => {
	const name = Buffer.of(0x61, 0x2F, 0xFF, 0xFE);
	t.deepEqual(parseEntryPath(name), {parent: Buffer.from('a'), name: Buffer.of(0xFF, 0xFE)});
});

test('the root has no name', t => {
	for (const text of ['', '/', '.', './', '..', 'a/..', '/../..']) {
		t.is(parseEntryPath(Buffer.from(text)), undefined);
	}
});

test('prefixes lead from the top to the path', t => {
	t.deepEqual(prefixesOf(Buffer.from('a/b/c')).map(String), ['a', 'a/b', 'a/b/c']);
	t.deepEqual(prefixesOf(Buffer.alloc(0)), []);
});
