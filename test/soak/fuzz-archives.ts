import {Buffer} from 'node:buffer';
import {execFileSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import type {ExecutionContext} from 'ava';
import fc from 'fast-check';
import {ArchiveTrap, type Outcome} from '../support/archive-trap.ts';
import {makeBusyboxRoot} from '../support/busybox-root.ts';
import {asRoot} from '../support/conditions.ts';
import {
	aimedBytes,
	damaged,
	hostileEntries,
	overlayAttributes,
} from '../support/hostile-archive.ts';
import {makeTemporaryDirectory} from '../support/temporary-directory.ts';

// For all properties together.
const seconds = Number(process.env.TSBUILD_FUZZ_SECONDS ?? 60);

/** What is tried again and again, with a fresh archive each time. */
type Property = (trap: ArchiveTrap, count: (outcome: Outcome) => void) => fc.IAsyncProperty<unknown>;

/** Tries archives until the time is over, and tells what became of them. */
async function fuzz(t: ExecutionContext, property: Property, limit: number): Promise<void> {
	await using trap = await ArchiveTrap.open();
	const outcomes = new Map<string, number>();
	const count = ({code = 'taken'}: Outcome) => {
		outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
	};

	await fc.assert(property(trap, count), {
		numRuns: Number.MAX_SAFE_INTEGER,
		interruptAfterTimeLimit: limit,
		markInterruptAsFailure: false,
		includeErrorInReport: true,
	});
	t.log(Object.fromEntries(outcomes));
	t.true(outcomes.has('taken') && outcomes.size > 1, 'some are taken, and some are refused');
}

/** A small system with few of its programs, in all formats that programs write. */
async function realLayers(): Promise<readonly Buffer[]> {
	await using directory = await makeTemporaryDirectory();
	const root = path.join(directory.path, 'root');
	mkdirSync(root);
	makeBusyboxRoot(root);
	execFileSync('sh', ['-ec', `
		truncate -s 3000 bin/busybox; rm bin/[c-z]*; ln etc/passwd etc/second; mkfifo tmp/fifo; mknod tmp/null c 1 3
		truncate -s 300k tmp/hole; printf x | dd of=tmp/hole bs=1 seek=150k conv=notrunc status=none
		setfattr -n user.color -v blue etc/group; mkdir -p "tmp/$(printf %0120d 0)/$(printf %0120d 0)"; touch tmp/.wh.gone tmp/.wh..wh..opq
	`], {cwd: root});
	const formats = [
		['--format=v7'],
		['--format=ustar'],
		['--format=gnu', '--sparse'],
		['--format=posix', '--sparse', '--xattrs'],
		['--format=posix', '--sparse', '--sparse-version=0.0'],
		['--format=posix', '--sparse', '--sparse-version=0.1'],
	];
	// The older formats cannot hold all of it, of which tar complains.
	return formats.map(format => execFileSync('sh', ['-c', 'tar --create "$@" . || true', 'sh', ...format], {cwd: root, maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'ignore']}));
}

const entriesAsLayer: Property = (trap, count) => fc.asyncProperty(hostileEntries, overlayAttributes, async (entries, attributes) => {
	count(await trap.apply(await aimedBytes(entries, trap.canary), attributes));
});

const entriesInAdd: Property = (trap, count) => fc.asyncProperty(hostileEntries, async entries => {
	count(await trap.unpack(await aimedBytes(entries, trap.canary)));
});

function damagedLayers(layers: readonly Buffer[]): Property {
	return (trap, count) => fc.asyncProperty(fc.constantFrom(...layers).chain(layer => damaged(layer)), async layer => {
		count(await trap.apply(layer));
		count(await trap.unpack(layer));
	});
}

function damagedCompression(layers: readonly Buffer[]): Property {
	const compressed = layers.map(layer => layer.subarray(0, 20_000)).flatMap(layer => [
		gzipSync(layer),
		zstdCompressSync(layer),
		execFileSync('bzip2', ['-c'], {input: layer}),
		execFileSync('xz', ['-c'], {input: layer}),
	]);
	const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), {maxLength: 3});
	return (trap, count) => fc.asyncProperty(fc.constantFrom(...compressed), changes, async (layer, changed) => {
		const bytes = Buffer.from(layer);
		for (const [offset, byte] of changed) {
			bytes[offset % bytes.length] = byte;
		}

		count(await trap.apply(bytes));
		count(await trap.unpack(bytes));
	});
}

asRoot('archives that want out do not get out, and damaged ones are taken or refused', async t => {
	const layers = await realLayers();
	const properties = [entriesAsLayer, entriesInAdd, damagedLayers(layers), damagedCompression(layers)];
	t.timeout((seconds + 60) * 1000);
	// One after the other: each counts the descriptors of the process.
	for (const property of properties) {
		await fuzz(t, property, seconds * 1000 / properties.length);
	}
});
