import {Buffer} from 'node:buffer';
import {
	createWriteStream,
	mkdirSync,
	readdirSync,
	statSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {pipeline} from 'node:stream/promises';
import {createGzip} from 'node:zlib';
import test from 'ava';
import {applyLayer} from '../../snapshotter/apply.ts';
import {unpackArchive} from '../../solver/ops/unpack-archive.ts';
import {O_PATH} from '../../src/linux/constants.ts';
import {Descriptor} from '../../src/linux/descriptor.ts';
import {asRoot} from '../support/conditions.ts';
import {endOfArchive, rawHeader} from '../support/tar-bytes.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

const million = 1_000_000;
const directoryCount = 1000;
const mebibytes = 300;

/**
An archive of a million entries: each hundredth is a new file, the others are what `other` says.

@yields a thousand entries at a time
*/
async function * millionEntries(other: (directory: string, number: number) => Buffer): AsyncGenerator<Buffer> {
	for (let start = 0; start < million; start += directoryCount) {
		yield Buffer.concat(Array.from({length: directoryCount}, (_, index) => (index % 100 === 0
			? rawHeader({name: Buffer.from(`d${index}/f${start}`)})
			: other(`d${index}`, start))));
	}

	yield Buffer.from(endOfArchive);
}

function countFiles(directory: string): number {
	const counts = readdirSync(directory).map(name => readdirSync(path.join(directory, name)).length);
	return counts.reduce((sum, count) => sum + count, 0);
}

test.afterEach('the memory of the process is that of a small one', t => {
	const {maxRSS} = process.resourceUsage();
	t.log(`${Math.ceil(maxRSS / 1024)} MiB`);
	t.true(maxRSS < mebibytes * 1024);
});

asRoot.serial('a layer of a million entries is applied in little memory', async t => {
	await using temporary = await makeTemporaryDirectory();
	const whiteout = (directory: string, number: number) => rawHeader({name: Buffer.from(`${directory}/.wh.w${number}`)});
	await applyLayer(millionEntries(whiteout), {into: temporary.path, parent: undefined});
	t.is(countFiles(temporary.path), million / 100);
});

asRoot.serial('an archive of a million entries is unpacked by ADD in little memory', async t => {
	await using temporary = await makeTemporaryDirectory();
	const archive = path.join(temporary.path, 'archive.tar.gz');
	const into = path.join(temporary.path, 'into');
	mkdirSync(into);
	const again = (directory: string) => rawHeader({typeFlag: '5', name: Buffer.from(directory), mode: 0o755});
	await pipeline(millionEntries(again), createGzip({level: 1}), createWriteStream(archive));
	using source = Descriptor.open(archive, O_PATH);
	using root = Descriptor.open(into, O_PATH);
	await unpackArchive({file: source, status: statSync(archive, {bigint: true}), isReadable: false}, {
		name: archive,
		root,
		destination: '/',
		owner: undefined,
		visit() {
			// Nobody else has the file.
		},
		signal: new AbortController().signal,
	});
	t.is(countFiles(into), million / 100);
});
