import test from 'ava';
import {receivedSize, type TransferredFile} from '../../src/kernel/transfer-size.ts';

/** A file as in the recordings: of user 0, changed in 2026. */
function file(path: string, size: number, more: Partial<TransferredFile> = {}): TransferredFile {
	return {
		pathLength: path.length,
		linkLength: 0,
		mode: 0o10_0644,
		uid: 0,
		gid: 0,
		size,
		modifiedAt: 1_795_000_000_000_000_000n,
		...more,
	};
}

const counts = test.macro({
	exec(t, files: readonly TransferredFile[], size: number) {
		t.is(receivedSize(files), size);
	},
	title: (description = '') => `BuildKit counts ${description}`,
});

test('2 bytes for nothing', counts, [], 2);
test('31 bytes for an empty Dockerfile', counts, [file('Dockerfile', 0)], 31);
test('486 bytes for a Dockerfile of 447', counts, [file('Dockerfile', 447)], 486);
test('65 bytes for a .dockerignore of 25', counts, [file('.dockerignore', 25)], 65);
test('38 bytes for a file of 6', counts, [file('a.txt', 6)], 38);
test('39 bytes for a file of 7 at first', counts, [file('a.txt', 7)], 39);
test('26 bytes for the same file when it has it', counts, [file('a.txt', 7, {isKnown: true})], 26);
test('a directory without a size of its own', counts, [file('d', 4096, {mode: 0o04_0755})], 23);
test('76 bytes for two symbolic links', counts, [file('Dockerfile', 4, {mode: 0o12_0777, linkLength: 4}), file('loop', 10, {mode: 0o12_0777, linkLength: 10})], 76);

// Four files of 20,000,000 bytes and the Dockerfile: the recording shows 80.02MB.
test('the pieces of large files', counts, [file('Dockerfile', 22), ...['f1', 'f2', 'f3', 'f4'].map(name => file(name, 20_000_000))], 80_019_719);
