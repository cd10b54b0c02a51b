/*
Times what a store does with 100, 1,000 and 10,000 cache records in it: `node scripts/bench/growth.ts`. Only the ratios mean something on another machine. Each record has a snapshot with one file and a blob of its own, in chains of ten.
*/

import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {digestOf} from '../../src/kernel/digest.ts';
import {openLocalStore} from '../../src/local-store.ts';
import {findCacheRecord, insertCacheRecord, useCacheRecord} from '../../snapshotter/cache-records.ts';
import {prune} from '../../snapshotter/prune.ts';
import type {SnapshotId} from '../../snapshotter/snapshotter.ts';
import type {Store} from '../../snapshotter/store.ts';
import {listUsage, measureSnapshots} from '../../snapshotter/usage.ts';

const sizes = [100, 1000, 10_000];
const chainLength = 10;
const runs = 21;

/** Milliseconds of processor time, by what was done. */
type Times = Readonly<Record<'open' | 'find' | 'insert' | 'du' | 'prune of nothing', number>>;

const keyOf = (number: number) => digestOf(`key ${number}`);

async function addRecord(store: Store, number: number, parent: SnapshotId | undefined): Promise<SnapshotId> {
	await using active = await store.snapshotter.prepare(parent);
	await writeFile(path.join(active.changesDirectory, 'file'), `content ${number}`);
	const id = await active.commit({description: `step ${number}`});
	insertCacheRecord(store.metadata, {keys: [keyOf(number), digestOf(`alias ${number}`)], snapshot: id, description: `step ${number}`});
	await store.content.write(new TextEncoder().encode(`blob ${number}`));
	return id;
}

async function fill(root: string, from: number, to: number): Promise<void> {
	await using store = await openLocalStore(root);
	let parent: SnapshotId | undefined;
	for (let number = from; number < to; number++) {
		parent = await addRecord(store, number, number % chainLength === 0 ? undefined : parent);
	}

	await measureSnapshots(store, {signal: new AbortController().signal});
	// As it is half a minute later.
	store.metadata.statement('UPDATE snapshots SET unsynced_boot = NULL').run();
}

/** The median of some runs, in milliseconds of processor time: other work on the machine makes less of a difference to that. */
async function time(action: (run: number) => Promise<void> | void): Promise<number> {
	const times: number[] = [];
	for (let run = 0; run < runs; run++) {
		const started = process.cpuUsage();
		await action(run);
		const {user, system} = process.cpuUsage(started);
		times.push((user + system) / 1000);
	}

	return times.toSorted((left, right) => left - right)[Math.trunc(runs / 2)]!;
}

async function measureStore(root: string, size: number): Promise<Times> {
	const open = await time(async () => {
		await using _store = await openLocalStore(root);
	});
	await using store = await openLocalStore(root);
	// Far apart from each other: what was looked at just before is in memory.
	const find = await time(run => {
		const record = findCacheRecord(store.metadata, keyOf((run * 7919) % size));
		useCacheRecord(store.metadata, record!.id, {session: store.session.id});
	});
	const insert = await time(async run => {
		await addRecord(store, (size * 10) + run, undefined);
	});
	const du = await time(() => {
		store.metadata.transaction(() => listUsage(store));
	});
	const nothing = await time(async () => {
		await prune(store, {canRemoveShared: true, matches: () => false, signal: new AbortController().signal});
	});
	return {
		open, find, insert, du, 'prune of nothing': nothing,
	};
}

async function benchmarkGrowth(): Promise<void> {
	const directory = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-growth-'));
	try {
		const root = path.join(directory, 'store');
		let filled = 0;
		for (const size of sizes) {
			await fill(root, filled, size);
			filled = size;
			const times = await measureStore(root, size);
			process.stdout.write(`${size} records: ${Object.entries(times).map(([name, milliseconds]) => `${name} ${milliseconds.toFixed(2)} ms`).join(', ')}\n`);
		}
	} finally {
		await rm(directory, {recursive: true});
	}
}

await benchmarkGrowth();
