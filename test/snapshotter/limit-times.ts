import type {Buffer} from 'node:buffer';
import {Readable} from 'node:stream';
import test from 'ava';
import {limitTimes} from '../../snapshotter/limit-times.ts';
import {
	archiveBytes,
	archiveOf,
	device,
	directory,
	file,
	hardlink,
	symlink,
	type ArchiveEntry,
} from '../support/archive-entries.ts';
import {collect} from '../support/tar-bytes.ts';

const latest = 1_600_000_000_000_000_000n;
const at = (entry: ArchiveEntry, mtimeNanoseconds: bigint): ArchiveEntry => ({...entry, mtimeNanoseconds});
const odd = {
	...file('a/c'), uid: 3_000_000, mode: 0o4755, xattrs: new Map([['user.a', Uint8Array.of(0, 255)]]),
};
const entries = (early: bigint, late: bigint): readonly ArchiveEntry[] => [
	at(directory('a'), late),
	at(file('a/b', 'x'.repeat(70_000)), late),
	at(odd, late),
	at(hardlink('d', 'a/b'), late),
	at(symlink('e', 'a/b'.repeat(60)), late),
	at(device('f', 0, 0), late),
	at({path: 'g', type: 'fifo', mode: 0o600}, late),
	at(file('h'), early),
	at(file('i'), latest),
];

async function limited(archive: AsyncIterable<Uint8Array>): Promise<Buffer> {
	return collect(limitTimes(archive, latest));
}

test('later times become the latest one, and nothing else changes', async t => {
	for (const late of [latest + 1n, latest + 999_999_999n, latest * 2n]) {
		for (const early of [-5n, 0n, latest - 1n]) {
			const expected = await archiveBytes(...entries(early, latest));
			const archive = archiveOf(...entries(early, late));
			t.deepEqual(await limited(archive), expected);
		}
	}
});

test('an empty archive stays empty', async t => {
	t.deepEqual(await limited(archiveOf()), await archiveBytes());
});

test('an archive that breaks off is refused', async t => {
	const whole = await archiveBytes(file('a', 'x'.repeat(2000)));
	const archive = Readable.from([whole.subarray(0, 1500)]);
	await t.throwsAsync(limited(archive), {code: 'ERR_TSBUILD_TAR'});
});
